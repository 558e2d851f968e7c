"""The library's messages: errors become exceptions, the rest goes to the logger "graft"."""
from __future__ import annotations

import logging
import re
from typing import Any, Callable, Optional

from graft._graft import ffi, lib
from graft.errors import of_status

logger = logging.getLogger("graft")

_LEVELS = {lib.GRAFT_LOG_WARN: logging.WARNING, lib.GRAFT_LOG_INFO: logging.INFO,
           lib.GRAFT_LOG_DEBUG: logging.DEBUG, lib.GRAFT_LOG_TRACE: logging.DEBUG}


class Raised:
    """An exception on its way through the library: from a callback to the call that it ends."""

    def __init__(self) -> None:
        self.exception: Optional[BaseException] = None

    def keep(self, exception: BaseException) -> None:
        if self.exception is None:
            self.exception = exception

    def again(self) -> None:
        exception, self.exception = self.exception, None
        if exception is not None:
            raise exception


class Callback:
    """A function for the library to call back: `user` goes to C and must be kept as long."""

    def __init__(self, function: Callable[..., Any], raised: Raised) -> None:
        self.function, self.raised = function, raised
        self.user = ffi.new_handle(self)


def _keep(_: type, exception: BaseException, traceback: Any) -> None:
    """What a callback raises, Ctrl-C too. Its first argument is the handle of a Callback."""
    ffi.from_handle(traceback.tb_frame.f_locals["user"]).raised.keep(exception)


def callback(**error: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a function an extern "Python" one; when it raises, C gets `error`."""
    return ffi.def_extern(onerror=_keep, **error)


@callback()
def gr_py_message(user: Any, level: int, text: Any) -> None:
    ffi.from_handle(user).function(level, ffi.string(text).decode("utf-8", "replace"))


def _tell(level: int, text: str) -> None:
    if level in _LEVELS:
        logger.log(_LEVELS[level], "%s", _in_python(text))


def _in_python(text: str) -> str:
    """The library names a parameter in backquotes as in its struct; here it is an argument."""
    from graft.settings import argument_of
    return re.sub(r"`([a-z_.]+)`", lambda found: argument_of(found[1]), text)


def _level() -> int:
    level = logger.getEffectiveLevel()
    if level <= logging.DEBUG:
        return lib.GRAFT_LOG_DEBUG
    return lib.GRAFT_LOG_INFO if level <= logging.INFO else lib.GRAFT_LOG_WARN


class Log:
    """A graft_log, and what callbacks raise meanwhile. Closed by its owner, or when collected."""

    def __init__(self) -> None:
        self.raised = Raised()
        self._callback = Callback(_tell, self.raised)
        params = ffi.new("graft_log_params *", {"callback": lib.gr_py_message, "level": _level(),
                                                "user": self._callback.user})
        self.pointer = ffi.gc(lib.graft_log_create(params), _destroy)
        if not self.pointer:
            raise MemoryError("graft: out of memory")

    def error(self) -> str:
        text = ffi.new("char[1024]")
        lib.graft_log_error(self.pointer, text, 1024)
        return _in_python(ffi.string(text).decode("utf-8", "replace"))

    def check(self, status: int) -> None:
        """Raises what a callback raised, else what the status and the latest error tell."""
        self.raised.again()
        if status != 0:
            raise of_status(status, self.error() or ffi.string(lib.graft_status_text(status)).decode())


def _destroy(pointer: Any) -> None:
    lib.graft_log_destroy(ffi.new("graft_log **", pointer))
