"""Whole runs: training on a folder of images, the search for widths, numbers about finished runs."""
from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any, Callable, Optional, Sequence, Union

from graft._arrays import path
from graft._graft import ffi, lib
from graft._log import Callback, Log, callback
from graft.device import Device
from graft.settings import Filled, apply_recipe, text

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from graft._settings import SearchSettings, TrainSettings


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run is, after each step and during evaluations."""

    step: int  # done so far; while evaluating: images
    steps: int
    epoch: int  # running one, from 1
    epochs: int
    loss: float
    lr: float
    images_per_second: float
    seconds_left: float
    accuracy: Optional[float]  # of the latest evaluation
    evaluating: bool


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """What a run came to."""

    trainable: int
    trainable_without_head: int
    accuracy: Optional[float]  # on the test split, of the last epoch; None: none was measured
    best_accuracy: Optional[float]
    best_epoch: int
    loss: float
    steps: int
    seconds: float
    images_per_second: float
    peak_device_bytes: int
    stopped: bool  # by the callback; resume=True goes on


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What a run would take."""

    trainable: int
    trainable_without_head: int
    images: int
    test_images: int
    steps: int
    batch_size: int
    micro_batch: int  # images at once on the device: as many as fit
    device_bytes: int  # most memory of the device
    step_seconds: float
    seconds: float  # of all steps and evaluations


@dataclasses.dataclass(frozen=True)
class SearchProgress:
    """Where a search is."""

    phase: str  # "supernet", "evolution", "retrain"
    train: Optional[Progress]
    generation: int
    generations: int
    candidate: int
    candidates: int
    best_accuracy: Optional[float]
    seconds_left: float


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """What a search found: the widths of each block's modules."""

    lora: tuple[int, ...]
    adapter: tuple[int, ...]
    prompts: tuple[int, ...]
    params: int
    val_accuracy: float
    candidates: int
    retrained: TrainResult


def _known(accuracy: float) -> Optional[float]:
    return accuracy if accuracy >= 0 else None


def _progress(p: Any) -> Progress:
    return Progress(p.step, p.steps, p.epoch, p.epochs, p.loss, p.lr, p.images_per_second,
                    p.seconds_left, _known(p.accuracy), p.evaluating)


def _result(r: Any, stopped: bool) -> TrainResult:
    return TrainResult(r.trainable, r.trainable_without_head, _known(r.accuracy),
                       _known(r.best_accuracy), r.best_epoch, r.loss, r.steps, r.seconds,
                       r.images_per_second, r.peak_device_bytes, stopped)


@callback(error=False)
def gr_py_progress(user: Any, progress: Any) -> bool:
    # Called without a function as well: this is where Python notices Ctrl-C.
    function = ffi.from_handle(user).function
    return function is None or function(_progress(progress)) is not False


_PHASES = {lib.GRAFT_SEARCH_SUPERNET: "supernet", lib.GRAFT_SEARCH_EVOLUTION: "evolution",
           lib.GRAFT_SEARCH_RETRAIN: "retrain"}


@callback(error=False)
def gr_py_search_progress(user: Any, p: Any) -> bool:
    function = ffi.from_handle(user).function
    return function is None or function(SearchProgress(
        _PHASES[p.phase], _progress(p.train) if p.train else None, p.generation, p.generations,
        p.candidate, p.candidates, _known(p.best_accuracy), p.seconds_left)) is not False


def _filled(log: Log, recipe: Optional[str], task: Optional[str], settings: Any) -> Filled:
    filled = Filled(log, "graft_train_params", "train", lib.graft_train_defaults)
    if recipe is not None:
        settings = apply_recipe(log, filled, filled.struct, recipe, task, settings)
    elif task is not None:
        raise TypeError(f"task={task!r}: needs a recipe")
    filled.set(settings)
    return filled


def train(device: Device, *, progress: Optional[Callable[[Progress], Optional[bool]]] = None,
          recipe: Optional[str] = None, task: Optional[str] = None,
          **settings: Unpack[TrainSettings]) -> TrainResult:
    """Trains, and leaves adapter.safetensors, best.safetensors, metrics.jsonl, config.json and a
    checkpoint in the folder `out`.

    Settings are those of graft.settings("train"), docs/methods.md and `graft train --help`, with a
    recipe's (graft.recipes()) beneath them. `progress` is called after each step and during
    evaluations; False ends the run with a checkpoint, an exception (Ctrl-C, too) does the same and
    comes out of this call. resume=True goes on, bit for bit as if it had never stopped.
    """
    log, result = device._log, ffi.new("graft_train_result *")
    filled = _filled(log, recipe, task, settings)
    back = Callback(progress, log.raised)
    filled.struct.progress, filled.struct.user = lib.gr_py_progress, back.user
    with device._turn:
        status = lib.graft_train(log.pointer, device._pointer, filled.struct, result)
        log.raised.again()
        if status != lib.GRAFT_ERR_INTERRUPTED:
            log.check(status)
    return _result(result, status == lib.GRAFT_ERR_INTERRUPTED)


def estimate(device: Device, *, recipe: Optional[str] = None, task: Optional[str] = None,
             **settings: Unpack[TrainSettings]) -> Estimate:
    """Says whether a run would fit and how long it would take, by its first steps; leaves nothing.
    Settings are those of train(), of which `out` is not needed."""
    log, out = device._log, ffi.new("graft_estimate *")
    filled = _filled(log, recipe, task, settings)
    with device._turn:
        log.check(lib.graft_train_estimate(log.pointer, device._pointer, filled.struct, out))
    return Estimate(**{field.name: getattr(out, field.name) for field in dataclasses.fields(Estimate)})


def check_resume(*, recipe: Optional[str] = None, task: Optional[str] = None,
                 **settings: Unpack[TrainSettings]) -> None:
    """Raises ArgumentError unless the run in `out`, if there is one, was made from the backbone, the
    classes and the images that the settings name; changes nothing."""
    log = Log()
    filled = _filled(log, recipe, task, settings)
    log.check(lib.graft_train_check_resume(log.pointer, filled.struct))


def _json(pointer: Any) -> dict[str, Any]:
    try:
        return json.loads(ffi.string(pointer).decode("utf-8", "replace"))
    finally:
        lib.free(pointer)


def describe(*, recipe: Optional[str] = None, task: Optional[str] = None,
             **settings: Unpack[TrainSettings]) -> dict[str, Any]:
    """Checks settings as far as no file is needed, and returns all of them as config.json has them."""
    log, out = Log(), ffi.new("char **")
    filled = _filled(log, recipe, task, settings)
    log.check(lib.graft_train_describe(log.pointer, filled.struct, ffi.NULL, out))
    return _json(out[0])


def search(device: Device, *,
           progress: Optional[Callable[[SearchProgress], Optional[bool]]] = None,
           train: Optional[TrainSettings] = None, **settings: Unpack[SearchSettings]) -> SearchResult:
    """NOAH's search for the widths of LoRA, adapter and prompts of each block. `train`: settings of
    the training, `out` among them; the others are those of graft.settings("search"). Ended by
    `progress` it raises graft.Interrupted; train={"resume": True, ..} goes on."""
    log, result = device._log, ffi.new("graft_search_result *")
    filled = Filled(log, "graft_search_params", "search", lib.graft_search_defaults)
    filled.set(settings)
    inner = Filled(log, "graft_train_params", "train",
                   lambda struct: ffi.memmove(struct, ffi.addressof(filled.struct, "train"),
                                              ffi.sizeof("graft_train_params")))
    inner.set(train or {})
    filled.struct.train = inner.struct[0]
    back = Callback(progress, log.raised)
    filled.struct.progress, filled.struct.user = lib.gr_py_search_progress, back.user
    with device._turn:
        log.check(lib.graft_search(log.pointer, device._pointer, filled.struct, result))
    lists = [tuple(getattr(result, name).at[0:getattr(result, name).count])
             for name in ("lora", "adapter", "prompts")]
    return SearchResult(*lists, result.params, result.val_accuracy, result.candidates,
                        _result(result.retrained, False))


def analyze(runs: Sequence[Union[str, os.PathLike[str]]], *, device: Optional[Device] = None,
            backbone: Union[str, os.PathLike[str], None] = None,
            data: Union[str, os.PathLike[str], None] = None, split: Optional[str] = None,
            images: int = 0, batch_size: int = 0, threads: int = 0) -> dict[str, Any]:
    """Numbers about finished runs, docs/analysis.md: curves, singular values, spectra of features.
    Features need a device, the backbone and data."""
    log = device._log if device else Log()
    kept = [path(run) for run in runs], path(backbone), path(data), path(split)
    folders = ffi.new("const char *[]", kept[0])
    params = ffi.new("graft_analyze_params *", {
        "runs": folders, "run_count": len(kept[0]), "backbone": kept[1], "data": kept[2],
        "split": kept[3], "images": images, "batch_size": batch_size, "threads": threads})
    out = ffi.new("char **")
    if device:
        with device._turn:
            log.check(lib.graft_analyze(log.pointer, device._pointer, params, out))
    else:
        log.check(lib.graft_analyze(log.pointer, ffi.NULL, params, out))
    return _json(out[0])
