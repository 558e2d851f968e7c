#!/usr/bin/env python3
"""A training loses power: whatever of its unsynced writes reached the disk, and in whichever order,
it resumes and ends with the same bytes.

usage: check.py GRAFT RECORDER [--all]

The recorder stops a run before each call that orders writes. Of each such moment follow states of the
disk as ALICE (Pillai et al., OSDI 2014) has them: names are those of the last sync of their folder, or
later ones; contents are those of the last sync of their file, or later ones, or a half. A file that was
never synced is empty. Without --all, a few states of each kind.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

GRAFT, RECORDER, ALL = *map(os.path.abspath, sys.argv[1:3]), '--all' in sys.argv
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'cli'))
from support import png, safetensors, tiny_vit  # noqa: E402

FEW = 12  # states without --all


def make_inputs(folder):
    (folder / 'vit.safetensors').write_bytes(safetensors(tiny_vit(), {'graft.heads': '2'}))
    for split in ('train', 'test'):
        for label in ('dark', 'light'):
            (folder / 'photos' / split / label).mkdir(parents=True)
            for i in range(4):
                path = folder / 'photos' / split / label / f'{i}.png'
                path.write_bytes(png(16, 16, (200 if label == 'light' else 10, 20 * i, 0)))


def train(folder, out, *more, env=None):
    command = [GRAFT, 'train', '--backbone', folder / 'vit.safetensors', '--data', folder / 'photos',
               '--method', 'linear', '--epochs', '2', '--batch-size', '4', '--lr', '0.02',
               '--checkpoint-every', '1', '--threads', '1', '--device', 'reference:0', '--json',
               '--out', out, *more]
    return subprocess.run(command, env={**os.environ, 'GRAFT_LOG': 'error', **(env or {})},
                          capture_output=True, text=True, timeout=300)


class Moment:
    """The folder before a call, as programs see it."""

    def __init__(self, record, number):
        self.tree = {}  # path: (inode, content); None as content: a folder
        for line in (record / f'{number}.list').read_text().splitlines():
            inode, kind, *path = line.split(' ', 2)
            path = path[0] if path else ''
            content = None if kind == 'd' else (record / str(number) / path).read_bytes()
            self.tree[path] = (inode, content)


class Disk:
    """What is sure to survive: contents by inode, names by folder."""

    def __init__(self):
        self.contents, self.names = {}, {}

    def sync(self, moment, path):
        inode, content = moment.tree[path]
        if content is not None:
            self.contents[inode] = content
            return
        self.names[inode] = {os.path.basename(p): entry for p, entry in moment.tree.items()
                             if p and os.path.dirname(p) == path}

    def entries(self, moment, durable):
        """{path: (inode, content)}: current names, or those of the last sync of each folder."""
        if not durable:
            return dict(moment.tree)
        found, folders = {'': moment.tree['']}, ['']
        while folders:
            folder = folders.pop()
            for name, entry in self.names.get(found[folder][0], {}).items():
                path = f'{folder}/{name}' if folder else name
                found[path] = entry
                if entry[1] is None:
                    folders.append(path)
        return found


def states(disk, moment):
    """(what it is, {path: content}) of one moment."""
    now = {inode: content for inode, content in moment.tree.values()}

    def lost(inode, content):
        return disk.contents.get(inode, b'')

    def half(inode, content):
        whole, safe = now.get(inode, content), lost(inode, content)
        return whole[:(len(safe) + len(whole)) // 2] if len(whole) > len(safe) else safe

    def kept(inode, content):
        return now.get(inode, content)

    for durable in (True, False):
        entries = disk.entries(moment, durable)
        names = 'old names' if durable else 'new names'
        for what, choose in (('lost', lost), ('half', half), ('kept', kept)):
            yield f'{names}, unsynced contents {what}', {
                path: None if content is None else choose(inode, content)
                for path, (inode, content) in entries.items()}
        for alone in entries:  # one is late, the others are not
            if entries[alone][1] is not None:
                yield f'{names}, all but {alone} kept', {
                    path: None if content is None else (lost if path == alone else kept)(inode, content)
                    for path, (inode, content) in entries.items()}


def recorded_states(record):
    disk, seen = Disk(), set()
    calls = [line.split('\t') for line in (record / 'calls').read_text().splitlines()]
    for number, (call, path, _) in enumerate(calls):
        moment = Moment(record, number)
        for what, tree in states(disk, moment):
            key = hashlib.sha256(repr(sorted(tree.items())).encode()).digest()
            if key not in seen:
                seen.add(key)
                yield f'before call {number}, {call} {path}: {what}', tree
        if call == 'fsync':
            disk.sync(moment, path)


def write(tree, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, content in sorted(tree.items()):
        if path and content is None:
            (folder / path).mkdir(parents=True, exist_ok=True)
        elif path:
            (folder / path).write_bytes(content)


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_inputs(folder)
        record, out, again = folder / 'record', folder / 'run', folder / 'again'
        record.mkdir()
        done = train(folder, out, env={'LD_PRELOAD': RECORDER, 'POWER_FOLDER': str(out),
                                       'POWER_RECORD': str(record)})
        if done.returncode:
            sys.exit(done.stderr)
        expected = (out / 'adapter.safetensors').read_bytes()
        all_states = list(recorded_states(record))
        if len(all_states) < 2 * FEW:
            sys.exit(f'only {len(all_states)} states: was nothing recorded?')
        chosen = all_states if ALL else all_states[len(all_states) // FEW // 2::len(all_states) // FEW]
        for what, tree in chosen:
            write(tree, again)
            done = train(folder, again, '--resume')
            same = done.returncode == 0 and (again / 'adapter.safetensors').read_bytes() == expected
            left = [p.name for p in again.rglob('*.tmp')]
            if not same or left:
                bad += 1
                print(f'{what}: exit {done.returncode}: {done.stderr.strip() or "another adapter"} {left}')
        print(f'{len(chosen)} of {len(all_states)} states after a loss of power, {bad} did not resume')
    return bad > 0


if __name__ == '__main__':
    sys.exit(main())
