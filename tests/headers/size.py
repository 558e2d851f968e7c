#!/usr/bin/env python3
"""libgraft stays small enough to be built into an application.

    size.py LIBRARY MEGABYTES     exit code 1 when it has more, stripped; 77 without a `strip`
"""
import os
import shutil
import subprocess
import sys
import tempfile


def main():
    library, most = sys.argv[1], float(sys.argv[2])
    if not shutil.which('strip'):
        print('skipped: no strip')
        return 77
    with tempfile.TemporaryDirectory() as folder:
        stripped = os.path.join(folder, 'libgraft')
        subprocess.run(['strip', '-o', stripped, library], check=True)
        size = os.path.getsize(stripped) / 1e6
    print(f'{library}: {size:.3f} MB stripped, at most {most}')
    if size <= most:
        return 0
    print('`nm --size-sort` on it tells what takes the room; what is optional belongs into a module '
          '(docs/architecture.md)')
    return 1


if __name__ == '__main__':
    sys.exit(main())
