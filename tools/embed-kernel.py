#!/usr/bin/env python3
"""Turns one kernel of shaders/ into C: SPIR-V words, OpenCL C text and a params struct.

usage: embed-kernel.py --header gk.h --out-c X.gk.c --out-h X.gk.h [--glslang PROGRAM
                       [--spirv-val PROGRAM]] X.gk
       embed-kernel.py --header gk.h --out-c DIALECT.c

Without --glslang (or for a kernel in a folder named "opencl") there is no SPIR-V in the result.
"""
import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile

TYPE_BYTES = {"float": 4, "uint": 4, "int": 4, "ushort": 2, "uchar": 1, "vec2": 8, "vec4": 16, "uvec4": 16}
C_TYPES = {"float": "float", "uint": "uint32_t", "int": "int32_t"}


def fail(message):
    sys.exit("embed-kernel: " + message)


def flatten(path, seen=()):
    """The text of a kernel with its #include lines replaced by the files they name."""
    if path in seen:
        fail("%s includes itself" % path)
    lines = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            m = re.match(r'\s*#include "([^"]+)"', line)
            if m:
                lines.append(flatten(os.path.join(os.path.dirname(path), m.group(1)), seen + (path,)))
            else:
                lines.append(line)
    return "".join(lines)


def macro_body(text, name, path):
    m = re.search(r"#define %s\([^)]*\)((?:\\\n|.)*)" % re.escape(name), text)
    if not m:
        fail("%s: no #define of %s" % (path, name))
    return m.group(1).replace("\\\n", " ")


def parse(text, path):
    """What the host must know: name, bindings, params, tunables."""
    kernels = re.findall(r"^KERNEL\((\w+),\s*(\w+),\s*(\w+)", text, re.M)
    if len(kernels) != 1:
        fail("%s: expected one KERNEL(...), found %d" % (path, len(kernels)))
    name, buffers, params = kernels[0]
    bindings = re.findall(r"\b(RO|RW)\((\d+),\s*(\w+),\s*(\w+)\)", macro_body(text, buffers, path))
    if [int(b[1]) for b in bindings] != list(range(len(bindings))):
        fail("%s: bindings must count up from 0" % path)
    fields = re.findall(r"\bF\((\w+),\s*(\w+)\)", macro_body(text, params, path))
    tunables = re.findall(r"^TUNABLE\((\d+),\s*(\w+),\s*(\d+)\)", text, re.M)
    if not tunables or tunables[0][1] != "WG" or [int(t[0]) for t in tunables] != list(range(len(tunables))):
        fail("%s: tunables must count up from TUNABLE(0, WG, ...)" % path)
    for t in [b[2] for b in bindings]:
        if t not in TYPE_BYTES:
            fail("%s: buffer element type %s is not in the dialect" % (path, t))
    for t, _ in fields:
        if t not in C_TYPES:
            fail("%s: params may be uint, int or float, not %s" % (path, t))
    if 4 * len(fields) > 128:
        fail("%s: %d bytes of params, 128 is the most" % (path, 4 * len(fields)))
    return name, bindings, fields, tunables


def glsl_source(header, body):
    return "#version 450\n" + header + "#line 1\n" + body


def without_comments(text):
    """The same lines without comments and indentation: numbers of lines stay."""
    text = re.sub(r"/\*.*?\*/", lambda m: " " + "\n" * m.group().count("\n"), text, flags=re.S)
    return "".join(re.sub(r"[ \t]+", " ", line).strip() + "\n" for line in text.splitlines())


def opencl_half(header):
    """What gk.h has for OpenCL: its first #ifdef up to the #else."""
    m = re.search(r"^#ifdef GK_OPENCL\n(.*?)^#else\b.*?^#endif[^\n]*\n(.*)", header, re.M | re.S)
    if not m or re.search(r"^#\s*(if|else|endif)", m.group(2), re.M):
        fail("gk.h: expected one #ifdef GK_OPENCL .. #else .. #endif")
    return m.group(1) + m.group(2)


def opencl_dialect(header):
    """What stands before the text of each kernel: once in the library."""
    return "".join(line for line in without_comments(opencl_half(header)).splitlines(True) if line.strip())


def opencl_body(body):
    return "#line 1\n" + without_comments(body)


def opencl_source(header, body):
    """As drivers get it."""
    return opencl_dialect(header) + opencl_body(body)


def compile_spirv(glslang, spirv_val, source, path):
    with tempfile.TemporaryDirectory() as tmp:
        glsl, spv = os.path.join(tmp, "k.comp"), os.path.join(tmp, "k.spv")
        with open(glsl, "w", encoding="utf-8") as f:
            f.write(source)
        run = subprocess.run([glslang, "-V", "-g0", "--target-env", "vulkan1.1", "-S", "comp", "-o", spv, glsl],
                             capture_output=True, text=True)
        if run.returncode:
            fail("%s: not accepted as GLSL:\n%s" % (path, run.stdout + run.stderr))
        if spirv_val:
            run = subprocess.run([spirv_val, "--target-env", "vulkan1.1", spv], capture_output=True, text=True)
            if run.returncode:
                fail("%s: not valid SPIR-V:\n%s" % (path, run.stdout + run.stderr))
        with open(spv, "rb") as f:
            data = f.read()
    return [int.from_bytes(data[i:i + 4], "little") for i in range(0, len(data), 4)]


def c_string(text):
    """A C string literal per line, in an array initialiser that no compiler finds too long."""
    out = []
    for line in text.splitlines(True):
        out.append('    "' + line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"')
    return "\n".join(out)


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--header", required=True)
    ap.add_argument("--out-c", required=True)
    ap.add_argument("--out-h")
    ap.add_argument("--glslang")
    ap.add_argument("--spirv-val")
    ap.add_argument("kernel", nargs="?", help="without one, --out-c becomes the dialect for OpenCL")
    args = ap.parse_args()

    with open(args.header, encoding="utf-8") as f:
        header = f.read()
    if not args.kernel:
        write(args.out_c, '/* Generated from %s. */\n#include "backends/kernel.h"\n\n'
              "const char gr_opencl_dialect[] =\n%s;\n"
              % (os.path.basename(args.header), c_string(opencl_dialect(header))))
        return
    body = flatten(args.kernel)
    name, bindings, fields, tunables = parse(body, args.kernel)
    if name != os.path.basename(args.kernel).split(".")[0]:
        fail("%s: holds kernel %s; file and kernel share one name" % (args.kernel, name))
    opencl = opencl_source(header, body)
    opencl_only = os.path.basename(os.path.dirname(os.path.abspath(args.kernel))) == "opencl"
    spirv = []
    if args.glslang and not opencl_only:
        spirv = compile_spirv(args.glslang, args.spirv_val, glsl_source(header, body), args.kernel)
    written = sum(1 << int(b[1]) for b in bindings if b[0] == "RW")
    digest = int(hashlib.sha256(opencl.encode()).hexdigest()[:16], 16)

    write(args.out_h, """/* Generated from %s. */
#ifndef GR_KERNEL_%s_H
#define GR_KERNEL_%s_H

#include "backends/kernel.h"

typedef struct gr_%s_params {
%s
} gr_%s_params;

extern const gr_kernel gr_kernel_%s;

#endif
""" % (os.path.basename(args.kernel), name.upper(), name.upper(), name,
       "\n".join("    %s %s;" % (C_TYPES[t], n) for t, n in fields), name, name))

    words = ",\n    ".join(", ".join("0x%08x" % w for w in spirv[i:i + 8]) for i in range(0, len(spirv), 8))
    write(args.out_c, """/* Generated from %s. */
#include "%s"

%sstatic const char opencl_source[] =
%s;

const gr_kernel gr_kernel_%s = {
    .name = "%s",
    .binding_count = %d,
    .written = 0x%x,
    .binding_bytes = {%s},
    .params_bytes = sizeof(gr_%s_params),
    .tunable_count = %d,
    .tunables = {%s},
    .opencl_source = opencl_source,
    .spirv = %s,
    .spirv_words = %d,
    .hash = 0x%016xu,
};
""" % (os.path.basename(args.kernel), os.path.basename(args.out_h),
       "static const uint32_t spirv[] = {\n    %s};\n\n" % words if spirv else "",
       c_string(opencl_body(body)), name, name, len(bindings), written,
       ", ".join(str(TYPE_BYTES[b[2]]) for b in bindings), name, len(tunables),
       ", ".join('{"%s", %s}' % (t[1], t[2]) for t in tunables),
       "spirv" if spirv else "0", len(spirv), digest))


if __name__ == "__main__":
    main()
