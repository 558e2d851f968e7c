"""Models made by timm and transformers with random weights, small ones and some as they are published:
graft reads what they save and computes the same logits. Skipped where a library is not installed."""
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
IMAGE, CLASSES = 64, 5
DTYPES = {"float32": "F32", "float16": "F16", "int64": "I64"}


def noise_png(seed, size):
    """The bytes of a size x size image of noise, and its pixels [3, size, size] in -1..1."""
    pixels = torch.randint(0, 256, (size, size, 3), dtype=torch.uint8,
                           generator=torch.Generator().manual_seed(seed))
    rows = b"".join(b"\0" + bytes(row.flatten().tolist()) for row in pixels)
    data = b"\x89PNG\r\n\x1a\n"
    for kind, chunk in ((b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)),
                        (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        data += struct.pack(">I", len(chunk)) + kind + chunk + struct.pack(">I", zlib.crc32(kind + chunk))
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


def swin_family(model):
    """timm 0.9 renamed the head and moved the downsampling."""
    return "timm Swin" if "head.fc.weight" in model.state_dict() else "Swin"


def to_safetensors(state):
    header, data = {}, b""
    for name, value in state.items():
        values = value.contiguous().numpy().tobytes()
        header[name] = {"dtype": DTYPES[str(value.dtype).split(".")[1]], "shape": list(value.shape),
                        "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def from_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    size, = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            tensors[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32).view(
                entry["shape"])
    return tensors


class LibraryTest(CliTest):
    size = IMAGE
    device = "reference:0"

    def setUp(self):
        super().setUp()
        images = [noise_png(seed, self.size) for seed in range(3)]
        self.pixels = torch.stack([pixels for _, pixels in images])
        self.images = [self.write("%d.png" % i, data) for i, (data, _) in enumerate(images)]

    def inspect(self, path, family):
        seen = json.loads(self.works("inspect", path, "--json"))
        self.assertEqual((seen["family"], seen["problems"]), (family, []))

    def check(self, expected, *model):
        """The command's probabilities are those of the logits [3, classes]."""
        seen = json.loads(self.works("predict", *model, *self.images, "--json", "--top", "100",
                                     "--normalization", "half", "--device", self.device))
        for row, image in zip(torch.log_softmax(expected, dim=1), seen):
            self.assertEqual(len(image["top"]), len(row))
            for item in image["top"]:
                self.assertAlmostEqual(math.log(item["probability"]), float(row[item["class"]]),
                                       delta=1e-4)

    def check_model(self, model, family, config=None):
        path = self.write("model/model.safetensors", to_safetensors(model.state_dict()))
        if config:
            config.save_pretrained(os.path.dirname(path))
        self.inspect(path, family)
        with torch.no_grad():
            output = model(self.pixels)
        self.check(output.logits if hasattr(output, "logits") else output, "--backbone", path)

    def check_features(self, path, features):
        """The same for a backbone without a head: the features through one that graft trained."""
        data = self.path("data")
        for split in ("train", "test"):
            for i, image in enumerate(self.images):
                folder = os.path.join(data, split, "class%d" % i)
                os.makedirs(folder)
                os.symlink(image, os.path.join(folder, "image.png"))
        adapter = self.path("run")
        self.works("train", "--backbone", path, "--data", data, "--method", "linear", "--projection",
                   "--max-steps", "1", "--batch-size", "3", "--normalization", "half", "--out", adapter,
                   "--device", self.device)
        adapter = os.path.join(adapter, "adapter.safetensors")
        head = from_safetensors(adapter)
        self.check(features @ head["head.weight"].T + head["head.bias"], "--backbone", path,
                   "--adapter", adapter)

    def check_clip(self, config):
        model = randomize(transformers.CLIPModel(config))
        path = self.write("model/model.safetensors", to_safetensors(model.state_dict()))
        config.save_pretrained(os.path.dirname(path))
        self.inspect(path, "transformers CLIP")
        with torch.no_grad():
            self.check_features(path, model.get_image_features(self.pixels))


@unittest.skipUnless(timm, "timm is not installed")
class Timm(LibraryTest):
    def vit(self, **options):
        from timm.models.vision_transformer import VisionTransformer
        return randomize(VisionTransformer(img_size=IMAGE, patch_size=16, embed_dim=128, depth=3,
                                           num_heads=2, num_classes=CLASSES, **options))

    def swin(self, depths):
        from timm.models.swin_transformer import SwinTransformer
        return randomize(SwinTransformer(img_size=IMAGE, patch_size=4, embed_dim=16, depths=depths,
                                         num_heads=(1, 2, 4), window_size=4, num_classes=CLASSES))

    def test_vit(self):
        self.check_model(self.vit(), "timm ViT")

    def test_vit_with_mean_pooling(self):
        self.check_model(self.vit(global_pool="avg"), "timm ViT with mean pooling")

    def test_swin(self):
        model = self.swin((2, 2, 1))
        self.check_model(model, swin_family(model))


@unittest.skipUnless(transformers, "transformers is not installed")
class Transformers(LibraryTest):
    small = {"hidden_size": 96, "num_hidden_layers": 3, "num_attention_heads": 3,
             "intermediate_size": 160, "image_size": IMAGE, "patch_size": 16, "num_labels": CLASSES}

    def test_vit(self):
        config = transformers.ViTConfig(**self.small)
        self.check_model(randomize(transformers.ViTForImageClassification(config)),
                         "transformers ViT", config)

    def test_deit(self):
        config = transformers.DeiTConfig(**self.small)
        model = transformers.DeiTForImageClassificationWithTeacher(config)
        path = self.write("model.safetensors", to_safetensors(model.state_dict()))
        self.fails(1, "predict", "--backbone", path, self.images[0], telling=["distilled", "plain DeiT"])

    def test_swin(self):
        config = transformers.SwinConfig(image_size=IMAGE, patch_size=4, embed_dim=16,
                                         depths=[2, 2], num_heads=[1, 2], window_size=4,
                                         num_labels=CLASSES)
        self.check_model(randomize(transformers.SwinForImageClassification(config)),
                         "transformers Swin", config)

    def clip(self, activation):
        vision = dict(self.small, projection_dim=48, hidden_act=activation)
        config = transformers.CLIPConfig(
            vision_config=vision, projection_dim=48,
            text_config={"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
                         "intermediate_size": 32, "vocab_size": 50})
        self.check_clip(config)

    def test_clip(self):
        self.clip("quick_gelu")

    def test_clip_with_another_activation(self):
        self.clip("gelu")


class Published(LibraryTest):
    """224 x 224 pixels, on the best device: the reference would take minutes."""
    size = 224
    device = "auto"

    def timm(self, name, family):
        model = randomize(timm.create_model(name, num_classes=CLASSES))
        self.check_model(model, family or swin_family(model))

    @unittest.skipUnless(timm, "timm is not installed")
    def test_vit_base(self):
        self.timm("vit_base_patch16_224", "timm ViT")

    @unittest.skipUnless(timm, "timm is not installed")
    def test_deit_small(self):
        self.timm("deit_small_patch16_224", "timm ViT")

    @unittest.skipUnless(timm, "timm is not installed")
    def test_swin_tiny(self):
        self.timm("swin_tiny_patch4_window7_224", None)

    @unittest.skipUnless(transformers, "transformers is not installed")
    def test_clip_base(self):
        vision = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
                  "intermediate_size": 3072, "image_size": 224, "patch_size": 16}
        config = transformers.CLIPConfig(vision_config=vision, projection_dim=512,
                                         text_config={"hidden_size": 32, "num_hidden_layers": 1,
                                                      "num_attention_heads": 2, "vocab_size": 50})
        self.check_clip(config)


if __name__ == "__main__":
    for name, library in (("torch", torch), ("timm", timm), ("transformers", transformers)):
        if not library:
            print("SKIP: %s is not installed" % name, file=sys.stderr)
    if not (timm or transformers):
        sys.exit(77)
    unittest.main()
