"""Programs: HOW a graph runs on one device; buffers that they read and write in place."""
from __future__ import annotations

import dataclasses
from typing import Any, Mapping, Optional, Sequence

import numpy

from graft._arrays import array, pointer
from graft._graft import ffi, lib
from graft._handle import Owner
from graft.device import Device
from graft.errors import ArgumentError
from graft.graph import Value


@dataclasses.dataclass(frozen=True)
class KernelTime:
    """The time of one kernel in one run."""

    name: str  # "matmul/matmul": operator and kernel
    dispatches: int
    milliseconds: float


class Buffer(Owner):
    """Memory of a device: size_bytes, a multiple of 4. `host`: the host reads or writes it in every
    run."""

    _kind = "buffer"

    def __init__(self, device: Device, size_bytes: int, host: bool = False) -> None:
        self._log, out = device._log, ffi.new("graft_buffer **")
        memory = lib.GRAFT_MEMORY_HOST if host else lib.GRAFT_MEMORY_DEVICE
        with device._turn:
            self._log.check(lib.graft_buffer_create(device._pointer, size_bytes, memory, out))
            self._own(out[0], lib.graft_buffer_destroy, [device])

    @property
    def size_bytes(self) -> int:
        return lib.graft_buffer_size(self._pointer)

    def write(self, data: numpy.ndarray, offset_bytes: int = 0) -> None:
        """Copies an array of any type there."""
        self._copy(lib.graft_buffer_write, data, offset_bytes)

    def read(self, out: numpy.ndarray, offset_bytes: int = 0) -> numpy.ndarray:
        """Fills `out`, an array of any type, after all that was queued before, and returns it."""
        self._copy(lib.graft_buffer_read, out, offset_bytes, writable=True)
        return out

    def _copy(self, function: Any, data: Any, offset_bytes: int, writable: bool = False) -> None:
        dtype = getattr(data, "dtype", numpy.float32)
        array("data", data, dtype, (None,) * numpy.ndim(data), writable)
        with self._turn:
            self._log.check(function(self._pointer, offset_bytes, pointer(data, "char[]"), data.nbytes))


@dataclasses.dataclass(frozen=True)
class DeviceImages:
    """Images in a buffer, one after the other: floats [3, S, S], normalised, or with a width and a
    height 8-bit pixels of four bytes, the fourth ignored, which the device resizes."""

    buffer: Buffer
    offset_bytes: int = 0
    width: int = 0
    height: int = 0
    bgra: bool = False

    def _struct(self) -> Any:
        return ffi.new("graft_device_images *", [self.buffer._pointer, self.offset_bytes, self.width,
                                                 self.height, self.bgra])


_OPTIMIZERS = {"adamw": lib.GRAFT_OPTIMIZER_ADAMW, "sgd": lib.GRAFT_OPTIMIZER_SGD}


class Program(Owner):
    """Compiles what `outputs` need for a device.

    With a `loss` each run updates the parameters that it depends on: `optimizer` "adamw" or "sgd",
    with their numbers. `assignments` {target: value}: what parameters or state take on at the end of
    each run. Parameters and state are those of the same name of `share`, another program. `profile`
    measures kernels.
    """

    _kind = "program"

    def __init__(self, device: Device, outputs: Sequence[Value], *, loss: Optional[Value] = None,
                 optimizer: str = "adamw", lr: Optional[float] = None,
                 weight_decay: Optional[float] = None, beta1: Optional[float] = None,
                 beta2: Optional[float] = None, eps: Optional[float] = None,
                 momentum: Optional[float] = None,
                 assignments: Optional[Mapping[Value, Value]] = None,
                 share: Optional[Program] = None, seed: int = 0, profile: bool = False) -> None:
        self._log, params = device._log, ffi.new("graft_program_params *")
        lib.graft_program_defaults(params)
        if optimizer not in _OPTIMIZERS:
            raise ArgumentError(f"optimizer {optimizer}: expected one of {', '.join(_OPTIMIZERS)}")
        params.optimizer.kind = _OPTIMIZERS[optimizer]
        for name, number in (("lr", lr), ("weight_decay", weight_decay), ("beta1", beta1),
                             ("beta2", beta2), ("eps", eps), ("momentum", momentum)):
            if number is not None:
                setattr(params.optimizer, name, number)
        given = ffi.new("graft_value *[]", [value._pointer for value in outputs])
        updates = ffi.new("graft_assignment[]", [(target._pointer, value._pointer) for target, value
                                                 in (assignments or {}).items()])
        params.outputs, params.output_count = given, len(outputs)
        params.assignments, params.assignment_count = updates, len(updates)
        params.loss = loss._pointer if loss is not None else ffi.NULL
        params.share = share._pointer if share is not None else ffi.NULL
        params.seed, params.profile = seed, profile
        out = ffi.new("graft_program **")
        graphs = [value.graph for value in outputs[:1]]
        with device._turn:
            status = lib.graft_program_create(self._log.pointer, device._pointer, params, out)
            if status != 0 and graphs and lib.graft_graph_status(graphs[0]._pointer) == status:
                graphs[0]._log.check(status)
            self._log.check(status)
            # The graph's log is needed as long as what the library keeps of it.
            self._own(out[0], lib.graft_program_destroy, [device], keep=[g._log for g in graphs])

    def write(self, value: Value, data: numpy.ndarray) -> None:
        """Copies an input, or parameters and state."""
        array(value.name, data, value.dtype, value.shape)
        self._call(lib.graft_program_write, value._pointer, pointer(data, "char[]"), data.nbytes)

    def read(self, value: Value, out: Optional[numpy.ndarray] = None) -> numpy.ndarray:
        """Waits, then gives an output, or parameters and state: in `out`, or a new array."""
        if out is None:
            out = numpy.empty(value.shape, value.dtype)
        array(value.name, out, value.dtype, value.shape, writable=True)
        self._call(lib.graft_program_read, value._pointer, pointer(out, "char[]"), out.nbytes)
        return out

    def bind(self, value: Value, buffer: Buffer, offset_bytes: int = 0) -> None:
        """Where an input is read from, or an output written to, without a copy."""
        self._call(lib.graft_program_bind, value._pointer, buffer._pointer, offset_bytes)

    def run(self) -> None:
        """Queues one run."""
        self._call(lib.graft_program_run)

    def set_lr(self, lr: float) -> None:
        """The learning rate of the next runs."""
        self._call(lib.graft_program_set_lr, lr)

    def set_run(self, run: int) -> None:
        """The number of the next run, for going on where another program stopped."""
        self._call(lib.graft_program_set_run, run)

    def profile(self) -> list[KernelTime]:
        """Times of the latest run, longest first; for a program made with `profile`."""
        count = ffi.new("int *")
        with self._turn:
            self._call(lib.graft_program_profile, ffi.NULL, 0, count)
            times = ffi.new("graft_kernel_time[]", max(count[0], 1))
            self._call(lib.graft_program_profile, times, count[0], count)
        return [KernelTime(ffi.string(t.name).decode(), t.dispatches, t.milliseconds)
                for t in times[0:count[0]]]

    @property
    def memory_bytes(self) -> int:
        """Of the device, for values in between."""
        with self._turn:
            return lib.graft_program_memory(self._pointer)

    @property
    def commands(self) -> int:
        """Of one run."""
        with self._turn:
            return lib.graft_program_commands(self._pointer)

    def _call(self, function: Any, *arguments: Any) -> None:
        with self._turn:
            self._log.check(function(self._pointer, *arguments))
