"""What the tests with models of timm and transformers share: random weights, saving them, and
comparing graft's logits with theirs."""
import importlib
import json
import math
import os
import struct
import sys
import unittest
import warnings
import zlib

from support import CliTest

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.simplefilter("ignore")


def find(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


torch = find("torch")
timm = find("timm") if torch else None
transformers = find("transformers") if torch else None
torchvision = find("torchvision") if torch else None
CLASSES = 5
DTYPES = {"float32": "F32", "float16": "F16", "int64": "I64"}


def noise_png(seed, size):
    """The bytes of a size x size image of noise, and its pixels [3, size, size] in -1..1."""
    pixels = torch.randint(0, 256, (size, size, 3), dtype=torch.uint8,
                           generator=torch.Generator().manual_seed(seed))
    rows = b"".join(b"\0" + bytes(row.flatten().tolist()) for row in pixels)
    data = b"\x89PNG\r\n\x1a\n"
    for kind, chunk in ((b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)),
                        (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        data += struct.pack(">I", len(chunk)) + kind + chunk
        data += struct.pack(">I", zlib.crc32(kind + chunk))
    return data, (pixels.permute(2, 0, 1).float() / 255 - 0.5) / 0.5


def randomize(model):
    """Weights that make logits of about one; norms near theirs."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if value.dim() == 1 and name.endswith("weight"):
                value.copy_(1 + 0.1 * noise)
            else:
                value.copy_(noise * (0.5 / math.sqrt(value.shape[-1]) if value.dim() > 1 else 0.1))
    return model.eval()


def from_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    size, = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name not in ("__metadata__", "graft.checksum"):
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            tensors[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32).view(
                entry["shape"])
    return tensors


class LibraryTest(CliTest):
    size = 64
    count = 3
    device = "reference:0"

    def setUp(self):
        super().setUp()
        self.make_images(self.size)

    def make_images(self, size):
        images = [noise_png(seed, size) for seed in range(self.count)]
        self.pixels = torch.stack([pixels for _, pixels in images])
        self.images = [self.write("%d.png" % i, data) for i, (data, _) in enumerate(images)]

    def save(self, state, name="model/model.safetensors", config=None):
        """Tensor by tensor: a large model shall not be in memory twice."""
        header, end = {}, 0
        for tensor, value in state.items():
            begin, end = end, end + value.numel() * value.element_size()
            header[tensor] = {"dtype": DTYPES[str(value.dtype).split(".")[1]],
                              "shape": list(value.shape), "data_offsets": [begin, end]}
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        path = self.write(name, struct.pack("<Q", len(text)) + text)
        with open(path, "ab") as file:
            for value in state.values():
                file.write(value.contiguous().numpy())
        if isinstance(config, int):  # heads, as timm writes them
            self.write(os.path.join(os.path.dirname(name), "config.json"), json.dumps(
                {"architecture": "vit", "model_args": {"num_heads": config}}).encode())
        elif config:
            config.save_pretrained(os.path.dirname(path))
        return path

    def compute(self, function):
        with torch.no_grad():
            output = function(self.pixels)
        return output.logits if hasattr(output, "logits") else output

    def check_family(self, path, family):
        seen = json.loads(self.works("inspect", path, "--json"))
        self.assertEqual((seen["family"], seen["problems"]), (family, []))

    def check_logits(self, expected, *model):
        """The command's probabilities are those of the logits [images, classes]."""
        seen = json.loads(self.works("predict", *model, *self.images, "--json", "--top", "100",
                                     "--batch-size", str(self.count), "--normalization", "half",
                                     "--device", self.device))
        self.assertEqual(len(seen), len(expected))
        for row, image in zip(torch.log_softmax(expected, dim=1), seen):
            self.assertEqual(len(image["top"]), len(row))
            for item in image["top"]:
                self.assertAlmostEqual(math.log(item["probability"]), float(row[item["class"]]),
                                       delta=1e-4)

    def check_classifier(self, path, family, logits):
        self.check_family(path, family)
        self.check_logits(logits, "--backbone", path)

    def check_encoder(self, path, family, features, *options):
        """A backbone without a head: its features through one that graft trained."""
        self.check_family(path, family)
        data, run = self.path("data"), self.path("run")
        for split in ("train", "test"):
            for i, image in enumerate(self.images):
                folder = os.path.join(data, split, "class%d" % i)
                os.makedirs(folder)
                os.symlink(image, os.path.join(folder, "image.png"))
        self.works("train", "--backbone", path, "--data", data, "--method", "linear", *options,
                   "--max-steps", "1", "--batch-size", str(self.count), "--normalization", "half",
                   "--out", run, "--device", self.device)
        adapter = os.path.join(run, "adapter.safetensors")
        head = from_safetensors(adapter)
        self.check_logits(features @ head["head.weight"].T + head["head.bias"], "--backbone", path,
                          "--adapter", adapter)

    def check_model(self, model, family, config=None):
        path = self.save(model.state_dict(), config=config or heads_of(model))
        self.check_classifier(path, family, self.compute(model))

    def check_half(self, model, family):
        """For large models: stored as float16, which their weights are rounded to before."""
        model = model.half()
        path = self.save(model.state_dict(), config=heads_of(model))
        logits = self.compute(model.float())
        model.to("meta")  # frees the weights, whoever still holds the model
        self.check_classifier(path, family, logits)


def heads_of(model):
    """Of a ViT of timm; None of others."""
    return model.blocks[0].attn.num_heads if hasattr(model, "blocks") else None


def swin_family(model):
    """timm 0.9 renamed the head and moved the downsampling."""
    return "timm Swin" if "head.fc.weight" in model.state_dict() else "Swin"


def main():
    for name, library in (("torch", torch), ("timm", timm), ("torchvision", torchvision),
                          ("transformers", transformers)):
        if not library:
            print("SKIP: %s is not installed" % name, file=sys.stderr)
    if not (timm or torchvision or transformers):
        sys.exit(77)
    unittest.main()
