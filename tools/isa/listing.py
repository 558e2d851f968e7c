"""Loops of a kernel in a listing of machine code, and what their instructions are.

A listing is a list of items: ('label', name) or ('op', kind, width, target). Kinds: fma (what a
product is made of), vector (other arithmetic), slow (a quarter of the rate or less), shared (loads
from shared memory, `width` bytes per work-item), memory (other loads and stores), scalar (beside the
vector unit), wait (waiting and synchronising), scratch (spilled registers).
"""
import re

AMD_FMA = re.compile(r'v_(?:pk_|dual_)?(?:fma|fmac|mac|mad|fmamk|fmaak|madmk|madak)_?\w*f32')
AMD_SLOW = re.compile(r'v_(?:mul_lo|mul_hi|mad_[ui]64|rcp|exp|log|sqrt|rsq|sin|cos)')
AMD_WIDTHS = [('b128', 16), ('b96', 12), ('2addr_b64', 16), ('read2_b64', 16), ('read2st64_b64', 16),
              ('b64', 8), ('2addr_b32', 8), ('read2_b32', 8), ('read2st64_b32', 8)]


def amd_kind(op):
    if AMD_FMA.match(op):
        return 'fma', 0
    if op.startswith(('ds_read', 'ds_load')):
        return 'shared', next((size for name, size in AMD_WIDTHS if name in op), 4)
    if op.startswith(('ds_', 'buffer_', 'global_', 'flat_')):
        return 'memory', 0
    if op.startswith('scratch_'):
        return 'scratch', 0
    if op.startswith(('s_waitcnt', 's_barrier', 's_clause', 's_nop', 's_inst_prefetch')):
        return 'wait', 0
    if op.startswith('s_'):
        return 'scalar', 0
    return ('slow' if AMD_SLOW.match(op) else 'vector'), 0


def ptx_kind(op):
    if op.startswith('fma.rn.f32'):
        return 'fma', 0
    if op.startswith('ld.shared'):
        vector = re.search(r'\.v(\d)', op)
        return 'shared', 4 * int(vector[1]) if vector else 4
    if op.startswith(('ld.local', 'st.local')):
        return 'scratch', 0
    if op.startswith(('ld.', 'st.')):
        return 'memory', 0
    if op.startswith(('bar.', 'barrier.')):
        return 'wait', 0
    return 'vector', 0


def intel_kind(op, operands, line):
    """Shared memory is surface FE of a read; it answers in registers of 32 bytes."""
    read = re.search(r'send\S* +\((\d+)\|.* 0x\w+FE .*rd:(\d+); untyped surface read', line)
    if read:
        return 'shared', 32 * int(read[2]) // int(read[1])
    if op in ('mad', 'mac') and operands.count(':f') >= 2:
        return 'fma', 0
    if op.startswith('send'):
        return 'memory', 0
    if op.startswith('sync'):
        return 'wait', 0
    return ('slow' if op == 'math' else 'vector'), 0


def amd_items(text):
    at = text.rfind('##### Assembly')
    for line in text[max(at, 0):].splitlines():
        label = re.match(r'(\.LBB\w+|BB\d+):', line)
        op = re.match(r'\s+([a-z][a-z0-9_]+)\b([^;]*)', line)
        if label:
            yield 'label', label[1]
        elif op:
            target = re.search(r'(\.LBB\w+|BB\d+)', op[2]) if 'branch' in op[1] else None
            yield ('op', *amd_kind(op[1]), target and target[1])


def ptx_items(text):
    for line in text.splitlines():
        label = re.match(r'(\$\w+):', line)
        op = re.match(r'\s+(?:@!?%p\d+ +)?([a-z][\w.]+)\s(.*);', line)
        if label:
            yield 'label', label[1]
        elif op:
            target = re.search(r'(\$\w+)', op[2]) if op[1].startswith('bra') else None
            yield ('op', *ptx_kind(op[1]), target and target[1])


def intel_items(text):
    for full in text.splitlines():
        line = full.split('//')[0]
        label = re.match(r'(\w+):\s*$', line)
        op = re.match(r'(?:\([^)]*\))?\s+([a-z]\w*)(?:\.\w+)* +(.*)', line)
        if label:
            yield 'label', label[1]
        elif op:
            jumps = op[1] in ('while', 'jmpi', 'goto', 'brc')
            target = re.search(r'(\w+)\s*(?:\{.*\})?\s*$', op[2]) if jumps else None
            yield ('op', *intel_kind(op[1], op[2], full), target and target[1])


ITEMS = {'amd': amd_items, 'ptx': ptx_items, 'intel': intel_items}


def loops_of(items):
    """(first, last) of each loop: from a label to the last jump back to it."""
    labels = {item[1]: i for i, item in enumerate(items) if item[0] == 'label'}
    last = {}
    for i, item in enumerate(items):
        start = labels.get(item[3]) if item[0] == 'op' else None
        if start is not None and start <= i:
            last[start] = i
    return sorted(last.items())


def count(items):
    """{kind: instructions}, and the bytes that loads from shared memory bring to a work-item."""
    kinds, shared_bytes = {}, 0
    for item in items:
        if item[0] == 'op':
            kinds[item[1]] = kinds.get(item[1], 0) + 1
            shared_bytes += item[2]
    return kinds, shared_bytes


def main_loop(text, machine):
    """The innermost loop that has (nearly) as many multiply-adds as any: its counts.

    {} without a loop that multiplies. 'fma_share' is of the issue slots that multiply-adds
    compete for: on AMD the vector unit's time, else all instructions.
    """
    items = list(ITEMS[machine](text))
    counted = [count(items[a:b + 1]) for a, b in loops_of(items)]
    most = max((kinds.get('fma', 0) for kinds, _ in counted), default=0)
    if most == 0:
        return {}
    kinds, shared_bytes = min((c for c in counted if c[0].get('fma', 0) >= 0.9 * most),
                              key=lambda c: sum(c[0].values()))
    fma, slow = kinds.get('fma', 0), kinds.get('slow', 0)
    beside = ('scalar', 'wait', 'memory', 'shared', 'scratch') if machine == 'amd' else ('wait',)
    slots = sum(n for kind, n in kinds.items() if kind not in beside) + 3 * slow
    return {'fma': fma, 'fma_share': fma / slots, 'shared_bytes_per_fma': shared_bytes / fma,
            'instructions': sum(kinds.values())}
