#!/usr/bin/env python3
"""Turns a PyTorch checkpoint (.pth, .pt, .bin, .pth.tar) or an ONNX file into a safetensors file.

A PyTorch checkpoint is a pickle, which can run any code when it is loaded. Here nothing of it runs:
the few names that make up tensors are understood, every other class or function becomes an inert
object. PyTorch itself is not needed. Reads the formats of PyTorch 1.6 and later, of earlier ones,
and TorchScript archives, as OpenAI publishes CLIP.

Of an ONNX file the parameters are kept, under the names that they had in PyTorch (onnx_weights.py).

Names stay as they are: graft knows the usual ones (docs/checkpoints.md).
"""
import argparse
import collections
import json
import os
import pickle
import struct
import sys
import tempfile
import zipfile

# PyTorch's storage classes: safetensors name, bytes per element.
TYPES = {"DoubleStorage": ("F64", 8), "FloatStorage": ("F32", 4), "HalfStorage": ("F16", 2),
         "BFloat16Storage": ("BF16", 2), "LongStorage": ("I64", 8), "IntStorage": ("I32", 4),
         "ShortStorage": ("I16", 2), "CharStorage": ("I8", 1), "ByteStorage": ("U8", 1),
         "BoolStorage": ("BOOL", 1)}
# Where training scripts put the model beside the optimizer and the epoch.
USUAL_KEYS = ("model", "state_dict", "model_state_dict", "module", "net")
LEGACY_MAGIC = 0x1950a86a20f9469cfc6c


class Failure(Exception):
    """Something about the input, told in one line."""


class Opaque:
    """Stands for an object of any other class. Keeps its attributes, does nothing."""

    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)

    def __init__(self, *args, **kwargs):
        self.attributes = {}

    def __setstate__(self, state):
        self.attributes = state if isinstance(state, dict) else {}

    def __setitem__(self, key, value):
        pass

    def append(self, value):
        pass

    def extend(self, values):
        pass


class Tensor:
    def __init__(self, storage, offset, shape, stride):
        self.storage, self.offset = storage, offset
        self.shape, self.stride = tuple(shape), tuple(stride)


# What a pickle names to make a tensor, here with storages that hold no data yet.

def rebuild_tensor(storage, offset, shape, stride, *unused):
    return Tensor(storage, offset, shape, stride)


def rebuild_parameter(tensor, *unused):
    return tensor


KNOWN = {("torch._utils", "_rebuild_tensor"): rebuild_tensor,
         ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
         ("torch._utils", "_rebuild_parameter"): rebuild_parameter,
         ("torch._utils", "_rebuild_parameter_with_state"): rebuild_parameter,
         ("collections", "OrderedDict"): collections.OrderedDict,
         ("torch", "Size"): tuple}

Storage = collections.namedtuple("Storage", "type key")


class Unpickler(pickle.Unpickler):
    """Finds only what KNOWN has, and the names of storages. Collects the storages it met."""

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if module in ("torch", "torch.storage") and name.endswith("Storage"):
            return name
        return KNOWN.get((module, name), Opaque)

    def persistent_load(self, pid):
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise Failure("a tensor of an unknown kind")
        if len(pid) > 5 and pid[5] is not None:
            raise Failure("storages that share memory; save it again with PyTorch 1.6 or later")
        return self.storages.setdefault(str(pid[2]), Storage(pid[1], str(pid[2])))


class ZipFile:
    """The format since PyTorch 1.6, and TorchScript's."""

    def __init__(self, path):
        self.archive = zipfile.ZipFile(path)
        names = self.archive.namelist()
        pickles = [name for name in names if name.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1:
            raise Failure("a zip archive, but no PyTorch checkpoint")
        self.folder = pickles[0][:-len("data.pkl")]
        if self.folder + "byteorder" in names and self.read("byteorder") != b"little":
            raise Failure("a checkpoint of a big-endian machine")
        with self.archive.open(pickles[0]) as file:
            self.root = Unpickler(file).load()

    def read(self, name):
        return self.archive.read(self.folder + name)

    def storage(self, storage):
        return self.read("data/" + storage.key)


class LegacyFile:
    """The format before PyTorch 1.6: pickles, then each storage behind its number of elements."""

    def __init__(self, path):
        self.file = open(path, "rb")
        header = [Unpickler(self.file).load() for _ in range(3)]
        if header[0] != LEGACY_MAGIC or not isinstance(header[2], dict):
            raise Failure("no PyTorch checkpoint")
        if not header[2].get("little_endian", True):
            raise Failure("a checkpoint of a big-endian machine")
        unpickler = Unpickler(self.file)
        self.root = unpickler.load()
        self.places = {}
        for key in Unpickler(self.file).load():
            count, = struct.unpack("<q", self.file.read(8))
            size = count * TYPES.get(unpickler.storages[key].type, ("", 0))[1]
            self.places[key] = (self.file.tell(), size)
            self.file.seek(size, os.SEEK_CUR)

    def storage(self, storage):
        offset, size = self.places[storage.key]
        self.file.seek(offset)
        return self.file.read(size)


class OnnxFile:
    """Parameters of an ONNX file, each a storage of its own."""

    def __init__(self, path):
        import onnx_weights
        try:
            self.weights = onnx_weights.read(path)
        except onnx_weights.Damaged as error:
            raise Failure(str(error))
        self.root = {name: Tensor(Storage(weight.storage, name), 0, weight.shape,
                                  dense_stride(weight.shape))
                     for name, weight in self.weights.items()}

    def storage(self, storage):
        return self.weights[storage.key].data


def dense_stride(shape):
    stride = [1] * len(shape)
    for axis in range(len(shape) - 1, 0, -1):
        stride[axis - 1] = stride[axis] * shape[axis]
    return stride


def open_checkpoint(path):
    with open(path, "rb") as file:
        start = file.read(2)
    if path.endswith(".onnx"):
        return OnnxFile(path)
    if start == b"PK":
        return ZipFile(path)
    if start[:1] == b"\x80":
        return LegacyFile(path)
    raise Failure("no PyTorch checkpoint")


def gather(data, tensor, size):
    """The elements of a strided tensor, row-major, from the bytes of its storage."""
    expected, dense = 1, True
    for length, step in zip(reversed(tensor.shape), reversed(tensor.stride)):
        dense = dense and (length == 1 or step == expected)
        expected *= length
    last = tensor.offset + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride))
    if expected > 0 and (tensor.offset < 0 or min(tensor.stride, default=0) < 0 or
                         last >= len(data) // size):
        raise Failure("reaches outside its storage")
    if dense:
        return data[tensor.offset * size:(tensor.offset + expected) * size]
    out = bytearray()

    def visit(axis, offset):
        if axis == len(tensor.shape):
            out.extend(data[offset * size:(offset + 1) * size])
            return
        for i in range(tensor.shape[axis]):
            visit(axis + 1, offset + i * tensor.stride[axis])

    visit(0, tensor.offset)
    return bytes(out)


def module_tensors(module, prefix=""):
    """The tensors of a TorchScript module by their paths."""
    for name, value in module.attributes.items():
        if isinstance(value, Tensor):
            yield prefix + name, value
        elif isinstance(value, Opaque):
            yield from module_tensors(value, prefix + name + ".")


def has_tensors(value):
    return isinstance(value, dict) and any(isinstance(v, Tensor) for v in value.values())


def find_model(root, key):
    """The dictionary of tensors in what was pickled."""
    if isinstance(root, Opaque):
        root = dict(module_tensors(root))
    if key is not None:
        for part in key.split("/"):
            if not isinstance(root, dict) or part not in root:
                raise Failure("has no '%s'" % part)
            root = root[part]
    if has_tensors(root):
        return root
    if not isinstance(root, dict) or not root:
        raise Failure("holds no dictionary of tensors; save model.state_dict()")
    found = [name for name, value in root.items() if has_tensors(value)]
    usual = [name for name in USUAL_KEYS if name in found]
    if usual or len(found) == 1:
        return root[(usual or found)[0]]
    for name in USUAL_KEYS:
        if isinstance(root.get(name), dict):
            return find_model(root[name], None)
    if found:
        raise Failure("several models: %s; choose one with --key" % ", ".join(map(str, found)))
    raise Failure("holds no dictionary of tensors; its keys are %s" %
                  ", ".join(map(str, list(root)[:6])))


def check_model(model, skip):
    """{name: Tensor} without what is none."""
    tensors = {}
    for name, value in model.items():
        if not isinstance(value, Tensor) or not isinstance(name, str):
            if skip:
                continue
            raise Failure("'%s' is no tensor; --skip leaves such entries out" % (name,))
        if value.storage.type not in TYPES:
            raise Failure("'%s': elements of %s cannot be stored" % (name, value.storage.type))
        tensors[name] = value
    return tensors


def write_safetensors(path, checkpoint, tensors, metadata):
    """Large elements first, so that all are aligned. The file appears complete or not at all."""
    header, end = {"__metadata__": metadata} if metadata else {}, 0
    order = sorted(tensors, key=lambda name: (-TYPES[tensors[name].storage.type][1], name))
    for name in order:
        kind, size = TYPES[tensors[name].storage.type]
        begin = end
        for length in tensors[name].shape:
            size *= length
        end += size
        header[name] = {"dtype": kind, "shape": tensors[name].shape, "data_offsets": [begin, end]}
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(prefix=".convert-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for name in order:
                write_tensor(file, checkpoint, name, tensors[name])
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~current_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return end


def write_tensor(file, checkpoint, name, tensor):
    size = TYPES[tensor.storage.type][1]
    try:
        file.write(gather(checkpoint.storage(tensor.storage), tensor, size))
    except (Failure, KeyError, TypeError) as error:
        raise Failure("'%s': %s" % (name, error))


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        prog="convert-checkpoint.py", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", help="the PyTorch checkpoint, or an .onnx file")
    parser.add_argument("output", nargs="?", help="default: the input's name with .safetensors")
    parser.add_argument("--key", metavar="A/B", help="where in the checkpoint the model is, when "
                        "it holds several: 'teacher' or 'ema/state_dict'")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[],
                        help="metadata of the file, such as graft.heads=6")
    parser.add_argument("--skip", action="store_true", help="leave out entries that are no tensors")
    parser.add_argument("--force", action="store_true", help="replace an output that exists")
    options = parser.parse_intermixed_args(arguments)
    for text in options.set:
        if "=" not in text:
            parser.error("--set %s: expected KEY=VALUE" % text)
    return options


def output_path(path):
    for suffix in (".pth.tar", ".pth", ".pt", ".bin", ".ckpt", ".onnx"):
        if path.endswith(suffix):
            return path[:-len(suffix)] + ".safetensors"
    return path + ".safetensors"


def convert(options):
    output = options.output or output_path(options.input)
    if os.path.exists(output) and not options.force:
        raise Failure("%s exists; --force replaces it" % output)
    checkpoint = open_checkpoint(options.input)
    tensors = check_model(find_model(checkpoint.root, options.key), options.skip)
    metadata = dict(text.split("=", 1) for text in options.set)
    size = write_safetensors(output, checkpoint, tensors, metadata)
    print("%s: %d tensors, %.1f MiB" % (output, len(tensors), size / 2**20))


def main(arguments=None):
    options = parse_arguments(arguments)
    try:
        convert(options)
    except Failure as error:
        message = str(error)
    except OSError as error:
        message = error.strerror or str(error)
    except Exception as error:  # a damaged pickle can raise anything
        message = "damaged, or no PyTorch checkpoint (%s)" % error
    else:
        return 0
    print("convert-checkpoint: %s: %s" % (options.input, " ".join(message.split())),
          file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
