"""Devices: what can run graft on this machine."""
from __future__ import annotations

import dataclasses
import os
from typing import Any, Optional, Union

from graft._arrays import path
from graft._graft import ffi, lib
from graft._handle import Owner
from graft._log import Log


@dataclasses.dataclass(frozen=True)
class DeviceInfo:
    """Facts about a device."""

    id: str  # "opencl:0", what Device() takes
    name: str
    driver: str
    type: str  # "cpu", "integrated", "discrete", "virtual"
    memory_bytes: int  # 0: unknown


@dataclasses.dataclass(frozen=True)
class Api:
    """A device API of this build, and what it has on this machine."""

    name: str  # "opencl", "vulkan"
    device_count: int
    missing: str  # "", or why there are none and what to install


def _text(array: Any) -> str:
    return ffi.string(array).decode("utf-8", "replace")


def _info(info: Any) -> DeviceInfo:
    return DeviceInfo(_text(info.id), _text(info.name), _text(info.driver),
                      _text(lib.graft_device_type_name(info.type)), info.memory_bytes)


def devices() -> list[DeviceInfo]:
    """The devices of this machine, GPU APIs first."""
    log = Log()
    count = lib.graft_device_list(log.pointer, ffi.NULL, 0)
    infos = ffi.new("graft_device_info[]", max(count, 1))
    count = min(count, lib.graft_device_list(log.pointer, infos, count))
    return [_info(infos[i]) for i in range(count)]


def apis() -> list[Api]:
    """The device APIs of this build, found here or not."""
    log = Log()
    count = lib.graft_api_list(log.pointer, ffi.NULL, 0)
    infos = ffi.new("graft_api_info[]", max(count, 1))
    count = min(count, lib.graft_api_list(log.pointer, infos, count))
    return [Api(_text(infos[i].name), infos[i].device_count, _text(infos[i].missing))
            for i in range(count)]


class Device(Owner):
    """An open device: by id, "auto" for the best one; without, GRAFT_DEVICE or "auto".

    Compiled kernels are kept in `cache_dir`; without, GRAFT_CACHE_DIR or ~/.cache/graft; "" keeps
    none. Calls on one device take turns, also from several threads; several devices run side by side.
    The level of the logger "graft" counts when the device is opened.
    """

    _kind = "device"

    def __init__(self, id: Optional[str] = None,
                 cache_dir: Union[str, os.PathLike[str], None] = None) -> None:
        self._log = Log()
        out = ffi.new("graft_device **")
        self._log.check(lib.graft_device_open(self._log.pointer, path(id), path(cache_dir), out))
        self._own(out[0], lib.graft_device_close, keep=self._log)

    @property
    def info(self) -> DeviceInfo:
        return _info(lib.graft_device_get_info(self._pointer))

    def wait(self) -> None:
        """Until all that was queued is done."""
        with self._turn:
            self._log.check(lib.graft_device_wait(self._pointer))

    @property
    def memory_bytes(self) -> int:
        """Of live buffers, now."""
        with self._turn:
            return lib.graft_device_memory(self._pointer, ffi.NULL)

    @property
    def peak_memory_bytes(self) -> int:
        """The most there have been."""
        peak = ffi.new("uint64_t *")
        with self._turn:
            lib.graft_device_memory(self._pointer, peak)
        return peak[0]

    @property
    def alignment(self) -> int:
        """What offsets in buffers must be a multiple of, in bytes."""
        return lib.graft_buffer_alignment(self._pointer)

    def __repr__(self) -> str:
        return "<graft.Device closed>" if self.closed else f"<graft.Device {self.info.id}>"
