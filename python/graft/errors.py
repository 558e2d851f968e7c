"""What goes wrong, as exceptions: each has the library's one line, and its status."""
from __future__ import annotations


class Error(Exception):
    """Any failure of the library."""

    status: int = 0


class ArgumentError(Error, ValueError):
    """A setting or argument that cannot be."""


class OutOfMemoryError(Error, MemoryError):
    """The machine has no more memory."""


class DeviceMemoryError(Error, MemoryError):
    """The device has no more memory."""


class DeviceError(Error, RuntimeError):
    """The device or its driver failed."""


class NoDeviceError(Error, LookupError):
    """There is no such device here."""


class UnsupportedError(Error, NotImplementedError):
    """Not on this device, or not in this build."""


class IOFailure(Error, OSError):
    """A file could not be read or written."""


class FormatError(Error, ValueError):
    """A file is not what it should be."""


class ShapeError(Error, ValueError):
    """A tensor of another shape or type."""


class NotFoundError(Error, LookupError):
    """Nothing of that name."""


class NumericError(Error, ArithmeticError):
    """NaN or infinity."""


class Interrupted(Error):
    """Ended by a callback."""


# graft_status, status.h
_OF_STATUS = {-1: ArgumentError, -2: OutOfMemoryError, -3: DeviceMemoryError, -4: DeviceError,
              -5: NoDeviceError, -6: UnsupportedError, -7: IOFailure, -8: FormatError,
              -9: ShapeError, -10: NotFoundError, -11: NumericError, -12: Interrupted}


def of_status(status: int, text: str) -> Error:
    error = _OF_STATUS[status](text)
    error.status = status
    return error
