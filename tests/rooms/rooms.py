#!/usr/bin/env python3
"""Arrows point down: no include of one room leads to a room above it, or back through a circle.

docs/rooms.txt lists the rooms from bottom to top. The command knows public headers only, and a run
of graft_train knows the trainer by its public header. `--map` prints them as the table that
docs/architecture.md shows; the test fails when the page has another one. Headers of an operating
system are behind src/base/system.h alone, but for the command. `--self-test` checks that a wrong
include is found.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUFFIXES = {'.c', '.h', '.inc', '.gk', '.gkh'}
COMMAND = 'src/command/'
CLIENTS = {'src/run': 'src/train'}  # what uses the public header of a room, as an application does
SYSTEM = re.compile(r'(sys/.*|pthread|unistd|dirent|dlfcn|fcntl|signal|spawn|poll|io|process|windows)\.h')
SYSTEM_BEHIND = 'src/base/system'
BEGIN, END = '<!-- rooms -->', '<!-- /rooms -->'


def read_rooms():
    """[(folder, what it holds)], bottom first."""
    lines = (ROOT / 'docs/rooms.txt').read_text().splitlines()
    return [line.split(maxsplit=1) for line in lines if line and not line.startswith('#')]


def room_of(path, names):
    """The room that a path of the repository lies in; None: no room."""
    fitting = [name for name in names if path.startswith(name + '/')]
    return max(fitting, key=len, default=None)


def target_of(source, text):
    """The path that an include means, from the repository's root; None for a system header."""
    for base in (pathlib.Path('.'), pathlib.Path('src'), pathlib.Path('include'), source.parent):
        path = base / text
        if (ROOT / path).exists():
            return path.as_posix()
    generated = re.fullmatch(r'shaders/(\w+)\.gk\.h', text)
    return 'shaders/' + generated[1] + '.gk' if generated else None


def fault(source_room, target_room, names):
    """Why the one may not include the other; None: it may."""
    if source_room.startswith(COMMAND) and not target_room.startswith(COMMAND):
        return None if target_room == 'include/graft' else 'the command knows public headers only'
    if CLIENTS.get(source_room) == target_room:
        return 'is a client of its public header'
    if names.index(target_room) > names.index(source_room):
        return 'runs up'
    return None


def faults_of(source, text, names):
    room = room_of(source.as_posix(), names)
    if room is None:
        yield f'{source}: lies in no room of docs/rooms.txt'
        return
    for include in re.findall(r'^\s*#\s*include\s+["<]([^">]+)[">]', text, re.MULTILINE):
        if (SYSTEM.fullmatch(include) and not source.as_posix().startswith(SYSTEM_BEHIND)
                and not room.startswith(COMMAND)):
            yield f'{source}: includes <{include}>: the system stands behind base/system.h'
        target = target_of(source, include)
        reached = room_of(target, names) if target else None
        why = fault(room, reached, names) if reached else None
        if why:
            yield f'{source}: includes "{include}": {room} -> {reached} {why}'


def sources():
    for top in ('include', 'src', 'backends', 'shaders'):
        for path in sorted((ROOT / top).rglob('*')):
            if path.suffix in SUFFIXES:
                yield path.relative_to(ROOT)


def drawn(rooms):
    rows = [f'| `{name}/` | {holds} |' for name, holds in reversed(rooms)]
    return '\n'.join(['| room | holds |', '|---|---|'] + rows)


def map_fault(rooms):
    page = (ROOT / 'docs/architecture.md').read_text()
    shown = page.partition(BEGIN)[2].partition(END)[0].strip()
    if shown != drawn(rooms):
        yield 'docs/architecture.md: its map is not that of docs/rooms.txt; run tests/rooms/rooms.py --map'


def self_test(names):
    up = list(faults_of(pathlib.Path('src/graph/x.c'), '#include "ops/ops.h"\n', names))
    down = list(faults_of(pathlib.Path('src/ops/x.c'), '#include "graph/graph.h"\n', names))
    private = list(faults_of(pathlib.Path('src/command/cli/x.c'), '#include "base/mem.h"\n', names))
    system = list(faults_of(pathlib.Path('src/data/x.c'), '#include <sys/stat.h>\n', names))
    behind = list(faults_of(pathlib.Path('src/base/system_posix.c'), '#include <dlfcn.h>\n', names))
    assert len(system) == 1 and not behind, (system, behind)
    client = list(faults_of(pathlib.Path('src/run/x.c'), '#include "train/trainer.h"\n', names))
    lost = list(faults_of(pathlib.Path('src/nowhere/x.c'), '', names))
    assert len(up) == 1 and not down and len(private) == 1 and len(lost) == 1, (up, down, private)
    assert len(client) == 1, client


def main():
    rooms = read_rooms()
    names = [name for name, _ in rooms]
    if '--map' in sys.argv:
        print(drawn(rooms))
        return 0
    if '--self-test' in sys.argv:
        self_test(names)
        return 0
    found = [line for path in sources()
             for line in faults_of(path, (ROOT / path).read_text(), names)]
    found += map_fault(rooms)
    print('\n'.join(found) if found else f'{len(rooms)} rooms, no include runs up')
    return bool(found)


if __name__ == '__main__':
    sys.exit(main())
