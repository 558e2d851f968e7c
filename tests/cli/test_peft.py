"""Adapters of Hugging Face peft, both ways. Committed folders always (tests/data/peft, written by
tools/golden-peft.py); real ones on models of timm and transformers where the libraries are
installed, each read by graft, written by graft, and read by peft again."""
import copy
import json
import math
import os
import shutil
import struct
import sys
import unittest

from libraries import CLASSES, LibraryTest, find, from_safetensors, heads_of, randomize, timm, torch, \
    transformers
from support import DOCS, CliTest, png

peft = find("peft") if torch else None
DATA = os.path.join(os.path.dirname(DOCS), "tests", "data", "peft")
IMAGE = LibraryTest.size
VIT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
       "intermediate_size": 48, "image_size": IMAGE, "patch_size": 16}


class Committed(CliTest):
    """Folders that peft 0.13.2 saved, and their logits: without any library."""

    def setUp(self):
        super().setUp()
        with open(os.path.join(DATA, "expected.json")) as file:
            self.expected = json.load(file)
        self.backbone = os.path.join(DATA, "vit")
        self.images = [self.write("%d.png" % i, png(32, 32, color))
                       for i, color in enumerate(self.expected["colors"])]

    def predict(self, adapter, images, backbone=None):
        return ["predict", "--backbone", backbone or self.backbone,
                *(["--adapter", adapter] if adapter else []), *images, "--top", "9", "--json",
                "--normalization", "half", "--device", "reference:0"]

    def check(self, adapter, logits, backbone=None):
        seen = json.loads(self.works(*self.predict(adapter, self.images, backbone)))
        self.assertEqual(len(seen), len(logits))
        for row, image in zip(logits, seen):
            total = math.log(sum(math.exp(value) for value in row))
            for item in image["top"]:
                self.assertAlmostEqual(math.log(item["probability"]), row[item["class"]] - total,
                                       delta=1e-4)

    def test_logits(self):
        for name, logits in self.expected["logits"].items():
            with self.subTest(name):
                self.check(os.path.join(DATA, name), logits)

    def test_what_is_written_is_what_was_read(self):
        for name, logits in self.expected["logits"].items():
            with self.subTest(name):
                theirs, ours = os.path.join(DATA, name), self.path(name)
                self.works("export", "--backbone", self.backbone, "--adapter", theirs, "--peft",
                           ours)
                with open(os.path.join(theirs, "adapter_model.safetensors"), "rb") as file:
                    names = header_of(file.read())
                with open(os.path.join(ours, "adapter_model.safetensors"), "rb") as file:
                    self.assertEqual(header_of(file.read()), names)
                self.check(ours, logits)

    def test_merging(self):
        for name in ("dora", "ia3"):
            merged = self.path(name + ".safetensors")
            self.works("merge", "--backbone", self.backbone, "--adapter", os.path.join(DATA, name),
                       "--out", merged)
            self.check(None, self.expected["logits"][name], merged)

    def refuses(self, name, change, *words):
        folder = self.path("changed")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(os.path.join(DATA, name), folder)
        path = os.path.join(folder, "adapter_config.json")
        with open(path) as file:
            told = json.load(file)
        told.update(change)
        with open(path, "w") as file:
            json.dump(told, file)
        self.fails(1, *self.predict(folder, self.images[:1]), telling=words)

    def test_what_graft_does_not_do(self):
        for change, words in (
                ({"bias": "all"}, ["bias", "all"]), ({"task_type": "SEQ_CLS"}, ["task_type"]),
                ({"peft_type": "LOHA"}, ["peft_type", "LOHA"]),
                ({"peft_type": 3}, ["peft_type"]),
                ({"fan_in_fan_out": True}, ["fan_in_fan_out"]),
                ({"layer_replication": [[0, 2]]}, ["layer_replication"]),
                ({"init_lora_weights": "pissa"}, ["init_lora_weights", "pissa"]),
                ({"alpha_pattern": {"quer.*": 4}}, ["quer.*", "regular expression"]),
                ({"something_new": 3}, ["something_new"]), ({"r": "two"}, ["r"]),
                ({"use_dora": True}, ["lora_magnitude_vector"])):
            with self.subTest(change):
                self.refuses("lora", change, *words)
        self.refuses("fourierft", {"n_frequency_pattern": {"value": 3}}, "n_frequency_pattern")

    def test_without_its_parts(self):
        folder = self.path("parts")
        shutil.copytree(os.path.join(DATA, "lora"), folder)
        os.rename(os.path.join(folder, "adapter_model.safetensors"),
                  os.path.join(folder, "adapter_model.bin"))
        self.fails(1, *self.predict(folder, self.images[:1]), telling=["safe_serialization"])


def header_of(data):
    """{name: shape}"""
    size, = struct.unpack("<Q", data[:8])
    return {name: entry["shape"] for name, entry in json.loads(data[8:8 + size]).items()
            if name not in ("__metadata__", "graft.checksum")}


def config(kind, targets, head, **options):
    """None where this peft does not have it."""
    kind = getattr(peft, kind + "Config", None)
    if not kind or any(name not in kind.__dataclass_fields__ for name in options):
        return None
    return kind(target_modules=targets, modules_to_save=head, **options)


def save_pretrained(tuned, folder):
    tuned.create_or_update_model_card = lambda *_: None  # needs a library for templates
    tuned.save_pretrained(folder, safe_serialization=True)


@unittest.skipUnless(peft, "peft is not installed")
class Peft(LibraryTest):
    count = 2

    def logits_of(self, model):
        with torch.no_grad():
            output = model(self.pixels)
        return output.logits if hasattr(output, "logits") else output

    def tuned(self, model, setup):
        """A model whose adapter is not at its start values."""
        tuned = peft.get_peft_model(copy.deepcopy(model), setup)
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for name, value in sorted(tuned.named_parameters()):
                if value.requires_grad:
                    noise = torch.randn(value.shape, generator=generator)
                    scaled = "ia3_" in name or "magnitude" in name or "boft_s" in name
                    value.copy_(value * (1 + 0.2 * noise) if scaled else 0.2 * noise)
        return tuned.eval()

    def check(self, model, setup, backbone=None):
        """peft -> graft -> peft; `setup` None: this peft lacks it, which is said."""
        if setup is None:
            self.skipTest("not in peft " + peft.__version__)
        backbone = backbone or self.save(model.state_dict(), config=getattr(model, "config", None)
                                         or heads_of(model))
        tuned = self.tuned(model, setup)
        folder, written = self.path("theirs"), self.path("ours")
        save_pretrained(tuned, folder)
        expected = self.logits_of(tuned)
        self.assertGreater(float((expected - self.logits_of(model)).abs().max()), 1e-2)
        self.check_logits(expected, "--backbone", backbone, "--adapter", folder)
        self.works("export", "--backbone", backbone, "--adapter", folder, "--peft", written)
        again = peft.PeftModel.from_pretrained(copy.deepcopy(model), written).eval()
        self.assertLess(float((self.logits_of(again) - expected).abs().max()), 1e-4)
        self.check_logits(expected, "--backbone", backbone, "--adapter", written)
        return folder

    def train(self, backbone, method, option, run):
        data = self.path("data")
        for split in ("train", "test"):
            for i, image in enumerate(self.images):
                folder = os.path.join(data, split, "class%d" % i)
                os.makedirs(folder, exist_ok=True)
                if not os.path.exists(os.path.join(folder, "image.png")):
                    os.symlink(image, os.path.join(folder, "image.png"))
        self.works("train", "--backbone", backbone, "--data", data, "--method", method,
                   *(["--set", option] if option else []), "--max-steps", "3", "--lr", "0.05", "--batch-size", str(self.count),
                   "--normalization", "half", "--out", run, "--device", self.device)

    def check_own(self, model, method, option):
        """graft trains, peft reads, graft reads what peft would."""
        backbone = self.save(model.state_dict(), config=getattr(model, "config", None)
                             or heads_of(model))
        self.train(backbone, method, option, self.path("run"))
        adapter = self.path("run", "adapter.safetensors")
        self.works("export", "--backbone", backbone, "--adapter", adapter, "--peft",
                   self.path("ours"))
        with open(self.path("ours", "adapter_config.json")) as file:
            told = json.load(file)
        known = peft.PeftConfig.from_pretrained(self.path("ours")).to_dict()
        if any(value and key not in known for key, value in told.items()):
            self.skipTest("not in peft " + peft.__version__)
        again = peft.PeftModel.from_pretrained(copy.deepcopy(model), self.path("ours")).eval()
        expected = self.logits_of(again)
        for told in (adapter, self.path("ours")):
            self.check_logits(expected, "--backbone", backbone, "--adapter", told)

    def vit(self):
        return randomize(transformers.ViTForImageClassification(
            transformers.ViTConfig(num_labels=CLASSES, **VIT)))

    def timm_vit(self, classes=CLASSES):
        from timm.models.vision_transformer import VisionTransformer
        return randomize(VisionTransformer(img_size=IMAGE, patch_size=16, embed_dim=32, depth=2,
                                           num_heads=2, num_classes=classes))


@unittest.skipUnless(transformers, "transformers is not installed")
class Transformers(Peft):
    head = ["classifier"]
    six = ["query", "key", "value", "attention.output.dense", "intermediate.dense",
           r"output.dense"]

    def test_lora(self):
        self.check(self.vit(), config("Lora", ["query", "value"], self.head, r=3, lora_alpha=6))

    def test_lora_with_patterns(self):
        self.check(self.vit(), config(
            "Lora", ["query", "key", "value", "intermediate.dense"], self.head, r=3, lora_alpha=6,
            rank_pattern={"0.attention.attention.query": 2},
            alpha_pattern={"0.attention.attention.query": 5}))

    def test_lora_in_some_layers(self):
        self.check(self.vit(), config("Lora", ["query"], self.head, layers_to_transform=[1]))

    def test_rslora(self):
        self.check(self.vit(), config("Lora", ["value"], self.head, r=4, use_rslora=True))

    def test_dora(self):
        self.check(self.vit(), config("Lora", ["query", "output.dense"], self.head, r=2,
                                      use_dora=True))

    def test_ia3(self):
        self.check(self.vit(), config(
            "IA3", ["key", "value", "layer.0.output.dense", "layer.1.output.dense"],
            self.head, feedforward_modules=["layer.0.output.dense", "layer.1.output.dense"]))

    def test_vera(self):
        self.check(self.vit(), config("Vera", ["query", "intermediate.dense"], self.head, r=8))

    def test_vera_without_its_projections(self):
        self.check(self.vit(), config("Vera", ["query", "value"], self.head, r=8,
                                      save_projection=False))

    def test_boft(self):
        self.check(self.vit(), config("BOFT", ["query", "value"], self.head, boft_block_size=4,
                                      boft_n_butterfly_factor=1))

    def test_fourierft(self):
        self.check(self.vit(), config("FourierFT", ["query", "intermediate.dense"], self.head,
                                      n_frequency=20))

    def test_dinov2(self):
        geometry = {k: v for k, v in VIT.items() if k != "intermediate_size"}
        model = randomize(transformers.Dinov2ForImageClassification(
            transformers.Dinov2Config(mlp_ratio=2, num_labels=CLASSES, **geometry)))
        setup = config("Lora", ["query", "value", "fc1"], None, r=2)
        with torch.no_grad():  # as graft's heads are: none of the mean of the patches
            model.classifier.weight[:, 32:] = 0
        setup.modules_to_save = ["classifier"]
        backbone = self.save(model.state_dict(), config=model.config)
        tuned = self.tuned(model, setup)
        save_pretrained(tuned, self.path("mean"))
        self.fails(1, "predict", "--backbone", backbone, "--adapter", self.path("mean"),
                   self.images[0], "--device", self.device, telling=["classifier", "mean"])
        with torch.no_grad():
            tuned.base_model.model.classifier.modules_to_save["default"].weight[:, 32:] = 0
        save_pretrained(tuned, self.path("cls"))
        expected = self.logits_of(tuned)
        self.check_logits(expected, "--backbone", backbone, "--adapter", self.path("cls"))
        self.works("export", "--backbone", backbone, "--adapter", self.path("cls"), "--peft",
                   self.path("ours"))
        again = peft.PeftModel.from_pretrained(copy.deepcopy(model), self.path("ours")).eval()
        self.assertLess(float((self.logits_of(again) - expected).abs().max()), 1e-4)

    def test_swin(self):
        model = randomize(transformers.SwinForImageClassification(transformers.SwinConfig(
            image_size=IMAGE, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[1, 2],
            window_size=4, num_labels=CLASSES)))
        self.check(model, config("Lora", ["query", "value", "output.dense"], self.head, r=2))

    def test_clip(self):
        """Its classifier in transformers averages patches: the head stands beside the adapter."""
        model = randomize(transformers.CLIPVisionModelWithProjection(
            transformers.CLIPVisionConfig(projection_dim=24, **VIT)))
        backbone = self.save(model.state_dict(), config=model.config)
        self.train(backbone, "lora", "lora.targets=k,v,fc1", self.path("run"))
        adapter = self.path("run", "adapter.safetensors")
        self.works("export", "--backbone", backbone, "--adapter", adapter, "--peft",
                   self.path("ours"))
        again = peft.PeftModel.from_pretrained(copy.deepcopy(model), self.path("ours")).eval()
        head = from_safetensors(self.path("ours", "head.safetensors"))
        with torch.no_grad():
            features = again.base_model.model.vision_model(self.pixels).pooler_output
        expected = features @ head["head.weight"].T + head["head.bias"]
        for told in (adapter, self.path("ours")):
            self.check_logits(expected, "--backbone", backbone, "--adapter", told)


@unittest.skipUnless(timm, "timm is not installed")
class Timm(Peft):
    def test_lora(self):
        self.check(self.timm_vit(), config("Lora", ["qkv", "fc1"], ["head"], r=3, lora_alpha=4))

    def test_dora(self):
        self.check(self.timm_vit(), config("Lora", ["qkv", "attn.proj"], ["head"], r=3,
                                           use_dora=True))

    def test_ia3(self):
        self.check(self.timm_vit(), config("IA3", ["qkv", "fc2"], ["head"],
                                           feedforward_modules=["fc2"]))

    def test_lora_of_q_and_v(self):
        self.check_own(self.timm_vit(self.count), "lora", "lora.rank_pattern=blocks.0.attn.q=3")

    def test_dora_of_q_and_v(self):
        self.check_own(self.timm_vit(self.count), "dora", "dora.rslora=1")

    def test_ia3_of_k_and_v(self):
        self.check_own(self.timm_vit(self.count), "ia3", "ia3.targets=k,v,proj,fc2")

    def test_what_one_linear_cannot_have(self):
        model = self.timm_vit()
        backbone = self.save(model.state_dict(), config=heads_of(model))
        for method, words in (("vera", ["lambda_d", "vera.targets"]), ("boft", ["rotation"]),
                              ("ssf", ["ssf", "graft merge"]), ("adapter", ["adapter", "--onnx"])):
            run = self.path(method)
            self.train(backbone, method, "%s" % {"vera": "vera.r=4", "boft": "boft.block_size=4",
                                                 "adapter": "adapter.h=2"}.get(method, ""), run)
            self.fails(1, "export", "--backbone", backbone, "--adapter",
                       os.path.join(run, "adapter.safetensors"), "--peft", self.path("ours"),
                       telling=words)

    def test_fourierft(self):
        self.check(self.timm_vit(), config("FourierFT", ["fc1"], ["head"], n_frequency=20))

    def test_swin(self):
        from timm.models.swin_transformer import SwinTransformer
        model = randomize(SwinTransformer(img_size=IMAGE, patch_size=4, embed_dim=16, depths=(2, 2, 1),
                                          num_heads=(1, 2, 4), window_size=4, num_classes=CLASSES))
        head = "head.fc" if "head.fc.weight" in model.state_dict() else "head"
        self.check(model, config("Lora", ["qkv", "fc2"], [head], r=2))


def main():
    if not peft:
        print("SKIP: peft is not installed", file=sys.stderr)
    unittest.main()


if __name__ == "__main__":
    main()
