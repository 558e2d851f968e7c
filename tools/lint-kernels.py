#!/usr/bin/env python3
"""Checks the kernels against the rules of the dialect that no single compiler sees.

usage: lint-kernels.py FILE.gk|FILE.gkh...    one line for each fault, exit status 1 if any
       lint-kernels.py --self-test            every rule must find its fault in a bad example

A compiler for one language accepts what the other one rejects; shaders/README.md has the rules.
Files in a folder named "opencl" have one language only: of the rules, their size remains.
"""
import os
import re
import sys

MAX_LINES = 150
MAX_COLUMNS = 100
TYPES = "float|uint|int|vec2|vec4|uvec4"

# Words that are reserved, or name a type, in C, in OpenCL C 1.2 or in GLSL 4.50, and that the
# dialect does not use itself.
RESERVED = set("""
    auto case char default do double enum extern goto inline long register restrict short signed
    sizeof static struct switch typedef union unsigned void volatile
    bool half quad complex imaginary image1d_t image2d_t image3d_t sampler_t event_t size_t
    ptrdiff_t intptr_t uintptr_t uchar ushort ulong kernel global local constant private pipe
    generic read_only write_only read_write
    active asm atomic_uint attribute buffer cast centroid class coherent common discard dvec2 dvec3
    dvec4 external filter fixed flat fvec2 fvec3 fvec4 highp hvec2 hvec3 hvec4 in inout input
    interface invariant ivec2 ivec3 ivec4 bvec2 bvec3 bvec4 layout lowp mat2 mat3 mat4 mediump
    namespace noinline noperspective out output packed partition patch precise precision public
    readonly resource row_major sample sampler2D shared smooth subroutine superp template this
    uniform using uvec2 uvec3 varying vec3 writeonly image1D image2D image3D texture
""".split())

# Names that exist in one language only, or mean something else in the other.
INSTEAD = {
    "barrier": "SYNC()", "fma": "FMA", "mad": "FMA", "abs": "ABS", "fabs": "ABS",
    "min": "FMIN or UMIN", "fmin": "FMIN", "max": "FMAX or UMAX", "fmax": "FMAX",
    "rsqrt": "RSQRT", "inversesqrt": "RSQRT", "mul_hi": "MUL_HI", "umulExtended": "MUL_HI",
    "as_float": "BITS_TO_F32", "uintBitsToFloat": "BITS_TO_F32", "as_uint": "F32_TO_BITS",
    "floatBitsToUint": "F32_TO_BITS", "INFINITY": "GK_F32_MAX", "NAN": "GK_F32_MAX",
    "isnan": "nothing: fast-math modes remove it", "isinf": "nothing: fast-math modes remove it",
    "float4": "vec4", "float2": "vec2", "uint4": "uvec4", "true": "1u", "false": "0u",
}

PATTERNS = [
    (r"\b(?:%s)\s*\*" % TYPES, "pointer"),
    (r"->|[(,=]\s*&\s*\w", "pointer"),
    (r"\b(?:%s)\s+\w+\s*\[" % TYPES, "array outside SHARED; keep register tiles in vec4"),
    (r"\(\s*(?:%s)\s*\)" % TYPES, "C cast; use F32(), U32() or I32()"),
    (r"\b(?:%s)\s*\(" % TYPES, "GLSL constructor; use F32(), U32(), I32() or VEC4()"),
    (r"(?<![\w.])(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])", "float literal without f"),
    (r"\b(?:gl_|get_|__|atomic)\w+", "name of one language; use the macros of gk.h"),
    (r"^\s*#\s*(?!include\b|define\b)\w+", "directive; tunables are no preprocessor values"),
    (r"\d##|##\d", "token pasting with a number"),
]


def strip_comments(text):
    """The text without comments, with the same line numbers."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)


def lint(path, text):
    """The faults of one file as lines of text."""
    faults = []
    raw = text.splitlines()
    if not text.startswith("/*"):
        faults.append("%s:1: expected a comment that says what this file is" % path)
    if len(raw) > MAX_LINES:
        faults.append("%s: %d lines, %d is the most" % (path, len(raw), MAX_LINES))
    for number, line in enumerate(raw, 1):
        if len(line) > MAX_COLUMNS:
            faults.append("%s:%d: %d columns, %d is the most" % (path, number, len(line), MAX_COLUMNS))
    if os.path.basename(os.path.dirname(path)) == "opencl":
        return faults
    for number, line in enumerate(strip_comments(text).splitlines(), 1):
        if re.match(r"\s*#\s*include\b", line):
            continue
        for pattern, message in PATTERNS:
            found = re.search(pattern, line)
            if found:
                faults.append("%s:%d: '%s': %s" % (path, number, found.group(0).strip(), message))
        for word in sorted(set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", line))):
            if word in RESERVED:
                faults.append("%s:%d: '%s' is reserved in one of the languages" % (path, number, word))
            if word in INSTEAD:
                faults.append("%s:%d: '%s': use %s" % (path, number, word, INSTEAD[word]))
    return faults


BAD = [
    ("float sample = 0.0f;", "reserved"), ("F(uint, half)", "reserved"),
    ("uint i = 1u; float *q;", "pointer"), ("f(a, &b);", "pointer"), ("p->rows", "pointer"),
    ("float acc[4];", "array"), ("(float)i", "cast"), ("float(i)", "constructor"),
    ("x = 1.0 * y;", "literal"), ("x = .5;", "literal"), ("x = 1e3 + 2.e3;", "literal"),
    ("get_global_id(0)", "one language"), ("gl_WorkGroupID", "one language"),
    ("#if WG > 4", "directive"), ("  # ifdef X", "directive"), ("a##1", "pasting"),
    ("barrier(x);", "SYNC"), ("max(a, b)", "FMAX"), ("x < INFINITY", "GK_F32_MAX"),
    ("x" * 101, "columns"), ("\n" * 150, "lines"),
]
GOOD = """/* A pointer, float *x, in a comment is no fault. */
#include "reduce.gkh"
#define GOOD_BUFFERS(RO, RW) RO(0, float, x) RW(1, float, y)
    uint mask = a & b;
    vec4 v = VEC4(1.0f, 2.5e-3f, F32(3u), x[4] * x[5]);
    v.x = a*b, total = F32(i) * -0.5f;
"""


def self_test():
    wrong = ["found in good text: " + f for f in lint("good", GOOD)]
    for text, expected in BAD:
        faults = lint("bad", "/* c */\n" + text + "\n")
        if not any(expected in f for f in faults):
            wrong.append("missed in %r: %s; found %s" % (text[:40], expected, faults))
    one_language = "/* c */\n__global float16 *v;\n"
    if lint("opencl/good", one_language) or not lint("opencl/bad", one_language + "\n" * 150):
        wrong.append("a file for OpenCL alone: expected its size to be checked, and nothing else")
    if not lint("bad", "uint i;\n"):
        wrong.append("missed a file without a comment")
    return wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        faults = self_test()
        checked = "%d bad examples" % len(BAD)
    else:
        faults = []
        checked = "%d files" % (len(sys.argv) - 1)
        for path in sys.argv[1:]:
            with open(path, encoding="utf-8") as f:
                faults += lint(path, f.read())
    print("\n".join(faults) if faults else "lint-kernels: %s, no fault" % checked)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
