"""Handles of the library: what must outlive what, and one call at a time on each device.

Python may drop objects in any order and on any thread. A Handle therefore is no part of them: an
object has one, and lets it go when it is closed or collected. It is destroyed when no other handle
stands on it any more, and never while a call is at work on its device.
"""
from __future__ import annotations

import collections
import threading
import weakref
from typing import Any, Callable, Optional, Sequence, TypeVar

from graft._graft import ffi
from graft.errors import ArgumentError

Self = TypeVar("Self", bound="Owner")


class Turn:
    """The calls on one device, one at a time: `with turn:`. A thread may nest them, in callbacks."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._later: collections.deque[Callable[[], None]] = collections.deque()
        self.depth = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self.depth += 1

    def __exit__(self, *_: object) -> None:
        self.depth -= 1
        self._lock.release()
        self._run_later()

    def later(self, action: Callable[[], None]) -> None:
        """At once, or after the call at work; never waits: collectors call it on any thread."""
        self._later.append(action)
        self._run_later()

    def _run_later(self) -> None:
        while self._later and self._lock.acquire(blocking=False):
            try:
                if self.depth:
                    return
                while self._later:
                    self._later.popleft()()
            finally:
                self._lock.release()


class Handle:
    """A pointer with the function that destroys it, and the handles that it stands on."""

    def __init__(self, pointer: Any, destroy: Callable[[Any], None], needs: Sequence[Handle],
                 turn: Turn, keep: Any) -> None:
        self.pointer, self.turn, self._keep = pointer, turn, keep
        self._destroy, self._needs = destroy, tuple(needs)
        self._users: dict[Handle, None] = {}
        self._dropped = False
        for handle in needs:
            handle._users[self] = None

    def close(self) -> None:
        """Now, after what stands on it."""
        for user in reversed(list(self._users)):
            user.close()
        pointer, self.pointer = self.pointer, None
        if pointer is None:
            return
        self._destroy(pointer)
        for handle in self._needs:
            handle._users.pop(self, None)
            handle._collect()

    def drop(self) -> None:
        """Once nothing stands on it."""
        self._dropped = True
        self._collect()

    def _collect(self) -> None:
        if self._dropped and not self._users and self.pointer is not None:
            self.turn.later(self._close_unused)

    def _close_unused(self) -> None:
        if not self._users:
            self.close()


class Owner:
    """An object of the package that owns a handle: closed by close(), by `with`, or by itself."""

    _kind = "object"

    def _own(self, pointer: Any, destroy: Callable[[Any], None], needs: Sequence[Owner] = (),
             turn: Optional[Turn] = None, keep: Any = None) -> None:
        """Takes a pointer, of a type T * that destroy(T **) lets go. `keep` lives as long."""
        kind = ffi.getctype(ffi.typeof(pointer), "*")
        if turn is None:
            turn = needs[0]._handle.turn if needs else Turn()
        self._handle = Handle(pointer, lambda p: destroy(ffi.new(kind, p)),
                              [need._handle for need in needs], turn, keep)
        self._finalizer = weakref.finalize(self, self._handle.drop)

    @property
    def _pointer(self) -> Any:
        pointer = self._handle.pointer
        if pointer is None:
            raise ArgumentError(f"{self._kind}: closed, or what it was made on is")
        return pointer

    @property
    def _turn(self) -> Turn:
        return self._handle.turn

    @property
    def closed(self) -> bool:
        """Whether it was closed, or what it was made on."""
        return self._handle.pointer is None

    def close(self) -> None:
        """Frees it, and everything that was made on it. Closing twice does nothing."""
        with self._turn:
            if self._turn.depth > 1 and not self.closed:
                raise ArgumentError(f"{self._kind}: in use by the call that this callback belongs to; "
                                    "close it after that")
            self._handle.close()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
