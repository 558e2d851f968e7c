"""Adapters: methods with the tensors that they trained, on no device."""
from __future__ import annotations

import os
from typing import Any, Optional, Sequence, Union

from graft._arrays import is_path, path
from graft._graft import ffi, lib
from graft._handle import Owner
from graft._log import Log
from graft.errors import ArgumentError


class Adapter(Owner):
    """What graft.train or a Trainer wrote: a file, or its bytes. It never changes."""

    _kind = "adapter"

    def __init__(self, source: Union[str, os.PathLike[str], bytes, bytearray, memoryview]) -> None:
        if is_path(source):
            data = None
            file = ffi.new("graft_source *", {"path": given} if (given := path(source)) else {})
        else:
            data = bytes(source)
            given = ffi.from_buffer(data)
            file = ffi.new("graft_source *", {"data": given, "size_bytes": len(data)})
        log, out = Log(), ffi.new("graft_adapter **")
        log.check(lib.graft_adapter_open(log.pointer, file, out))
        self._keep(out[0], log, given)

    def _keep(self, pointer: Any, log: Log, source: Any = None) -> None:
        self._log = log
        self._own(pointer, lib.graft_adapter_close, keep=(log, source))

    @property
    def methods(self) -> str:
        """ "freqfit+lora" """
        return ffi.string(self._info.methods).decode()

    @property
    def classes(self) -> int:
        """Logits of an image."""
        return self._info.classes

    @property
    def image_size(self) -> int:
        """Side of the input, pixels."""
        return self._info.image_size

    @property
    def size_bytes(self) -> int:
        """Of its tensors."""
        return self._info.size_bytes

    @property
    def class_names(self) -> Optional[list[str]]:
        """None when the adapter does not tell."""
        names = [lib.graft_adapter_class_name(self._pointer, i) for i in range(self.classes)]
        return [ffi.string(name).decode("utf-8", "replace") for name in names] if all(names) else None

    @property
    def _info(self) -> Any:
        return lib.graft_adapter_get_info(self._pointer)

    def save(self, path_: Union[str, os.PathLike[str]]) -> None:
        """Replaces the file as a whole or not at all."""
        with self._turn:
            self._log.check(lib.graft_adapter_save(self._pointer, path(path_)))

    def to_bytes(self) -> bytes:
        """What save() would write."""
        with self._turn:
            return written(self._log, lambda writer: lib.graft_adapter_write(self._pointer, writer))


#: Names of graft_number_type and graft_tensor_names; None: the first.
NUMBER_TYPES = {None: lib.GRAFT_NUMBER_F32, "f32": lib.GRAFT_NUMBER_F32, "f16": lib.GRAFT_NUMBER_F16,
                "bf16": lib.GRAFT_NUMBER_BF16}
TENSOR_NAMES = {None: lib.GRAFT_TENSOR_NAMES_AS_READ, "timm": lib.GRAFT_TENSOR_NAMES_TIMM,
                "transformers": lib.GRAFT_TENSOR_NAMES_TRANSFORMERS}


def choice(name: str, text: Optional[str], names: dict[Optional[str], Any]) -> Any:
    """The enumerator that a text names."""
    if text not in names:
        raise ArgumentError(f"{name} {text!r}: expected {', '.join(n for n in names if n)}")
    return names[text]


def written(log: Log, write: Any) -> bytes:
    """What write(graft_writer *) writes."""
    out = ffi.gc(ffi.new("graft_bytes *"), lib.graft_bytes_free)
    writer = ffi.new("graft_writer *", lib.graft_bytes_writer(out))
    log.check(write(writer))
    return bytes(ffi.buffer(out.data, out.size_bytes)) if out.size_bytes else b""


def combine(adapters: Sequence[Adapter]) -> Adapter:
    """One adapter with all methods of several; head, classes and input are those of the last."""
    log, out = Log(), ffi.new("graft_adapter **")
    pointers = ffi.new("graft_adapter *[]", [adapter._pointer for adapter in adapters])
    log.check(lib.graft_adapter_combine(log.pointer, pointers, len(adapters), out))
    combined = Adapter.__new__(Adapter)
    combined._keep(out[0], log)
    return combined


def merge(backbone: Union[str, os.PathLike[str]], adapter: Union[str, os.PathLike[str]],
          out: Union[str, os.PathLike[str]], type: Optional[str] = None,
          names: Optional[str] = None) -> None:
    """Folds an adapter file into its backbone and writes a plain checkpoint: a file, or a folder with
    what stands beside it. `type` of its elements: "f32", "f16" or "bf16"; `names` of its tensors:
    "timm" or "transformers", as the backbone came unless told."""
    log = Log()
    log.check(lib.graft_merge_as(log.pointer, path(backbone), path(adapter), path(out),
                                 choice("type", type, NUMBER_TYPES), choice("names", names, TENSOR_NAMES)))
