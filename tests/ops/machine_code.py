#!/usr/bin/env python3
"""The machine code that PoCL makes of the kernels for CPUs keeps its main loops in registers.

usage: machine_code.py OPS [CLASS...]      CLASS: native, avx512, avx2, sse41

Runs a few cases of the operator harness with empty caches and disassembles what PoCL leaves in
POCL_CACHE_DIR. Main loops are innermost ones with at least six multiply-adds on vectors. In those
of matmul_panel nothing may touch the stack, and there must be some; in those of the other kernels
nothing may be stored there (a constant that is read from the stack costs what any load does).
Beside the machine's own class the narrower ones are looked at, where PoCL can be told to compile for
them (POCL_KERNELLIB_NAME; the code of a narrower class runs on a wider CPU).
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

CASES = ['matmul linear 3x2x5x7x1', 'softmax 3x1x65', 'layer_norm 3x1x65', 'unary gelu 257']
VECTORS = {'avx512': 'vectors512', 'avx2': 'vectors256', 'sse41': 'vectors128'}
FLAGS = {'avx512': 'avx512f', 'avx2': 'avx2', 'sse41': 'sse4_1'}
STACK = re.compile(r'\(%rsp|\(%frame')


def instructions(path):
    """[(address, mnemonic, operands)] of a shared object."""
    text = subprocess.run(['objdump', '-d', '--no-show-raw-insn', path], capture_output=True,
                          text=True, check=True).stdout
    return [line for function in re.split(r'^[0-9a-f]+ <', text, flags=re.M)
            for line in instructions_of(function)]


def instructions_of(function):
    """rbp is called frame where it is one: many functions keep their stack by rsp alone."""
    lines = re.findall(r'^ *([0-9a-f]+):\s+(\S+)[ \t]*(.*)$', function, re.M)
    has_frame = any(op == 'mov' and args == '%rsp,%rbp' for _, op, args in lines)
    return [(int(a, 16), op, args.replace('%rbp', '%frame') if has_frame else args)
            for a, op, args in lines]


def inner_loops(code):
    """The instructions of each innermost loop: from the target of a jump back up to the jump."""
    index = {address: i for i, (address, _, _) in enumerate(code)}
    loops = []
    for i, (_, op, args) in enumerate(code):
        target = re.match(r'([0-9a-f]+)\b', args) if op.startswith(('j', 'b')) else None
        start = index.get(int(target[1], 16)) if target else None
        if start is not None and start <= i:
            loops.append((start, i))
    for loop in loops:
        if not any(o != loop and loop[0] <= o[0] and o[1] <= loop[1] for o in loops):
            yield code[loop[0]:loop[1] + 1]


def multiply_adds(loop):
    fused = sum('fmadd' in op or 'fmla' in op for _, op, _ in loop)
    products = sum(op in ('mulps', 'vmulps') for _, op, _ in loop)
    sums = sum(op in ('addps', 'vaddps') for _, op, _ in loop)
    return fused + min(products, sums)


def touches_stack(instruction):
    return STACK.search(instruction[2]) and re.search(r'[xyz]mm|\bss\b', instruction[2])


def stores_to_stack(instruction):
    return touches_stack(instruction) and STACK.search(instruction[2].split(',')[-1] + ',')


def faults_of(path):
    """(number of main loops, how many of them spill)"""
    forbidden = touches_stack if path.name == 'matmul_panel.so' else stores_to_stack
    loops = [loop for loop in inner_loops(instructions(path)) if multiply_adds(loop) >= 6]
    spilled = [loop for loop in loops if any(forbidden(i) for i in loop)]
    for loop in spilled:
        print(f'{path.name}: a loop of {len(loop)} instructions at {loop[0][0]:x} uses the stack:')
        print('\n'.join(f'    {op} {args}' for _, op, args in loop))
    return len(loops), len(spilled)


def check(ops, kind):
    """The number of faults in the code for a class; None: PoCL is not there."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='machine-code-'))
    env = dict(os.environ, POCL_CACHE_DIR=str(folder), GRAFT_CACHE_DIR=str(folder / 'graft'),
               GRAFT_TEST_DEVICES='opencl:0')
    if kind != 'native':
        env.update(POCL_KERNELLIB_NAME=kind, GRAFT_ENABLE=VECTORS[kind])
    run = subprocess.run([ops, '--small'] + CASES, env=env, capture_output=True, text=True,
                         check=False)
    files = [f for f in folder.rglob('*.so') if f.stem.endswith(('_wide', '_panel'))]
    files = [f for f in files if not f.parent.name.startswith('0-0-0')]
    if 'Portable Computing Language' not in run.stdout or not files:
        print(f'{kind}: skipped, opencl:0 is not PoCL or leaves no code in POCL_CACHE_DIR')
        shutil.rmtree(folder)
        return None
    faults, panel_loops = int(run.returncode != 0), 0
    for f in sorted(files):
        loops, spilled = faults_of(f)
        faults += spilled
        panel_loops += loops if f.name == 'matmul_panel.so' else 0
    print(f'{kind}: {len(files)} kernels, {panel_loops} main loops of matmul_panel, {faults} faults')
    shutil.rmtree(folder)
    return faults + (panel_loops == 0)


def classes():
    yield 'native'
    try:
        flags = pathlib.Path('/proc/cpuinfo').read_text().split()
    except OSError:
        flags = []
    wider = [kind for kind in VECTORS if FLAGS[kind] in flags]
    yield from wider[1:]


def main():
    if not shutil.which('objdump'):
        print('skipped: objdump is not installed (package binutils)')
        return 77
    results = [check(sys.argv[1], kind) for kind in sys.argv[2:] or classes()]
    if all(r is None for r in results):
        return 77
    return 1 if any(results) else 0


if __name__ == '__main__':
    sys.exit(main())
