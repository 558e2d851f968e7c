#!/usr/bin/env python3
"""Compiles kernels as OpenCL C 1.2 with clang, so that no user's driver is the first to try.

usage: check-kernel-opencl.py --clang PROGRAM --header gk.h FILE.gk...

Each kernel is tried with its default tunables, with a work-group of one, and with every other
tunable that defaults to 0 or 1 turned round (but no work-group of zero), and vectors of 8 and 4
LANES. Nothing is written; any warning is an error.
"""
import argparse
import importlib.util
import os
import subprocess
import sys

FLAGS = ["-x", "cl", "-cl-std=CL1.2", "-Xclang", "-finclude-default-header", "-fsyntax-only",
         "-Wall", "-Wextra", "-Werror", "-Wno-unused-function"]


def load_embed():
    """tools/embed-kernel.py as a module (its name is no identifier)."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "embed-kernel.py")
    spec = importlib.util.spec_from_file_location("embed_kernel", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def variants(tunables):
    """Dictionaries of tunables to try."""
    default = {name: int(value) for _, name, value in tunables}
    result = [default, dict(default, WG=1)]
    for name, value in default.items():
        if value in (0, 1) and name != "WG":
            result.append(dict(default, **{name: 1 - value}))
        if name == "LANES":
            result += [dict(default, LANES=8), dict(default, LANES=4)]
    return result


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--clang", required=True)
    ap.add_argument("--header", required=True)
    ap.add_argument("kernels", nargs="+")
    args = ap.parse_args()
    embed = load_embed()
    with open(args.header, encoding="utf-8") as f:
        header = f.read()

    failed = 0
    for path in args.kernels:
        body = embed.flatten(path)
        tunables = embed.parse(body, path)[3]
        source = embed.opencl_source(header, body)
        for values in variants(tunables):
            defines = ["-D%s=%d" % pair for pair in values.items()]
            run = subprocess.run([args.clang] + FLAGS + defines + ["-"], input=source,
                                 capture_output=True, text=True)
            if run.returncode:
                failed += 1
                print("%s with %s:\n%s" % (path, " ".join(defines), run.stdout + run.stderr))
    print("check-kernel-opencl: %d kernels, %d failures" % (len(args.kernels), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
