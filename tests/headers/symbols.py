#!/usr/bin/env python3
"""The library exports what symbols.txt lists, and each of it is declared in a public header.

    symbols.py LIBRARY            exit code 1, with what differs
    symbols.py LIBRARY --write    writes the list anew
"""
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LIST = HERE / 'symbols.txt'
HEADERS = HERE.parents[1] / 'include/graft'


def exported(library):
    lines = subprocess.run(['nm', '-D', '--defined-only', library], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    return {line.split()[-1] for line in lines if line.split()[-2] in 'TDBR'}


def declared():
    text = '\n'.join(path.read_text() for path in HEADERS.glob('*.h'))
    return set(re.findall(r'GRAFT_API[^;{]*?\b(graft_\w+)\s*\(', text))


def main():
    found = exported(sys.argv[1])
    if '--write' in sys.argv:
        LIST.write_text('\n'.join(sorted(found)) + '\n')
    listed = set(LIST.read_text().split())
    faults = [f'{name}: exported, but not in tests/headers/symbols.txt; if that is meant: '
              'tests/headers/symbols.py LIBRARY --write' for name in sorted(found - listed)]
    faults += [f'{name}: in tests/headers/symbols.txt, but not exported'
               for name in sorted(listed - found)]
    faults += [f'{name}: exported, but declared in no public header'
               for name in sorted(found - declared())]
    print('\n'.join(faults) if faults else f'{len(found)} symbols, all listed and declared')
    return bool(faults)


if __name__ == '__main__':
    sys.exit(main())
