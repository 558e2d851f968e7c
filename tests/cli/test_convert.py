"""tools/convert-checkpoint.py: PyTorch's formats, written here without PyTorch, and by it where it
is installed."""
import collections
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import types
import unittest
import unittest.mock
import zipfile

from support import DOCS, CliTest, tiny_vit

try:
    import torch
except ImportError:
    torch = None

TOOL = os.path.join(os.path.dirname(DOCS), "tools", "convert-checkpoint.py")


def named(name, module, thing):
    thing.__module__, thing.__name__, thing.__qualname__ = module, name, name
    return thing


# Stand for what PyTorch's pickles name.
FAKES = {"torch": types.ModuleType("torch"), "torch._utils": types.ModuleType("torch._utils")}
FAKES["torch"].FloatStorage = named("FloatStorage", "torch", type("FloatStorage", (), {}))
FAKES["torch._utils"]._rebuild_tensor_v2 = named("_rebuild_tensor_v2", "torch._utils",
                                                 lambda *arguments: None)


class Storage:
    def __init__(self, values):
        self.values = values


class Tensor:
    """A float tensor that is pickled as PyTorch pickles its own."""

    def __init__(self, shape, values, stride=None, offset=0):
        dense = [1] * len(shape)
        for axis in range(len(shape) - 1, 0, -1):
            dense[axis - 1] = dense[axis] * shape[axis]
        self.arguments = (Storage(values), offset, tuple(shape), tuple(stride or dense), False,
                          collections.OrderedDict())

    def __reduce__(self):
        return FAKES["torch._utils"]._rebuild_tensor_v2, self.arguments


class Pickler(pickle.Pickler):
    def __init__(self, file):
        super().__init__(file, protocol=2)
        self.storages = []

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        if value not in self.storages:
            self.storages.append(value)
        return ("storage", FAKES["torch"].FloatStorage, str(self.storages.index(value)), "cpu",
                len(value.values))


def floats(values):
    return struct.pack("<%df" % len(values), *values)


def dump(root):
    """The pickle and its storages."""
    file = io.BytesIO()
    pickler = Pickler(file)
    with unittest.mock.patch.dict(sys.modules, FAKES):
        pickler.dump(root)
    return file.getvalue(), [floats(storage.values) for storage in pickler.storages]


def zip_checkpoint(root):
    data, storages = dump(root)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model/data.pkl", data)
        for i, storage in enumerate(storages):
            archive.writestr("model/data/%d" % i, storage)
        archive.writestr("model/version", "3\n")
    return file.getvalue()


def legacy_checkpoint(root):
    data, storages = dump(root)
    header = [0x1950a86a20f9469cfc6c, 1001, {"protocol_version": 1001, "little_endian": True}]
    return (b"".join(pickle.dumps(part, 2) for part in header) + data +
            pickle.dumps([str(i) for i in range(len(storages))], 2) +
            b"".join(struct.pack("<q", len(storage) // 4) + storage for storage in storages))


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


class ConvertTest(CliTest):
    def convert(self, *arguments):
        return subprocess.run([sys.executable, TOOL, *arguments], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)

    def converts(self, data, *arguments):
        """Returns {name: (type, shape, bytes)} and the metadata."""
        path, out = self.write("model.pth", data), self.path("model.safetensors")
        done = self.convert(path, "--force", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(out, "rb") as file:
            data = file.read()
        size, = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + size])
        metadata = header.pop("__metadata__", None)
        return {name: (entry["dtype"], entry["shape"], data[8 + size:][slice(*entry["data_offsets"])])
                for name, entry in header.items()}, metadata

    def refuses(self, data, *arguments, telling):
        path = self.write("bad.pth", data)
        done = self.convert(path, *arguments)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in [path, *telling]:
            self.assertIn(word, done.stderr)
        self.assertEqual([name for name in os.listdir(self.folder) if not name.endswith(".pth")], [])


class Convert(ConvertTest):
    def test_both_formats(self):
        values = [float(i) for i in range(12)]
        state = collections.OrderedDict([
            ("a", Tensor([3, 4], values)), ("scalar", Tensor([], [5.0])), ("none", Tensor([0, 4], [])),
            ("transposed", Tensor([4, 3], values, stride=[1, 4])),
            ("part", Tensor([2, 2], values, stride=[4, 1], offset=5)),
            ("repeated", Tensor([2, 3], values, stride=[1, 0]))])
        expected = {"a": [[3, 4], values], "scalar": [[], [5.0]], "none": [[0, 4], []],
                    "transposed": [[4, 3], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]],
                    "part": [[2, 2], [5, 6, 9, 10]], "repeated": [[2, 3], [0, 0, 0, 1, 1, 1]]}
        for form in (zip_checkpoint, legacy_checkpoint):
            found, metadata = self.converts(form(state))
            self.assertEqual(found, {name: ("F32", shape, floats(values))
                                     for name, (shape, values) in expected.items()})
            self.assertIsNone(metadata)

    def test_graft_reads_it(self):
        state = {name: Tensor(shape, values) for name, (shape, values) in tiny_vit().items()}
        path = self.write("vit.pth", zip_checkpoint({"model": state, "epoch": 7}))
        self.fails(1, "inspect", path, telling=["PyTorch pickle", "tools/convert-checkpoint.py"])
        self.assertEqual(self.convert(path, "--set", "graft.heads=2").returncode, 0)
        seen = json.loads(self.works("inspect", self.path("vit.safetensors"), "--json"))
        self.assertEqual((seen["family"], seen["problems"]), ("timm ViT", []))
        self.assertEqual(seen["geometry"]["heads"], 2)

    def test_where_the_model_is(self):
        one, two = {"w": Tensor([1], [1.0])}, {"w": Tensor([1], [2.0])}
        for root, arguments, value in (
                (one, [], 1.0), ({"model": one, "optimizer": {"state": two}}, [], 1.0),
                ({"state_dict": one, "ema": two}, [], 1.0), ({"ema": two, "epoch": 1}, [], 2.0),
                ({"a": one, "b": two}, ["--key", "b"], 2.0),
                ({"a": {"b": two, "c": one}}, ["--key", "a/b"], 2.0),
                ({"model": {"student": one}}, [], 1.0)):
            with self.subTest(list(root)):
                found, _ = self.converts(zip_checkpoint(root), *arguments)
                self.assertEqual(found, {"w": ("F32", [1], floats([value]))})
        os.unlink(self.path("model.safetensors"))
        several = zip_checkpoint({"a": one, "b": two})
        self.refuses(several, telling=["a, b", "--key"])
        self.refuses(several, "--key", "c", telling=["'c'"])
        self.refuses(zip_checkpoint({"epoch": 1}), telling=["no dictionary of tensors", "epoch"])
        self.refuses(zip_checkpoint([1]), telling=["no dictionary of tensors"])

    def test_no_code_runs(self):
        trap = self.path("trap")
        state = {"w": Tensor([1], [1.0])}
        found, _ = self.converts(zip_checkpoint({"model": state, "args": Malicious(trap)}))
        self.assertEqual(list(found), ["w"])
        self.converts(legacy_checkpoint({"model": state, "args": Malicious(trap)}))
        self.assertFalse(os.path.exists(trap))

    def test_entries_that_are_no_tensors(self):
        data = zip_checkpoint({"w": Tensor([1], [1.0]), "epoch": 3})
        self.refuses(data, telling=["'epoch'", "--skip"])
        self.assertEqual(list(self.converts(data, "--skip")[0]), ["w"])

    def test_damaged_files(self):
        good = zip_checkpoint({"w": Tensor([2], [1.0, 2.0])})
        old = legacy_checkpoint({"w": Tensor([2], [1.0, 2.0])})
        outside = zip_checkpoint({"w": Tensor([3], [1.0, 2.0])})
        before = zip_checkpoint({"w": Tensor([2], [1.0, 2.0], offset=-1)})
        for data in (b"", b"hello", good[:40], good[:-30], old[:30], old[:-4], b"\x80\x02junk"):
            with self.subTest(data[:8]):
                self.refuses(data, telling=["convert-checkpoint: "])
        self.refuses(outside, telling=["'w'", "outside"])
        self.refuses(before, telling=["'w'", "outside"])
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("x", "y")
        self.refuses(archive.getvalue(), telling=["no PyTorch checkpoint"])

    def test_files(self):
        path = self.write("model.pth", zip_checkpoint({"w": Tensor([1], [1.0])}))
        out = self.write("model.safetensors", b"mine")
        done = self.convert(path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "model.safetensors exists; --force")
        with open(out, "rb") as file:
            self.assertEqual(file.read(), b"mine")
        self.assertEqual(self.convert(path, self.path("no", "folder.safetensors")).returncode, 1)
        self.assertIn("No such file", self.convert(self.path("none.pth")).stderr)
        self.assertEqual(self.convert(path, "--set", "x").returncode, 2)
        self.assertIn("usage", self.convert("--help").stdout)
        self.assertEqual(sorted(os.listdir(self.folder)), ["model.pth", "model.safetensors"])


@unittest.skipUnless(torch, "PyTorch is not installed")
class FromPyTorch(ConvertTest):
    def check(self, state, *arguments):
        with open(self.path("model.pth"), "rb") as file:
            found, _ = self.converts(file.read(), *arguments)
        self.assertEqual(set(found), set(state))
        for name, value in state.items():
            kind, shape, data = found[name]
            self.assertEqual(shape, list(value.shape), name)
            expected = value.detach().contiguous().flatten().view(torch.uint8) if value.dim() else (
                value.detach().reshape(1).view(torch.uint8))
            self.assertEqual(data, bytes(expected.tolist()), name)

    def test_state_dict(self):
        state = collections.OrderedDict(
            f32=torch.randn(3, 4), transposed=torch.randn(4, 3).t(), f16=torch.randn(5).half(),
            bf16=torch.randn(5).bfloat16(), f64=torch.randn(2).double(), i64=torch.tensor(3),
            u8=torch.tensor([1, 2], dtype=torch.uint8), flag=torch.tensor([True, False]),
            part=torch.randn(10)[2:7], repeated=torch.randn(3, 1).expand(3, 4),
            parameter=torch.nn.Parameter(torch.randn(2, 2)))
        for zipped in (True, False):
            torch.save({"model": state, "epoch": 1, "sizes": state["f32"].shape},
                       self.path("model.pth"), _use_new_zipfile_serialization=zipped)
            self.check(state)

    def test_torchscript(self):
        module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4)).half()
        torch.jit.script(module).save(self.path("model.pth"))
        self.check(module.state_dict())


if __name__ == "__main__":
    if not torch:
        print("SKIP: files written by PyTorch, which is not installed", file=sys.stderr)
    unittest.main()
