"""Graphs: WHAT is computed. Values and their gradients; graft.ops has the operators."""
from __future__ import annotations

from typing import Any, Optional, Sequence

import numpy

from graft._arrays import array, pointer
from graft._graft import ffi, lib
from graft._handle import Owner
from graft._log import Log
from graft.errors import ArgumentError

DTYPES = {"float32": lib.GRAFT_F32, "int32": lib.GRAFT_I32}


def shape_of(dims: Sequence[int]) -> Any:
    """A graft_shape, in which a wrong rank is for the library to refuse."""
    return lib.graft_shape_of(len(dims), ffi.new("int64_t[]", list(dims)))


class Graph(Owner):
    """An empty graph. A first error while building ends it: every further call raises it again."""

    _kind = "graph"

    def __init__(self) -> None:
        self._log = Log()
        made = lib.graft_graph_create(self._log.pointer)
        if not made:
            raise MemoryError("graft: out of memory")
        self._own(made, lib.graft_graph_destroy, keep=self._log)

    def _value(self, made: Any) -> Value:
        if not made:
            self._log.check(lib.graft_graph_status(self._pointer))
        return Value(self, made)

    def input(self, name: str, shape: Sequence[int], dtype: str = "float32") -> Value:
        """What the caller gives before a run; dtype "float32" or "int32"."""
        return self._value(lib.graft_input(self._pointer, name.encode(), _dtype(dtype),
                                           shape_of(shape)))

    def constant(self, name: str, data: numpy.ndarray) -> Value:
        """Numbers that never change, float32 or int32; copies them."""
        dtype = str(getattr(data, "dtype", "float32"))
        data = array(name, data, dtype if dtype in DTYPES else "float32", (None,) * numpy.ndim(data))
        return self._value(lib.graft_constant(self._pointer, name.encode(), _dtype(dtype),
                                              shape_of(data.shape), pointer(data, "char[]")))

    def parameter(self, name: str, start: Any) -> Value:
        """Trainable numbers, kept on the device from run to run: a float32 array to start from, which
        is copied, or a shape of zeros."""
        return self._kept(lib.graft_parameter, name, start)

    def state(self, name: str, start: Any) -> Value:
        """The same without a gradient: changed by a program's assignments only."""
        return self._kept(lib.graft_state, name, start)

    def _kept(self, make: Any, name: str, start: Any) -> Value:
        if not isinstance(start, numpy.ndarray):
            return self._value(make(self._pointer, name.encode(), shape_of(start), ffi.NULL))
        array(name, start, numpy.float32, (None,) * start.ndim)
        return self._value(make(self._pointer, name.encode(), shape_of(start.shape),
                                pointer(start, "float[]")))

    def gradients(self, loss: Value, parameters: Sequence[Value]) -> list[Optional[Value]]:
        """Of a value of one element; None for a parameter that it does not depend on."""
        found = ffi.new("graft_value *[]", max(len(parameters), 1))
        given = ffi.new("graft_value *[]", [value._pointer for value in parameters])
        self._log.check(lib.graft_gradients(loss._pointer, given, len(parameters), found))
        return [Value(self, found[i]) if found[i] else None for i in range(len(parameters))]


def _dtype(name: Any) -> int:
    name = str(numpy.dtype(name))
    if name not in DTYPES:
        raise ArgumentError(f"{name}: no type of a value; expected float32 or int32")
    return DTYPES[name]


class Value:
    """An input or a result of a graph, which it keeps alive. `a + b`, `a - b`, `a * b` and `a @ b`
    are ops.add, ops.mul and ops.matmul; `x * 2.0` is ops.scale."""

    __slots__ = ("graph", "_made")

    def __init__(self, graph: Graph, made: Any) -> None:
        self.graph, self._made = graph, made

    @property
    def _pointer(self) -> Any:
        self.graph._pointer  # raises when it was closed
        return self._made

    @property
    def shape(self) -> tuple[int, ...]:
        shape = lib.graft_value_shape(self._pointer)
        return tuple(shape.dim[0:shape.rank])

    @property
    def dtype(self) -> numpy.dtype[Any]:
        is_float = lib.graft_value_dtype(self._pointer) == lib.GRAFT_F32
        return numpy.dtype(numpy.float32 if is_float else numpy.int32)

    @property
    def name(self) -> str:
        """That of an input or parameter; of a result, its operator's."""
        return ffi.string(lib.graft_value_name(self._pointer)).decode()

    def __add__(self, other: Value) -> Value:
        return self.graph._value(lib.graft_add(self._pointer, other._pointer, 1.0))

    def __sub__(self, other: Value) -> Value:
        return self.graph._value(lib.graft_add(self._pointer, other._pointer, -1.0))

    def __mul__(self, other: Any) -> Value:
        if isinstance(other, Value):
            return self.graph._value(lib.graft_mul(self._pointer, other._pointer))
        return self.graph._value(lib.graft_scale(self._pointer, other))

    __rmul__ = __mul__

    def __matmul__(self, other: Value) -> Value:
        return self.graph._value(lib.graft_matmul(self._pointer, other._pointer, ffi.NULL, 1.0))

    def __repr__(self) -> str:
        return f"<graft.Value {self.name} {list(self.shape)} {self.dtype}>"
