"""The library's tables: settings of training, search and models, methods, recipes."""
from __future__ import annotations

import dataclasses
import difflib
import functools
import os
from typing import Any, Iterator, Mapping, Optional, Sequence

from graft._arrays import path
from graft._graft import ffi, lib
from graft._log import Log


@dataclasses.dataclass(frozen=True)
class Setting:
    """A row: an argument of graft.train, graft.search or graft.Model, or an option of a method."""

    name: str  # of the argument
    help: str
    allowed: str  # "whole number from 1 to 4096"
    default: Optional[str]  # as text; None: what `unset` says, or nothing
    unset: Optional[str]
    group: Optional[str]


@dataclasses.dataclass(frozen=True)
class Method:
    """A fine-tuning method with its options, set as set={"lora.r": 4}."""

    name: str
    summary: str
    source: str
    foldable: bool  # whether graft.merge takes it
    options: tuple[Setting, ...]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The settings of a paper's code, for graft.train(recipe=.., task=..)."""

    name: str
    summary: str
    source: str
    method: str
    tasks: tuple[str, ...]
    notes: Optional[str]


_TABLES = {"train": lib.graft_train_setting, "search": lib.graft_search_setting,
           "model": lib.graft_model_setting}


def text(pointer: Any) -> Optional[str]:
    return ffi.string(pointer).decode() if pointer else None


def _until_null(at: Any) -> Iterator[Any]:
    index = 0
    while row := at(index):
        yield row
        index += 1


@functools.lru_cache(maxsize=None)
def _rows(table: str) -> dict[str, Any]:
    return {text(row.key).replace("-", "_"): row for row in _until_null(_TABLES[table])}


def _setting(row: Any) -> Setting:
    allowed = ffi.new("char[]", lib.GRAFT_SETTING_TEXT_SIZE)
    return Setting(text(row.key).replace("-", "_"), text(row.help),
                   text(lib.graft_setting_allowed(row, allowed)), text(row.default_value),
                   text(row.unset), text(row.group))


def settings(table: str = "train") -> list[Setting]:
    """The rows of a table: "train", "search" or "model"."""
    return [_setting(row) for row in _rows(table).values()]


def methods() -> list[Method]:
    """The fine-tuning methods of this build, in the order in which they act."""
    found = []
    info = ffi.new("graft_method_info *")
    for index in range(lib.graft_method_count()):
        lib.graft_method_get_info(index, info)
        options = _until_null(lambda option, method=index: lib.graft_method_setting(method, option))
        found.append(Method(text(info.name), text(info.summary), text(info.source),
                            not info.not_foldable, tuple(map(_setting, options))))
    return found


def recipes() -> list[Recipe]:
    """The recipes of this build."""
    found = []
    info = ffi.new("graft_recipe_info *")
    while lib.graft_recipe_get_info(len(found), info):
        tasks = _until_null(lambda task, recipe=len(found): lib.graft_recipe_task(recipe, task))
        found.append(Recipe(text(info.name), text(info.summary), text(info.source),
                            text(info.method), tuple(map(text, tasks)), text(info.notes)))
    return found


@functools.lru_cache(maxsize=None)
def _arguments() -> dict[str, str]:
    return {text(row.name): name for table in _TABLES for name, row in _rows(table).items()}


def argument_of(name: str) -> str:
    """The argument for a parameter of the library's structs: "image_size" for "input.image_size"."""
    return _arguments().get(name, name)


def _text_of(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ",".join(map(_text_of, value))
    return os.fsdecode(value) if isinstance(value, os.PathLike) else str(value)


def _texts_of(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [f"{name}={_text_of(option)}" for name, option in value.items()]
    return list(map(str, value))


class Filled:
    """A struct of parameters, filled in from arguments by its table; it keeps their texts alive."""

    def __init__(self, log: Log, kind: str, table: str, defaults: Any) -> None:
        self.struct = ffi.new(kind + " *")
        self._log, self._table, self._kept = log, table, []
        defaults(self.struct)

    def keep(self, pointer: Any) -> Any:
        self._kept.append(pointer)
        return pointer

    def set(self, values: Mapping[str, Any]) -> None:
        """None leaves a setting as it is."""
        rows = _rows(self._table)
        for name, value in values.items():
            if name not in rows:
                near = difflib.get_close_matches(name, rows, 1)
                hint = f"did you mean {near[0]}?" if near else f"graft.settings({self._table!r}) lists them"
                raise TypeError(f"{name}: no such setting; {hint}")
            if value is not None:
                self._set_row(rows[name], name, value)

    def _set_row(self, row: Any, name: str, value: Any) -> None:
        if row.type == lib.GRAFT_SETTING_TEXTS:
            field = ffi.cast("char *", self.struct) + row.offset
            self.set_texts(ffi.cast("graft_text_list *", field), _texts_of(value))
            return
        given = self.keep(ffi.new("char[]", os.fsencode(_text_of(value))))
        shown = ffi.new("char[]", f"{name}={_text_of(value)}".encode(errors="replace"))
        self._log.check(lib.graft_setting_set(self._log.pointer, row, shown, self.struct, given))

    def set_texts(self, field: Any, texts: Sequence[str]) -> None:
        items = [self.keep(ffi.new("char[]", os.fsencode(item))) for item in texts]
        field.items = self.keep(ffi.new("const char *[]", items))
        field.count = len(items)


def apply_recipe(log: Log, filled: Filled, params: Any, recipe: str, task: Optional[str],
                 values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Lays a recipe beneath arguments; returns these, with the options of the recipe's methods."""
    if values.get("method") is None:
        params.method = ffi.NULL
    else:
        params.method = filled.keep(path(values["method"]))
    params.batch_size = values.get("batch_size") or 0
    options, count = ffi.new("const char *[]", lib.GRAFT_RECIPE_MAX_SET), ffi.new("int *")
    log.check(lib.graft_recipe_apply(log.pointer, recipe.encode(), path(task), params, options, count))
    own = _texts_of(values.get("set") or ())
    return {**values, "set": [text(options[i]) for i in range(count[0])] + own}


def count_trainable(model: Any, method: str, *, set: Any = (), classes: int = 1) -> tuple[int, int]:
    """Trainable parameters of a method on a geometry ("vit_base_patch16_224") or a checkpoint file:
    without the head, and with one of so many classes."""
    log, count = Log(), ffi.new("graft_count *")
    filled, options = Filled(log, "graft_train_params", "train", lib.graft_train_defaults), \
        ffi.new("graft_text_list *")
    filled.set_texts(options, _texts_of(set))
    log.check(lib.graft_count_trainable(log.pointer, path(model), method.encode(), options, classes,
                                        count))
    return count.without_head, count.with_head
