"""graft: fine-tunes Vision Transformers on any GPU, through OpenCL and Vulkan.

    import graft
    device = graft.Device()
    graft.train(device, backbone="vit.safetensors", data="photos", method="lora", out="run")
    model = graft.Model(device, "vit.safetensors", adapter="run/adapter.safetensors")
    print(model.predict("cat.jpg"))

The package adds nothing to the C library but Python's manners: what goes wrong is an exception with
the library's one line, objects close themselves, and the interpreter runs on while a device works.
Arrays are never converted or copied unasked: those of another type, shape or order are refused with
the remedy.
"""
from graft._version import __version__
from graft.adapter import Adapter, combine, merge
from graft.device import Api, Device, DeviceInfo, apis, devices
from graft.errors import (ArgumentError, DeviceError, DeviceMemoryError, Error, FormatError,
                          Interrupted, IOFailure, NoDeviceError, NotFoundError, NumericError,
                          OutOfMemoryError, ShapeError, UnsupportedError)
from graft.graph import Graph, Value
from graft import ops
from graft.inspect import File, inspect
from graft.model import Evaluation, Model, Prediction
from graft.program import Buffer, DeviceImages, KernelTime, Program
from graft.run import (Estimate, Progress, SearchProgress, SearchResult, TrainResult, analyze,
                       check_resume, describe, estimate, search, train)
from graft.settings import Method, Recipe, Setting, count_trainable, methods, recipes, settings
from graft.trainer import StepResult, Trainer

__all__ = [
    "Adapter", "Api", "ArgumentError", "Buffer", "Device", "DeviceError", "DeviceImages", "DeviceInfo",
    "DeviceMemoryError", "Error", "Estimate", "Evaluation", "File", "FormatError", "Graph", "IOFailure",
    "Interrupted", "KernelTime", "Method", "Model", "NoDeviceError", "NotFoundError", "NumericError",
    "OutOfMemoryError", "Prediction", "Program", "Progress", "Recipe", "SearchProgress",
    "SearchResult", "Setting", "ShapeError", "StepResult", "TrainResult", "Trainer",
    "UnsupportedError", "Value", "__version__", "analyze", "apis", "combine", "count_trainable",
    "check_resume", "describe", "devices", "estimate", "inspect", "merge", "methods", "ops", "recipes",
    "search", "settings", "train",
]
