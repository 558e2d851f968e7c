"""Training step by step, on batches of the application."""
from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, Optional, Sequence, Union

import numpy

from graft._arrays import array, path, pixels, pointer
from graft._graft import ffi, lib
from graft._handle import Owner
from graft._log import Callback, callback
from graft.adapter import Adapter, written
from graft.device import Device
from graft.errors import ShapeError
from graft.model import Evaluation, Model
from graft.program import DeviceImages
from graft.settings import Filled

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from graft._settings import TrainSettings


@dataclasses.dataclass(frozen=True)
class StepResult:
    """A step, or the part of it that a budget allowed."""

    done: bool
    loss: float  # NaN until it is done
    lr: float
    step: int  # updates done so far


@callback(error=lib.GRAFT_ERR_INTERRUPTED)
def gr_py_next(user: Any, step: int, batch: Any) -> int:
    return ffi.from_handle(user).function(batch)


@callback(error=False)
def gr_py_evaluated(user: Any, images: int) -> bool:
    return True  # where Python notices Ctrl-C


@callback(error=False)
def gr_py_step(user: Any, result: Any) -> bool:
    function = ffi.from_handle(user).function
    return function is None or function(_step(result)) is not False


def _step(result: Any) -> StepResult:
    return StepResult(result.done, result.loss if result.done else float("nan"), result.lr,
                      result.step)


class Trainer(Owner):
    """A backbone (a file, or a Model's, which stays on the device once), a method and an optimiser.

    `classes`: of the head, or their names. With `soft_targets` batches have float32 targets
    [n, classes] in the place of labels. The rate follows the settings' schedule with epochs of
    `steps_per_epoch`; 0: it stays at `lr` until set_lr(). Further arguments are those of graft.train
    that are not about files; `batch_size` is the most images of a batch.

    Images of a batch are uint8 [n, S, S, 3], which the device normalises, a list of 8-bit arrays or
    PIL images of any size, float32 [n, 3, S, S] that are normalised already, or DeviceImages; labels
    int32 [n], below 0 for an image that does not count. S is image_size.
    """

    _kind = "trainer"

    def __init__(self, device: Device, *, classes: Union[int, Sequence[str]],
                 model: Optional[Model] = None, soft_targets: bool = False, steps_per_epoch: int = 0,
                 **settings: Unpack[TrainSettings]) -> None:
        self._log, self.device, self.soft_targets = device._log, device, soft_targets
        self._batch: Any = None  # arrays that a step at work reads
        filled = Filled(self._log, "graft_train_params", "train", lib.graft_train_defaults)
        filled.set(settings)
        params = ffi.new("graft_trainer_params *")
        lib.graft_trainer_defaults(params)
        names = None if isinstance(classes, int) else ffi.new(
            "const char *[]", [filled.keep(path(name)) for name in classes])
        params.settings, params.soft_targets = filled.struct, soft_targets
        params.steps_per_epoch = steps_per_epoch
        params.model = model._pointer if model else ffi.NULL
        params.classes = classes if names is None else len(names)
        params.class_names = ffi.NULL if names is None else names
        out = ffi.new("graft_trainer **")
        with device._turn:
            self._log.check(lib.graft_trainer_create(self._log.pointer, device._pointer, params, out))
            self._own(out[0], lib.graft_trainer_destroy, [device, model] if model else [device])

    def step(self, images: Any, labels: numpy.ndarray, *,
             milliseconds: Optional[float] = None) -> StepResult:
        """Gradients and update. With a budget of milliseconds it may return before the step is done:
        call again with the same arrays."""
        return self._step(lib.graft_trainer_step, images, labels, milliseconds)

    def gradients(self, images: Any, labels: numpy.ndarray, *,
                  milliseconds: Optional[float] = None) -> StepResult:
        """Forward and backward; update() does the rest."""
        return self._step(lib.graft_trainer_gradients, images, labels, milliseconds)

    def _step(self, function: Any, images: Any, labels: Any,
              milliseconds: Optional[float]) -> StepResult:
        result, batch = ffi.new("graft_step_result *"), ffi.new("graft_batch *")
        budget = ffi.NULL if milliseconds is None else ffi.new("graft_budget *", [milliseconds])
        with self._turn:
            kept = self._describe(batch, images, labels)
            self._log.check(function(self._pointer, batch, budget, result))
            self._batch = None if result.done else kept
        return _step(result)

    def _describe(self, batch: Any, images: Any, labels: Any) -> Any:
        """Fills in a graft_batch; returns what must be kept as long as it is used."""
        size = self.image_size
        count = len(labels) if hasattr(labels, "__len__") else None
        if isinstance(images, DeviceImages):
            batch.on_device = images._struct()[0]
        elif isinstance(images, (list, tuple)):
            batch.pictures, pictures, rows = pixels(images)
            images = batch.pictures, rows
            if count != pictures:
                raise ShapeError(f"images: {pictures} for {count} labels")
        elif getattr(images, "dtype", None) == numpy.uint8:
            array("images", images, numpy.uint8, (count, size, size, 3))
            batch.pixels = pointer(images, "uint8_t[]")
        else:
            array("images", images, numpy.float32, (count, 3, size, size))
            batch.images = pointer(images, "float[]")
        if self.soft_targets and getattr(labels, "ndim", 2) == 2:
            array("labels", labels, numpy.float32, (count, self.classes))
            batch.targets = pointer(labels, "float[]")
        else:
            array("labels", labels, numpy.int32, (count,))
            batch.labels = pointer(labels, "int32_t[]")
        batch.count = len(labels)
        return images, labels

    def update(self) -> None:
        """One update with the gradients at hand."""
        self._call(lib.graft_trainer_update)

    def cancel(self) -> None:
        """Gives up a step that is not done."""
        with self._turn:
            lib.graft_trainer_cancel(self._pointer)
            self._batch = None

    def set_lr(self, lr: float) -> None:
        """The learning rate of updates to come."""
        self._call(lib.graft_trainer_set_lr, lr)

    def run(self, batches: Iterable[tuple[Any, numpy.ndarray]], steps: Optional[int] = None,
            callback: Optional[Callable[[StepResult], Optional[bool]]] = None) -> bool:
        """Steps with batches (images, labels) of an iterable, until `steps` more are done or it has no
        more: the next one is asked for while the device is at work. `callback` is called after each
        step and may evaluate and save; False ends the run. Whether it went to its end."""
        feed, back = self._source(batches), Callback(callback, self._log.raised)
        given = ffi.new("graft_batch_source *", [lib.gr_py_next, feed.user])
        limit = 2**64 - 1 if steps is None else steps
        with self._turn:
            status = lib.graft_trainer_run(self._pointer, given, limit, lib.gr_py_step, back.user)
            self._log.raised.again()
            if status != lib.GRAFT_ERR_INTERRUPTED:
                self._log.check(status)
        return status != lib.GRAFT_ERR_INTERRUPTED

    def _source(self, batches: Iterable[tuple[Any, numpy.ndarray]]) -> Callback:
        source: Iterator[Any] = iter(batches)
        kept: list[Any] = []

        def fetch(batch: Any) -> int:
            for images, labels in source:
                kept.append(self._describe(batch, images, labels))
                del kept[:-2]  # the one at work, and this
                break
            return 0
        return Callback(fetch, self._log.raised)

    def evaluate(self, batches: Iterable[tuple[Any, numpy.ndarray]]) -> Evaluation:
        """Accuracy and loss on batches (images, labels), without dropout; with `ema` those of the
        averaged parameters. Gradients at hand are lost."""
        feed, result = self._source(batches), ffi.new("graft_eval_result *")
        given = ffi.new("graft_batch_source *", [lib.gr_py_next, feed.user])
        self._call(lib.graft_trainer_evaluate, given, lib.gr_py_evaluated, feed.user, result)
        return Evaluation(result.accuracy, result.loss, result.images)

    def logits(self, images: Any) -> numpy.ndarray:
        """[n, classes] of normalised float32 [n, 3, S, S], without dropout; with `ema` those of the
        averaged parameters."""
        array("images", images, numpy.float32, (None, 3, self.image_size, self.image_size))
        out = numpy.empty((len(images), self.classes), numpy.float32)
        self._call(lib.graft_trainer_logits, pointer(images, "float[]"), len(images),
                   pointer(out, "float[]"))
        return out

    def logits_on_device(self, images: DeviceImages, count: int) -> numpy.ndarray:
        """The same of images that lie on the device."""
        out = numpy.empty((count, self.classes), numpy.float32)
        self._call(lib.graft_trainer_logits_on_device, images._struct(), count,
                   pointer(out, "float[]"))
        return out

    def read_gradients(self) -> numpy.ndarray:
        """All gradients as one vector, float32 [trainable]."""
        out = numpy.empty(self.trainable, numpy.float32)
        self._call(lib.graft_trainer_read_gradients, pointer(out, "float[]"))
        return out

    def write_gradients(self, gradients: numpy.ndarray) -> None:
        """Takes their place, such as a mean over machines."""
        array("gradients", gradients, numpy.float32, (self.trainable,))
        self._call(lib.graft_trainer_write_gradients, pointer(gradients, "float[]"))

    def tensors(self) -> dict[str, slice]:
        """Where each tensor lies in that vector."""
        found, tensor = {}, ffi.new("graft_trainer_tensor *")
        with self._turn:
            while lib.graft_trainer_get_tensor(self._pointer, len(found), tensor):
                name = ffi.string(tensor.name).decode()
                found[name] = slice(tensor.first, tensor.first + tensor.count)
        return found

    def save_adapter(self, file: Union[str, os.PathLike[str]]) -> None:
        """Replaces the file as a whole or not at all."""
        self._call(lib.graft_trainer_save_adapter, path(file))

    def adapter(self) -> Adapter:
        """What was trained so far, through memory: Model.attach takes it."""
        with self._turn:
            return Adapter(written(self._log, lambda writer: lib.graft_trainer_write_adapter(
                self._pointer, writer)))

    def save_state(self) -> bytes:
        """All that training needs to go on, bit for bit."""
        with self._turn:
            return written(self._log, lambda writer: lib.graft_trainer_save_state(self._pointer,
                                                                                  writer))

    def load_state(self, state: bytes) -> None:
        """Goes on where the trainer of a state stopped."""
        self._call(lib.graft_trainer_load_state, ffi.from_buffer(state), len(state))

    def save_checkpoint(self, file: Union[str, os.PathLike[str]]) -> None:
        """The same as a file, which is replaced as a whole or not at all."""
        self._call(lib.graft_trainer_save_checkpoint, path(file), ffi.NULL, 0)

    def load_checkpoint(self, file: Union[str, os.PathLike[str]]) -> None:
        """Goes on from such a file."""
        self._call(lib.graft_trainer_load_checkpoint, path(file), ffi.NULL, ffi.NULL)

    def log_profile(self) -> None:
        """Logs the time of each kernel of a step; with profile=True and after a step."""
        self._call(lib.graft_trainer_profile, ffi.NULL, 0, ffi.NULL)

    def _call(self, function: Any, *arguments: Any) -> None:
        with self._turn:
            self._log.check(function(self._pointer, *arguments))

    @property
    def _info(self) -> Any:
        return lib.graft_trainer_get_info(self._pointer)

    @property
    def steps(self) -> int:
        """Updates done."""
        return lib.graft_trainer_steps(self._pointer)

    @property
    def classes(self) -> int:
        return self._info.classes

    @property
    def image_size(self) -> int:
        """S, pixels."""
        return self._info.image_size

    @property
    def batch_size(self) -> int:
        """Most images of a batch."""
        return self._info.batch_size

    @property
    def micro_batch(self) -> int:
        """Of them at once on the device."""
        return self._info.micro_batch

    @property
    def trainable(self) -> int:
        """Parameters."""
        return self._info.trainable

    @property
    def trainable_without_head(self) -> int:
        return self._info.trainable_without_head
