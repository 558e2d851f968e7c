"""What names and shapes of a backbone do not tell: heads and preprocessing, and who tells them."""
import json
import unittest

from support import CliTest, graft, png, safetensors, tiny_vit


class Backbones(CliTest):
    def setUp(self):
        super().setUp()
        self.image = self.write("i.png", png(16, 16, (9, 99, 199)))

    def write_backbone(self, name="m/model.safetensors", metadata=None, **more):
        tensors = tiny_vit(dim=16)
        tensors.update({"head.weight": ([2, 16], [0.01 * i for i in range(32)]),
                        "head.bias": ([2], [0.0, 0.1]), **more})
        return self.write(name, safetensors(tensors, metadata))

    def write_config(self, **config):
        self.write("m/config.json", json.dumps(config).encode())

    def predict(self, path, *options):
        return self.works("predict", "--backbone", path, self.image, "--device", "reference:0",
                          *options)

    def facts(self, path):
        facts = json.loads(self.works("inspect", path, "--json"))["facts"]
        return {key: (fact["value"], fact["from"]) for key, fact in facts.items()}

    def warnings(self, *args):
        return graft(*args, "--device", "reference:0", env={"GRAFT_LOG": "warn"}).stderr

    def test_heads_that_nothing_tells_are_asked_for(self):
        path, data = self.write_backbone(), self.write_images()
        for command in (["predict", "--backbone", path, self.image],
                        ["train", "--backbone", path, "--data", data, "--out", self.path("r")]):
            self.fails(2, *command, "--device", "reference:0", telling=["--heads", "width 16"])
        self.predict(path, "--heads", "4")
        self.fails(2, "predict", "--backbone", path, self.image, "--heads", "3", telling=["--heads"])
        seen = json.loads(self.works("inspect", path, "--json"))
        self.assertEqual(len(seen["problems"]), 1)
        self.assertIn("heads", seen["problems"][0])
        self.assertEqual(self.facts(path)["heads"], ("unknown", "nothing"))
        self.works("methods", "--count", path, "--method", "lora")

    def test_usual_heads_are_a_default_that_is_said(self):
        tensors = tiny_vit(dim=128)
        tensors.update({"head.weight": ([2, 128], [0.01 * (i % 31) for i in range(256)]),
                        "head.bias": ([2], [0.0, 0.1])})
        path = self.write("wide/model.safetensors", safetensors(tensors))
        said = self.warnings("predict", "--backbone", path, self.image)
        self.assertRegex(said, "no file tells --heads.* takes 2, of 64 channels each")
        self.assertEqual(said.count("--heads"), 1)
        self.assertEqual(self.facts(path)["heads"], ("2", "default"))
        self.assertEqual(self.predict(path), self.predict(path, "--heads", "2"))
        self.assertNotIn("heads", self.warnings("predict", "--backbone", path, self.image,
                                                "--heads", "4"))

    def test_heads_of_the_setting_are_the_adapters(self):
        path, data, run = self.write_backbone(), self.write_images(), self.path("run")
        self.works("train", "--backbone", path, "--heads", "4", "--data", data, "--out", run,
                   "--max-steps", "1", "--device", "reference:0")
        adapter = run + "/adapter.safetensors"
        self.assertEqual(json.loads(self.works("inspect", adapter, "--json"))["geometry"]["heads"], 4)
        merged = self.path("merged.safetensors")
        self.works("merge", "--backbone", path, "--adapter", adapter, "--out", merged)
        self.assertEqual(self.facts(merged)["heads"], ("4", "metadata"))
        self.assertEqual(self.predict(path, "--adapter", adapter), self.predict(merged))

    def test_who_tells(self):
        self.write_config(architecture="vit_some", global_pool="avg",
                          model_args={"num_heads": 2}, pretrained_cfg={"mean": [0.5] * 3,
                                                                       "std": [0.5] * 3})
        path = self.write_backbone()
        facts = self.facts(path)
        self.assertEqual(facts["heads"], ("2", "config.json"))
        self.assertEqual(facts["pool"], ("normed-avg", "config.json"))
        self.assertEqual(facts["input"], ("squash, bicubic, half", "config.json"))
        self.assertEqual(facts["norm_eps"], ("1e-06", "default"))
        path = self.write_backbone(metadata={"graft.heads": "8"})
        self.assertEqual(self.facts(path)["heads"], ("8", "metadata"))
        self.assertEqual(self.predict(path, "--heads", "2"),
                         self.predict(self.write_backbone(metadata={"graft.heads": "2"})))

    def test_known_geometries(self):
        dim = 192
        path = self.write("t.safetensors", safetensors(tiny_vit(dim=dim, depth=7)))
        self.assertEqual(self.facts(path)["heads"], ("3", "geometry"))

    def check_merge(self, tensors, *options):
        path = self.write("n.safetensors", safetensors(tensors))
        run = self.path("run%d" % len(tensors))
        merged = self.path("merged.safetensors")
        self.works("train", "--backbone", path, *options, "--data", self.write_images(), "--out",
                   run, "--method", "lora", "--max-steps", "2", "--device", "reference:0")
        adapter = run + "/adapter.safetensors"
        self.works("merge", "--backbone", path, "--adapter", adapter, "--out", merged)
        self.assertEqual(self.predict(path, "--adapter", adapter), self.predict(merged))

    def test_merged_files_of_new_families_are_read(self):
        tensors = tiny_vit(dim=16)
        gated = dict(tensors)
        for leaf, shape in (("weight", [64, 16]), ("bias", [64])):
            del gated["blocks.0.mlp.fc1." + leaf]
            gated.update({"blocks.0.mlp.fc1_%s.%s" % (part, leaf): shape for part in "gx"})
        self.check_merge(gated, "--heads", "4")  # EVA02
        del tensors["pos_embed"], tensors["blocks.0.attn.qkv.bias"]
        tensors.update({"blocks.0.gamma_%d" % i: ([16], [0.5] * 16) for i in (1, 2)})
        self.check_merge(tensors, "--heads", "4", "--image-size", "16")  # DINOv3
        tensors.update({"blocks.0.attn.%s_bias" % part: [16] for part in "qv"})
        tensors["blocks.0.attn.relative_position_bias_table"] = ([12, 2], [0.1 * i for i in range(24)])
        self.check_merge(tensors)  # BEiT

    def test_relative_positions_are_of_one_size(self):
        tensors = tiny_vit(dim=16)
        del tensors["pos_embed"]
        tensors.update({"blocks.0.attn.relative_position_bias_table": [12, 2],
                        "head.weight": [2, 16]})
        path = self.write("b.safetensors", safetensors(tensors))
        self.assertEqual(self.facts(path)["heads"], ("2", "tables"))
        self.predict(path)
        self.fails(2, "predict", "--backbone", path, self.image, "--image-size", "32",
                   telling=["--image-size 32", "use 16"])

    def test_preprocessing_of_another_model_is_warned_of(self):
        self.write_config(architecture="vit_some", model_args={"num_heads": 2},
                          pretrained_cfg={"mean": [0.5] * 3, "std": [0.5] * 3})
        path = self.write_backbone()
        predict = ["predict", "--backbone", path, self.image]
        self.assertEqual(self.warnings(*predict), "")
        self.assertIn("trained with half", self.warnings(*predict, "--normalization", "imagenet"))


if __name__ == "__main__":
    unittest.main()
