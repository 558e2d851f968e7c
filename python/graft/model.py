"""Models: a backbone that stays on a device, and adapters that take turns on it."""
from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any, Iterable, Optional, Sequence, Union

import numpy

from graft._arrays import array, is_normalized, is_path, path, pixels, pointer
from graft._graft import ffi, lib
from graft._handle import Owner
from graft._log import Callback, callback
from graft.adapter import NUMBER_TYPES, Adapter, choice, written
from graft.device import Device
from graft.program import Buffer, DeviceImages
from graft.settings import Filled

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from graft._settings import ModelSettings

Images = Any  # a path, an array, a PIL image, or several


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The likeliest classes of an image, best first."""

    image: Optional[str]  # its path; None for images in memory
    classes: tuple[int, ...]
    names: tuple[str, ...]  # of the classes; their numbers where no file tells
    probabilities: tuple[float, ...]

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def probability(self) -> float:
        return self.probabilities[0]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How well a model does on labelled images."""

    accuracy: float  # 0 to 1
    loss: float
    images: int


_OUTPUTS = {"logits": lib.GRAFT_OUTPUT_LOGITS, "probabilities": lib.GRAFT_OUTPUT_PROBABILITIES,
            "features": lib.GRAFT_OUTPUT_FEATURES}


@callback()
def gr_py_prediction(user: Any, image: Any, classes: Any, probabilities: Any, k: int) -> None:
    if k > 0:  # else it could not be read, which the call's status tells
        ffi.from_handle(user).function(os.fsdecode(ffi.string(image)), ffi.unpack(classes, k),
                                       ffi.unpack(probabilities, k))


class Model(Owner):
    """A backbone file on a device. `adapter`: a file, or an Adapter, to attach at once; without one
    nothing is in use until attach(), of which attach(None) takes the head that the backbone has
    itself. Further arguments are those of graft.settings("model")."""

    _kind = "model"

    def __init__(self, device: Device, backbone: Union[str, os.PathLike[str]], *,
                 adapter: Union[Adapter, str, os.PathLike[str], None] = None,
                 **settings: Unpack[ModelSettings]) -> None:
        self._log, self.device = device._log, device
        filled = Filled(self._log, "graft_model_params", "model", lib.graft_model_defaults)
        filled.set({**settings, "backbone": backbone})
        out = ffi.new("graft_model **")
        with device._turn:
            self._log.check(lib.graft_model_open(self._log.pointer, device._pointer, filled.struct,
                                                 out))
            self._attached: list[Adapter] = []  # whose bytes the library may read where they lie
            self._own(out[0], lib.graft_model_close, [device], keep=self._attached)
        if adapter is not None:
            self.attach(adapter if isinstance(adapter, Adapter) else Adapter(adapter))

    @property
    def adapters(self) -> tuple[Adapter, ...]:
        """Those that are attached."""
        return tuple(self._attached)

    def attach(self, adapter: Optional[Adapter]) -> None:
        """Brings an adapter to the device, and uses it from now on; None: the backbone's own head."""
        self._call(lib.graft_model_attach, adapter._pointer if adapter else ffi.NULL)
        if adapter:
            self._attached.append(adapter)

    def use(self, adapter: Optional[Adapter]) -> None:
        """Another one of those that are attached."""
        self._call(lib.graft_model_use, adapter._pointer if adapter else ffi.NULL)

    def detach(self, adapter: Optional[Adapter]) -> None:
        """Frees what it has on the device."""
        self._call(lib.graft_model_detach, adapter._pointer if adapter else ffi.NULL)
        if adapter:
            self._attached.remove(adapter)

    def _call(self, function: Any, *arguments: Any) -> None:
        with self._turn:
            self._log.check(function(self._pointer, *arguments))

    @property
    def classes(self) -> int:
        """Logits of what is in use; 0: nothing is."""
        with self._turn:
            return lib.graft_model_classes(self._pointer)

    @property
    def image_size(self) -> int:
        """Side of its input, pixels."""
        with self._turn:
            return lib.graft_model_image_size(self._pointer)

    @property
    def class_names(self) -> list[str]:
        """Their numbers where no file tells."""
        with self._turn:
            return [self._class_name(i) for i in range(self.classes)]

    def _class_name(self, index: int) -> str:
        name = lib.graft_model_class_name(self._pointer, index)
        return ffi.string(name).decode("utf-8", "replace") if name else str(index)

    def logits(self, images: Images) -> numpy.ndarray:
        """[n, classes] of n images: 8-bit arrays [height, width, 3 or 4] or PIL images of any size,
        one or a list of them; or normalised float32 [n, 3, S, S], S being image_size."""
        return self._run("logits", images)

    def probabilities(self, images: Images) -> numpy.ndarray:
        """The softmax of the logits."""
        return self._run("probabilities", images)

    def features(self, images: Images) -> numpy.ndarray:
        """[n, D], what the head sees."""
        return self._run("features", images)

    def _run(self, output: str, images: Images) -> numpy.ndarray:
        with self._turn:
            size = self.image_size
            width = (lib.graft_model_features(self._pointer) if output == "features"
                     else self.classes)
            if is_normalized(images):
                array("images", images, numpy.float32, (None, 3, size, size) if size else (None,) * 4)
                count, kept = len(images), None
                function, given = lib.graft_model_run, pointer(images, "float[]")
            else:
                function = lib.graft_model_run_pixels
                given, count, kept = pixels(images)
            out = numpy.empty((count, width), numpy.float32)
            self._log.check(function(self._pointer, _OUTPUTS[output], given, count,
                                     pointer(out, "float[]")))
            del kept
        return out

    def run_on_device(self, output: str, images: DeviceImages, count: int, out: Buffer,
                      offset_bytes: int = 0) -> None:
        """"logits", "probabilities" or "features" from buffer to buffer; queues and does not wait."""
        self._call(lib.graft_model_run_on_device, _OUTPUTS[output], images._struct(), count,
                   out._pointer, offset_bytes)

    def predict(self, images: Images, k: int = 5) -> list[Prediction]:
        """The k likeliest classes of each image (of all where there are fewer): paths of image files,
        of folders that stand for all images in them, or what logits() takes."""
        several = list(images) if isinstance(images, (list, tuple)) else [images]
        with self._turn:
            k = min(k, self.classes) if self.classes else k
            if several and all(map(is_path, several)):
                return self._predict_files(several, k)
            return [self._prediction(None, numpy.argsort(-row, kind="stable")[:k].tolist(), row)
                    for row in self.probabilities(images)]

    def _predict_files(self, files: Sequence[Any], k: int) -> list[Prediction]:
        found: list[Prediction] = []

        def take(image: str, classes: list[int], probabilities: list[float]) -> None:
            found.append(self._prediction(image, classes, dict(zip(classes, probabilities))))

        back = Callback(take, self._log.raised)
        texts = [path(file) for file in files]
        self._call(lib.graft_model_predict, ffi.new("const char *[]", texts), len(texts), k,
                   lib.gr_py_prediction, back.user)
        return found

    def _prediction(self, image: Optional[str], classes: Iterable[int], of: Any) -> Prediction:
        classes = tuple(classes)
        return Prediction(image, classes, tuple(map(self._class_name, classes)),
                          tuple(float(of[c]) for c in classes))

    def evaluate(self, data: Union[str, os.PathLike[str]], split: Optional[str] = None) -> Evaluation:
        """Accuracy and mean loss on a split of a data set, "test" unless told."""
        result = ffi.new("graft_eval_result *")
        self._call(lib.graft_model_evaluate, path(data), path(split), result)
        return Evaluation(result.accuracy, result.loss, result.images)

    def merge(self, type: Optional[str] = None) -> bytes:
        """The adapter in use folded into the backbone: the bytes of a checkpoint, see graft.merge."""
        with self._turn:
            return written(self._log, lambda writer: lib.graft_model_merge(
                self._pointer, choice("type", type, NUMBER_TYPES), writer))
