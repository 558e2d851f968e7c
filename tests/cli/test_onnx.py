"""Models as ONNX: what the file holds, that onnx's checker takes it and onnxruntime computes the
adapted model's probabilities with it, for any batch, where these are installed."""
import importlib
import json
import math
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

from support import GRAFT, CliTest, safetensors, tiny_swin, tiny_vit

REFERENCE = ("--device", "reference:0")
SIZE, CLASSES = 16, 2


def find(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


numpy, onnx, onnxruntime = find("numpy"), find("onnx"), find("onnxruntime")


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """[(number, value)] of a protobuf message: bytes of what has a length, else integers."""
    at, found = 0, []
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            value, at = data[at:at + 4], at + (4 if key & 7 == 5 else 8)
        found.append((key >> 3, value))
    return found


def only(data, number):
    return [value for n, value in fields(data) if n == number]


def noise(seed):
    """A noisy image: its bytes as PNG, and its rows of pixels."""
    source = random.Random(seed)
    rows = [bytes(source.randrange(256) for _ in range(3 * SIZE)) for _ in range(SIZE)]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, chunk in ((b"IHDR", struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)),
                        (b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))),
                        (b"IEND", b"")):
        data += struct.pack(">I", len(chunk)) + kind + chunk
        data += struct.pack(">I", zlib.crc32(kind + chunk))
    return data, rows


def randomized(shapes, seed=5):
    source = random.Random(seed)
    tensors = {}
    for name, shape in shapes.items():
        one = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        width = 0.1 if len(shape) < 2 else 0.7 / math.sqrt(math.prod(shape[1:]))
        tensors[name] = (shape, [one + width * source.gauss(0, 1) for _ in range(math.prod(shape))])
    return tensors


def vit_shapes(**changes):
    shapes = {name: shape for name, (shape, _) in tiny_vit(depth=2).items()}
    shapes.update(changes)
    return {name: shape for name, shape in shapes.items() if shape}


class OnnxTest(CliTest):
    def setUp(self):
        super().setUp()
        self.images = [noise(seed) for seed in range(3)]
        for split in ("train", "test"):
            for i, (data, _) in enumerate(self.images):
                self.write("photos/%s/%s/%d.png" % (split, ("cat", "dog")[i % 2], i), data)

    def trained(self, shapes, *options, heads="2"):
        backbone = self.write("b.safetensors", safetensors(randomized(shapes), {"graft.heads": heads}))
        run = os.path.join(tempfile.mkdtemp(dir=self.folder), "run")
        self.works("train", "-b", backbone, "--data", self.path("photos"), "--out", run, "--method",
                   "lora+bitfit", "--lr", "0.05", "--warmup-epochs", "0", "--max-steps", "2",
                   "--batch-size", "3", "--interpolation", "bilinear", *options, *REFERENCE)
        return "-b", backbone, "-a", os.path.join(run, "adapter.safetensors")

    def export(self, model, *options):
        path = self.path("model.onnx")
        self.works("export", *model, "--onnx", path, *options)
        return path

    def probabilities(self, model):
        paths = []
        for i, (data, _) in enumerate(self.images):
            paths.append(self.write("seen/%d.png" % i, data))
        seen = json.loads(self.works("predict", *model, *paths, "--json", "--top", "2", *REFERENCE))
        return [{item["class"]: item["probability"] for item in image["top"]} for image in seen]


def skip_without_export(test):
    """A build without protobuf-c says so in a line; there is nothing to try then."""
    done = subprocess.run([GRAFT, "export", "-b", "none", "-a", "none", "--onnx", "x.onnx"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if "no protobuf-c" in done.stderr:
        print("SKIP: this build has no protobuf-c", file=sys.stderr)
        sys.exit(77)
    return test


class Files(OnnxTest):
    """Needs no library."""

    def test_file(self):
        model = self.trained(vit_shapes(), "--resize", "crop", "--resize-to", "20")
        with open(self.export(model), "rb") as file:
            data = file.read()
        self.assertEqual(only(data, 1), [8])
        self.assertEqual(only(only(data, 8)[0], 2), [17])
        told = {only(entry, 1)[0].decode(): only(entry, 2)[0].decode() for entry in only(data, 14)}
        self.assertEqual(json.loads(told["classes"]), ["cat", "dog"])
        seen = json.loads(told["preprocessing"])
        self.assertEqual({key: seen[key] for key in ("image_size", "resize", "resize_to", "channels",
                                                     "interpolation", "mean", "std")},
                         {"image_size": 16, "resize": "crop", "resize_to": 20, "channels": "RGB",
                          "interpolation": "bilinear", "mean": [0.485, 0.456, 0.406],
                          "std": [0.229, 0.224, 0.225]})
        graph = only(data, 7)[0]
        operators = [only(node, 4)[0].decode() for node in only(graph, 1)]
        self.assertEqual(operators.count("Conv"), 1)
        self.assertEqual(operators.count("LayerNormalization"), 5)
        self.assertEqual(operators.count("Softmax"), 2)
        self.assertEqual(operators.count("Erf"), 2)
        self.assertNotIn("Pad", operators[:1])
        names = [only(only(graph, n)[0], 1)[0].decode() for n in (11, 12)]
        self.assertEqual(names, ["images", "logits"])

    def test_half(self):
        """Half of the bytes; what f16 cannot hold is named."""
        model = self.trained(vit_shapes())
        full, half = (os.path.getsize(self.export(model, "--weights", kind)) for kind in ("f32", "f16"))
        self.assertLess(half, 0.75 * full)
        tensors = randomized(vit_shapes())
        tensors["blocks.0.mlp.fc1.weight"][1][3] = 1e6
        large = self.write("large.safetensors", safetensors(
            {**tensors, "head.weight": ([2, 16], [0.1] * 32)}, {"graft.heads": "2"}))
        out = self.path("large.onnx")
        self.fails(1, "export", "-b", large, "--onnx", out, "--weights", "f16",
                   telling=["blocks.0.mlp.fc1.weight", "1e+06", "f32"])
        self.assertFalse(os.path.exists(out))
        self.works("export", "-b", large, "--onnx", out)

    def test_refusals(self):
        model = self.trained(vit_shapes())
        out = self.path("x.onnx")
        self.fails(2, "export", *model, telling=["--onnx", "--peft"])
        self.fails(2, "export", *model, "--weights", "f16", "--peft", out, telling=["--weights", "ONNX"])
        self.fails(2, "export", *model, "--onnx", model[1], telling=["would be lost"])
        self.fails(2, "export", "-b", model[1], "--onnx", out, telling=["head.weight"])
        prompted = self.trained(vit_shapes(), "--method", "vpt_deep")
        self.fails(1, "export", *prompted, "--onnx", out, telling=["vpt_deep", "folded"])
        self.assertFalse(os.path.exists(out))


@unittest.skipUnless(numpy and onnx and onnxruntime, "onnx or onnxruntime is not installed")
class Runtime(OnnxTest):
    def check(self, shapes, *options, heads="2", mean=(0.485, 0.456, 0.406),
              deviation=(0.229, 0.224, 0.225)):
        model = self.trained(shapes, *options, heads=heads)
        expected = self.probabilities(model)
        pixels = numpy.array([[[row[c::3] for row in map(list, rows)] for c in range(3)]
                              for _, rows in self.images], numpy.float32) / 255
        images = ((pixels - numpy.array(mean, numpy.float32)[:, None, None]) /
                  numpy.array(deviation, numpy.float32)[:, None, None])
        for kind, tolerance in (("f32", 1e-4), ("f16", 2e-2)):
            path = self.export(model, "--weights", kind)
            onnx.checker.check_model(path, full_check=True)
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            for count in (1, 3):
                logits, = session.run(["logits"], {"images": images[:count]})
                self.assertEqual(logits.shape, (count, CLASSES))
                for row, image in zip(logits, expected):
                    ratio = math.log(image[1] / image[0])
                    self.assertAlmostEqual(float(row[1] - row[0]), ratio, delta=tolerance)

    def test_vit(self):
        self.check(vit_shapes(), "--method", "lora+ssf+bitfit")

    def test_mean_pooling(self):
        self.check(vit_shapes(), "--pool", "avg")

    def test_normed_head(self):
        self.check(vit_shapes(), "--head-norm")

    def test_dinov2(self):
        scales = {"blocks.%d.ls%d.gamma" % (i, k): [16] for i in range(2) for k in (1, 2)}
        self.check(vit_shapes(reg_token=[1, 3, 16], pos_embed=[1, 4, 16], **scales))

    def test_gated(self):
        gates = {"blocks.%d.mlp.%s" % (i, name): shape for i in range(2) for name, shape in
                 (("fc1.weight", [48, 16]), ("fc1.bias", [48]), ("fc2.weight", [16, 24]))}
        self.check(vit_shapes(**gates))

    clip = {"norm_pre.weight": [16], "norm_pre.bias": [16], "patch_embed.proj.bias": None}

    def test_clip(self):
        """quick_gelu, a projection, and a head on features of length 1, as that of texts is."""
        shapes = vit_shapes(**self.clip, **{"proj.weight": [12, 16]})
        texts = self.write("texts.safetensors", safetensors(randomized({"texts": [2, 12]})))
        self.check(shapes, "--text-embeddings", texts, "--logit-scale", "10", "--normalization", "clip",
                   mean=(0.48145466, 0.4578275, 0.40821073), deviation=(0.26862954, 0.26130258, 0.27577711))

    def test_swin(self):
        """Windows, shifted ones with their masks, and merged patches with SSF's bias."""
        self.check(tiny_swin(), "--method", "ssf", "--image-size", "16", heads="1")


if __name__ == "__main__":
    skip_without_export(None)
    for name, library in (("onnx", onnx), ("onnxruntime", onnxruntime)):
        if not library:
            print("SKIP: %s is not installed" % name, file=sys.stderr)
    unittest.main()
