"""Merged checkpoints as timm and transformers load them: their names and configuration files, and
the logits that these libraries compute with them, where they are installed."""
import json
import math
import os
import random
import struct
import tempfile
import unittest

from libraries import CLASSES, LibraryTest, find, randomize, swin_family, timm, torch, transformers
from support import CliTest, safetensors, tiny_swin, tiny_vit

REFERENCE = ("--device", "reference:0")
TRAINING = ("--method", "lora+bitfit", "--lr", "0.05", "--warmup-epochs", "0", "--max-steps", "2",
            "--batch-size", "4", *REFERENCE)


def read_header(path):
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(size))


def without_metadata(path):
    """Leaves to the files beside it what the metadata said."""
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(size)), file.read()
    header.pop("__metadata__", None)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def folder_config(folder, name="config.json"):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.load(file)


class MergeTest(CliTest):
    def merge(self, backbone, *training, names=None, out="merged/"):
        """Trains on two classes, "dark" and "light", and merges into a folder."""
        run = tempfile.mkdtemp(dir=self.folder)
        os.rmdir(run)
        data = self.path("photos") if os.path.isdir(self.path("photos")) else self.write_images(count=2)
        self.works("train", "-b", backbone, "--data", data, "--out", run, *TRAINING, *training)
        self.model = ("-b", backbone, "-a", os.path.join(run, "adapter.safetensors"))
        self.works("merge", *self.model, "--out", self.path(out),
                   *(("--names", names) if names else ()))
        return self.path(out)

    def predict(self, *model):
        image = self.path("photos/test/light/0.png")
        seen = json.loads(self.works("predict", *model, image, "--json", "--top", "2", *REFERENCE))
        return {item["class"]: (item["probability"], item.get("name")) for item in seen[0]["top"]}

    def check_same(self, folder):
        """graft reads what it wrote, also by the configuration files alone."""
        expected = self.predict(*self.model)
        self.assertEqual({name for _, name in expected.values()}, {"dark", "light"})
        file = os.path.join(folder, "model.safetensors")
        for read in range(2):
            seen = self.predict("-b", folder)
            for index, (probability, name) in expected.items():
                self.assertAlmostEqual(seen[index][0], probability, delta=2e-5)
                self.assertEqual(seen[index][1], name)
            without_metadata(file)

    def shapes(self, folder):
        header = read_header(os.path.join(folder, "model.safetensors"))
        return {name: t["shape"] for name, t in header.items() if name != "__metadata__"}


class Names(MergeTest):
    """Needs no library."""

    def test_timm(self):
        folder = self.merge(self.write_vit(), "--resize", "crop", "--resize-to", "20")
        expected = {name: shape for name, (shape, _) in tiny_vit().items()}
        expected.update({"head.weight": [2, 16], "head.bias": [2]})
        self.assertEqual(self.shapes(folder), expected)
        config = folder_config(folder)
        self.assertEqual((config["architecture"], config["num_classes"], config["global_pool"],
                          config["label_names"]),
                         ("vit_base_patch16_224", 2, "token", ["dark", "light"]))
        self.assertEqual(config["model_args"],
                         {"img_size": 16, "patch_size": 8, "embed_dim": 16, "depth": 1,
                          "num_heads": 2, "mlp_ratio": 4.0, "qkv_bias": True,
                          "global_pool": "token", "no_embed_class": False, "pre_norm": False,
                          "reg_tokens": 0, "init_values": None, "act_layer": "gelu"})
        seen = config["pretrained_cfg"]
        self.assertEqual((seen["input_size"], seen["interpolation"], seen["crop_mode"], seen["mean"],
                          math.floor(16 / seen["crop_pct"])),
                         ([3, 16, 16], "bicubic", "center", [0.485, 0.456, 0.406], 20))
        self.check_same(folder)

    def test_mean_pooling(self):
        """timm's norm after the mean is fc_norm."""
        folder = self.merge(self.write_vit(), "--pool", "avg")
        names = self.shapes(folder)
        self.assertIn("fc_norm.weight", names)
        self.assertNotIn("norm.weight", names)
        self.assertEqual(folder_config(folder)["global_pool"], "avg")
        self.check_same(folder)
        self.fails(1, "merge", *self.model, "--names", "transformers", "--out", self.path("other/"),
                   telling=["--names transformers", "class token", "choose timm"])

    def test_transformers(self):
        folder = self.merge(self.write_vit(), "--normalization", "half", names="transformers")
        names = self.shapes(folder)
        self.assertEqual(len(names), 4 + 16 + 2 + 2)
        self.assertEqual(names["vit.encoder.layer.0.attention.attention.key.weight"], [16, 16])
        self.assertEqual(names["vit.encoder.layer.0.intermediate.dense.bias"], [64])
        self.assertEqual(names["classifier.weight"], [2, 16])
        config = folder_config(folder)
        self.assertEqual((config["architectures"], config["id2label"], config["layer_norm_eps"],
                          config["hidden_act"], config["intermediate_size"], config["qkv_bias"]),
                         (["ViTForImageClassification"], {"0": "dark", "1": "light"}, 1e-6, "gelu", 64,
                          True))
        seen = folder_config(folder, "preprocessor_config.json")
        self.assertEqual((seen["image_mean"], seen["size"], seen["resample"]),
                         ([0.5, 0.5, 0.5], {"height": 16, "width": 16}, 3))
        self.check_same(folder)

    def test_crop_of_transformers(self):
        folder = self.merge(self.write_vit(), "--resize", "crop", "--resize-to", "18",
                            "--interpolation", "bilinear", names="transformers")
        seen = folder_config(folder, "preprocessor_config.json")
        self.assertEqual((seen["image_processor_type"], seen["size"], seen["crop_size"]),
                         ("CLIPImageProcessor", {"shortest_edge": 18}, {"height": 16, "width": 16}))
        self.check_same(folder)

    def test_dinov2(self):
        """Layer scales and positions of the patches alone: transformers' class token gets one of
        zeros, and its classifier sees nothing of the patches."""
        tensors = tiny_vit()
        tensors["pos_embed"] = ([1, 4, 16], tensors["pos_embed"][1][:64])
        for half in ("ls1", "ls2"):
            tensors["blocks.0.%s.gamma" % half] = ([16], [0.5 + i / 16 for i in range(16)])
        backbone = self.write("dino.safetensors", safetensors(tensors, {"graft.heads": "2"}))
        folder = self.merge(backbone, names="transformers")
        names = self.shapes(folder)
        self.assertEqual((names["dinov2.embeddings.position_embeddings"], names["classifier.weight"],
                          names["dinov2.embeddings.mask_token"]), ([1, 5, 16], [2, 32], [1, 16]))
        self.assertEqual(folder_config(folder)["architectures"], ["Dinov2ForImageClassification"])
        self.check_same(folder)

    def test_swin(self):
        """SSF gives the merging layer a bias: it goes into the norm before it, or stays where the
        weight does not let it."""
        shapes = tiny_swin()
        source = random.Random(3)
        values = {name: (shape, [source.gauss(0, 0.3) for _ in range(math.prod(shape))])
                  for name, shape in shapes.items()}
        options = ("--method", "ssf", "--image-size", "16")
        bias = "layers.%d.downsample.reduction.bias"
        for name, weight, kept in (("full", values, False),
                                   ("zero", {**values, bias.replace("bias", "weight") % 0:
                                             shapes[bias.replace("bias", "weight") % 0]}, True)):
            backbone = self.write(name + ".safetensors", safetensors(weight))
            folder = self.merge(backbone, *options, out=name + "/")
            self.assertEqual(bias % 0 in self.shapes(folder), kept)
            seen = self.predict("-b", os.path.join(folder, "model.safetensors"))
            for index, (probability, _) in self.predict(*self.model).items():
                self.assertAlmostEqual(seen[index][0], probability, delta=2e-5)
            if kept:
                self.fails(1, "merge", *self.model, "--out", self.path("x/"), "--names", "timm",
                           telling=["full rank"])
            else:
                self.works("merge", *self.model, "--out", self.path("new/"), "--names",
                           "transformers")
                self.assertIn("swin.encoder.layers.0.downsample.reduction.weight",
                              self.shapes(self.path("new")))

    def test_folders(self):
        """A configuration file of another model stays, and so does what is read."""
        backbone = self.write("model/model.safetensors", safetensors(tiny_vit(), {"graft.heads": "2"}))
        self.merge(os.path.dirname(backbone), out="file.safetensors")
        self.assertFalse(os.path.exists(self.path("config.json")))
        self.fails(2, "merge", *self.model, "--out", self.path("model"), telling=["is the backbone"])
        self.write("other/config.json", b"{}")
        self.fails(2, "merge", *self.model, "--out", self.path("other"),
                   telling=["another model", "another folder"])
        self.assertEqual(os.listdir(self.path("other")), ["config.json"])
        self.fails(2, "merge", *self.model, "--names", "keras", "--out", self.path("x/"),
                   telling=["--names", "timm"])


class Libraries(MergeTest, LibraryTest):
    """The libraries' own models, with the tensors and the arguments that the folder tells."""
    size = 16

    def check_timm(self, folder):
        config = folder_config(folder)
        model = timm.create_model(config["architecture"], num_classes=config["num_classes"],
                                  **config["model_args"])
        model.load_state_dict(self.load(folder), strict=True)
        self.check_folder(folder, self.compute(model.eval()))

    def check_transformers(self, folder):
        model, told = transformers.AutoModelForImageClassification.from_pretrained(
            folder, output_loading_info=True)
        for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
            self.assertEqual(list(told[key]), [])
        self.assertEqual(model.config.id2label, {0: "dark", 1: "light"})
        transformers.AutoImageProcessor.from_pretrained(folder)
        self.check_folder(folder, self.compute(model.eval()))

    def load(self, folder):
        return find("safetensors.torch").load_file(os.path.join(folder, "model.safetensors"))

    def check_folder(self, folder, logits):
        """The model as it was trained, and as it is read from the folder."""
        self.check_logits(logits, *self.model)
        self.check_logits(logits, "--backbone", folder)
        without_metadata(os.path.join(folder, "model.safetensors"))
        self.check_logits(logits, "--backbone", folder)

    def check_both(self, backbone, *training, only=None, **options):
        if only != "transformers":
            self.check_timm(self.merge(backbone, *training, names="timm", **options))
        if transformers and only != "timm":
            self.works("merge", *self.model, "--out", self.path("hf/"), "--names", "transformers")
            self.check_transformers(self.path("hf"))

    def vit(self, name="vit_base_patch16_224", **options):
        options = {"img_size": 16, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2,
                   "num_classes": 0, **options}
        model = randomize(timm.create_model(name, **options))
        path = self.save(model.state_dict())
        with open(os.path.join(os.path.dirname(path), "config.json"), "w", encoding="utf-8") as file:
            json.dump({"architecture": name, "model_args": {"num_heads": 2}}, file)
        return path


@unittest.skipUnless(timm and find("safetensors.torch"), "timm or safetensors is not installed")
class Timm(Libraries):
    def test_vit(self):
        self.check_both(self.vit(), "--method", "lora+ssf")

    def test_mean_pooling(self):
        self.check_both(self.vit(), "--pool", "avg", only="timm")

    def test_distilled(self):
        self.check_both(self.vit("deit_tiny_distilled_patch16_224"))

    def test_no_class_token(self):
        options = {"class_token": False, "global_pool": "avg"}
        self.check_both(self.vit(**options), only="timm")
        self.check_both(self.vit(fc_norm=False, **options), only="timm")

    def test_without_biases(self):
        """SSF gives query, key and value the biases that they did without."""
        self.check_both(self.vit(qkv_bias=False))
        self.check_both(self.vit(qkv_bias=False), "--method", "ssf")

    dinov2 = None if hasattr(transformers, "Dinov2Model") else "timm"  # transformers 4.31
    registers = None if hasattr(transformers, "Dinov2WithRegistersModel") else "timm"  # 4.48

    def test_dinov2(self):
        self.check_both(self.vit("vit_base_patch14_dinov2"), only=self.dinov2)

    def test_registers(self):
        self.check_both(self.vit("vit_base_patch14_reg4_dinov2"), only=self.registers)

    def test_gated(self):
        self.check_both(self.vit("vit_giant_patch14_dinov2", mlp_ratio=4), only=self.dinov2)

    def test_clip(self):
        self.check_both(self.vit("vit_base_patch16_clip_quickgelu_224"), "--method", "ssf", only="timm")
        if transformers:
            self.works("merge", *self.model, "--out", self.path("hf/"), "--names", "transformers")
            self.check_clip(self.path("hf"))

    def test_projected_clip(self):
        """transformers' class is the one with a projection, which becomes the head."""
        config = transformers.CLIPVisionConfig(hidden_size=32, num_hidden_layers=2,
                                               num_attention_heads=2, intermediate_size=64,
                                               image_size=16, patch_size=8, projection_dim=12)
        model = randomize(transformers.CLIPVisionModelWithProjection(config))
        backbone = self.save(model.state_dict(), config=config)
        folder = self.merge(backbone, "--projection", "--method", "ssf+bitfit")
        self.check_clip(folder)
        self.works("merge", *self.model, "--out", self.path("timm/"), "--names", "timm")
        self.check_timm(self.path("timm"))

    def check_clip(self, folder):
        model, told = transformers.CLIPVisionModelWithProjection.from_pretrained(
            folder, output_loading_info=True)
        for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
            self.assertEqual(list(told[key]), [])
        self.check_folder(folder, self.compute(lambda x: model.eval()(x).image_embeds))

    def test_swin(self):
        """SSF's shift after a merging layer, which has no bias, goes into the norm before it."""
        model = randomize(timm.create_model(
            "swin_tiny_patch4_window7_224", img_size=16, patch_size=2, window_size=4, embed_dim=16,
            depths=(2, 2), num_heads=(1, 2), num_classes=CLASSES))
        self.assertEqual(swin_family(model), "timm Swin")
        backbone = self.save(model.state_dict())
        self.check_both(backbone, "--method", "ssf", "--image-size", "16")


@unittest.skipUnless(transformers and find("safetensors.torch"),
                     "transformers or safetensors is not installed")
class Transformers(Libraries):
    def test_as_the_backbone_came(self):
        config = transformers.ViTConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                                        intermediate_size=48, image_size=16, patch_size=8,
                                        num_labels=CLASSES, qkv_bias=False)
        model = randomize(transformers.ViTForImageClassification(config))
        backbone = self.save(model.state_dict(), config=config)
        self.check_transformers(self.merge(backbone))


if __name__ == "__main__":
    for name, library in (("torch", torch), ("timm", timm), ("transformers", transformers)):
        if not library:
            print("SKIP: %s is not installed" % name)
    unittest.main()
