"""Looking inside weight files."""
from __future__ import annotations

import dataclasses
import os
from typing import Optional, Union

from graft._arrays import path
from graft._graft import ffi, lib
from graft._log import Log
from graft.settings import text


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of a file."""

    name: str
    dtype: str  # as safetensors writes it
    shape: tuple[int, ...]
    size_bytes: int
    becomes: Optional[str]  # its name in graft; None: it is ignored


@dataclasses.dataclass(frozen=True)
class File:
    """What a file holds."""

    family: str  # "timm ViT", .., "adapter", "unknown"
    methods: Optional[str]  # of an adapter
    tensors: tuple[Tensor, ...]
    metadata: dict[str, str]
    facts: dict[str, tuple[str, str]]  # "heads": ("12", "geometry"), what names and shapes do not
    # tell of a backbone, and who does
    problems: tuple[str, ...]  # what keeps it from being used


def inspect(file: Union[str, os.PathLike[str]]) -> File:
    """Reads a backbone or an adapter."""
    log, out = Log(), ffi.new("graft_file **")
    log.check(lib.graft_file_open(log.pointer, path(file), out))
    opened = out[0]
    try:
        tensors = [lib.graft_file_get_tensor(opened, i)
                   for i in range(lib.graft_file_tensor_count(opened))]
        key, value = ffi.new("const char **"), ffi.new("const char **")
        metadata = {}
        for i in range(lib.graft_file_metadata_count(opened)):
            lib.graft_file_get_metadata(opened, i, key, value)
            metadata[text(key[0])] = text(value[0])
        facts = [lib.graft_file_get_fact(opened, i) for i in range(lib.graft_file_fact_count(opened))]
        return File(text(lib.graft_file_get_family_name(opened)),
                    text(lib.graft_file_get_methods(opened)),
                    tuple(Tensor(text(t.name), text(t.dtype), tuple(t.shape[0:t.rank]), t.size_bytes,
                                 text(t.becomes)) for t in tensors),
                    metadata, {text(f.key): (text(f.value), text(getattr(f, "from"))) for f in facts},
                    tuple(text(lib.graft_file_get_problem(opened, i))
                          for i in range(lib.graft_file_problem_count(opened))))
    finally:
        lib.graft_file_close(out)
