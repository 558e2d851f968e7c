"""Which library the package was built for, and whether the one that was loaded fits."""
from graft._graft import ffi, lib

_MAJOR, _MINOR, _PATCH = lib.GRAFT_VERSION_MAJOR, lib.GRAFT_VERSION_MINOR, lib.GRAFT_VERSION_PATCH

__version__ = f"{_MAJOR}.{_MINOR}.{_PATCH}"


def check() -> None:
    """ImportError unless the library is of this version or a later patch: what structs and functions
    rely on (graft/version.h)."""
    loaded = lib.graft_version()
    if loaded >> 8 != _MAJOR << 8 | _MINOR or loaded & 0xFF < _PATCH:
        text = ffi.string(lib.graft_version_text()).decode()
        raise ImportError(f"graft {__version__} needs libgraft {_MAJOR}.{_MINOR}.{_PATCH} or a later "
                          f"patch, {text} is loaded: install the two from one release")


check()
