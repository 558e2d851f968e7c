#!/usr/bin/env python3
"""Prints python/graft/_settings.py: the library's tables of settings as types, for editors and type checkers.

usage: PYTHONPATH=build/python tools/python-settings.py
"""
from graft._graft import lib
from graft.settings import _rows, text

HEAD = '''"""Arguments that stand for settings of the library; written by tools/update-pages."""
from __future__ import annotations

import os
from typing import Literal, Mapping, Sequence, TypedDict, Union

Path = Union[str, os.PathLike]
'''

TYPES = {
    lib.GRAFT_SETTING_BOOL: 'bool',
    lib.GRAFT_SETTING_INT: 'int',
    lib.GRAFT_SETTING_COUNT: 'int',
    lib.GRAFT_SETTING_BYTES: 'Union[int, str]',
    lib.GRAFT_SETTING_FLOAT: 'float',
    lib.GRAFT_SETTING_DOUBLE: 'float',
    lib.GRAFT_SETTING_TEXT: 'Path',
    lib.GRAFT_SETTING_TEXTS: 'Union[Sequence[str], Mapping[str, object]]',
    lib.GRAFT_SETTING_FLAGS: 'Union[str, Sequence[str]]',
    lib.GRAFT_SETTING_INTS: 'Union[str, Sequence[int]]',
    lib.GRAFT_SETTING_RANGE: 'Union[str, tuple[float, float]]',
    lib.GRAFT_SETTING_RAND_AUGMENT: 'str',
    lib.GRAFT_SETTING_COLOR_JITTER: 'Union[str, float, Sequence[float]]',
}


def type_of(row):
    if row.type != lib.GRAFT_SETTING_CHOICE:
        return TYPES[row.type]
    names = [name for name in text(row.values).split('|') if name]
    return 'Literal[' + ', '.join(f'"{name}"' for name in names) + ']'


def main():
    print(HEAD)
    for table in ('train', 'search', 'model'):
        print(f'\nclass {table.capitalize()}Settings(TypedDict, total=False):')
        print(f'    """graft.settings("{table}")"""\n')
        for name, row in _rows(table).items():
            if table != 'model' or name not in ('backbone', 'adapter'):  # arguments of their own
                print(f'    {name}: {type_of(row)}  # {text(row.help)}')
        print()


main()
