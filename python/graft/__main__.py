"""The command graft: `python -m graft`, and what pip installs as `graft`."""
import os
import pathlib
import shutil
import sys


def command() -> str:
    """The package's own; of a package that was built for an installed library, the one in PATH."""
    own = pathlib.Path(__file__).with_name("graft-command")
    if own.exists():
        return str(own)
    folders = [folder for folder in os.get_exec_path()
               if not os.path.exists(sys.argv[0])
               or not os.path.exists(os.path.join(folder, "graft"))
               or not os.path.samefile(os.path.join(folder, "graft"), sys.argv[0])]
    found = shutil.which("graft", path=os.pathsep.join(folders))
    return found or sys.exit("graft: no command in PATH: install the one of the library")


def main() -> None:
    os.execv(command(), ["graft", *sys.argv[1:]])


if __name__ == "__main__":
    main()
