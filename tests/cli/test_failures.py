"""Broken inputs, full disks, closed streams: one line, an exit code, and nothing left behind."""
import os
import subprocess
import unittest

from support import GRAFT, CliTest, graft, png, safetensors, tiny_vit

REFERENCE = ["--device", "reference:0"]


class Failures(CliTest):
    def train(self, code, telling, backbone=None, data=None, more=()):
        """A run that must fail before it leaves any file."""
        out = self.path("out")
        self.fails(code, "train", "--backbone", backbone or self.write_vit(), "--data",
                   data or self.write_images(), "--method", "lora", "--epochs", "1", "--out", out,
                   *REFERENCE, *more, telling=telling)
        left = [os.path.join(d, f) for d, _, files in os.walk(out) for f in files]
        self.assertEqual(left, [])

    def test_missing_files(self):
        none = self.path("none.safetensors")
        self.train(1, [none], backbone=none)
        self.train(1, ["nowhere"], data=self.path("nowhere"))
        self.train(1, ["init.safetensors"], more=["--init-adapter", self.path("init.safetensors")])
        self.train(1, ["config.json"], more=["--config", self.path("config.json")])
        self.fails(1, "eval", "--backbone", none, "--data", self.path("x"), *REFERENCE, telling=[none])
        self.fails(1, "predict", "--backbone", none, "x.png", *REFERENCE, telling=[none])
        self.fails(1, "merge", "--backbone", none, "--adapter", none, "--out", self.path("m"),
                   telling=[none])

    def test_unknown_method_and_option(self):
        self.train(2, ["lara", "convpass"], more=["--method", "lara"])
        self.train(2, ["lora.rank", "r, alpha"], more=["--set", "lora.rank=8"])
        self.train(2, ["lora.r=many"], more=["--set", "lora.r=many"])
        self.train(2, ["lora.r"], more=["--set", "lora.r"])

    def test_incomplete_backbone(self):
        tensors = tiny_vit()
        del tensors["blocks.0.norm2.bias"]
        path = self.write("bad.safetensors", safetensors(tensors, {"graft.heads": "2"}))
        self.train(1, ["blocks.0.norm2.bias"], backbone=path)
        tensors = tiny_vit()
        tensors["blocks.0.mlp.fc1.bias"] = [63]
        path = self.write("bad.safetensors", safetensors(tensors, {"graft.heads": "2"}))
        self.train(1, ["blocks.0.mlp.fc1.bias", "[64]", "[63]"], backbone=path)

    def test_no_images(self):
        os.makedirs(self.path("empty", "train"))
        self.train(1, ["empty"], data=self.path("empty"))

    def test_unreadable_images(self):
        data = self.write_images(count=1)
        headed = dict(tiny_vit(), **{"head.weight": [2, 16], "head.bias": [2]})
        model = self.write("head.safetensors", safetensors(headed, {"graft.heads": "2"}))
        contents = [b"", b"not an image", png(8, 8, (1, 2, 3))[:40]]
        for i, content in enumerate(contents):
            path = self.write("photos/train/dark/0.png", content)
            out = self.path("out%d" % i)
            self.fails(1, "train", "--backbone", self.write_vit(), "--data", data, "--method",
                       "lora", "--epochs", "1", "--out", out, *REFERENCE, telling=["dark/0.png"])
            left = [f for _, _, files in os.walk(out) for f in files if ".safetensors" in f]
            self.assertEqual(left, [])
            self.fails(1, "predict", "--backbone", model, path, *REFERENCE, telling=[path])

    def test_out_is_a_file(self):
        out = self.write("out", b"x")
        self.fails(1, "train", "--backbone", self.write_vit(), "--data", self.write_images(),
                   "--method", "lora", "--out", out, *REFERENCE, telling=[out])

    def test_out_is_the_folder_of_a_checkpoint(self):
        """Its config.json is not a run's, and stays."""
        config = self.write("model/config.json", b'{"model_type": "vit"}')
        self.fails(2, "train", "--backbone", self.write_vit(), "--data", self.write_images(),
                   "--method", "lora", "--out", self.path("model"), *REFERENCE,
                   telling=["model", "config.json", "--out"])
        with open(config, encoding="utf-8") as file:
            self.assertEqual(file.read(), '{"model_type": "vit"}')
        self.assertEqual(os.listdir(self.path("model")), ["config.json"])

    def test_merge_leaves_nothing(self):
        out = self.path("merged.safetensors")
        self.fails(1, "merge", "--backbone", self.write_vit(), "--adapter", self.write_vit("a.safetensors"),
                   "--out", out, telling=["a.safetensors", "not an adapter"])
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.safetensors", "vit.safetensors"])

    def test_bad_config(self):
        cases = {'{"epochs": 3,': ["line 1"], "[]": ["expected a JSON object"],
                 '{"epoch": 3}': ["epoch", "no such option"],
                 '{"epochs": "many"}': ["epochs", "many", "whole number"],
                 '{"data": 5}': ["data", "not the kind of value"],
                 '{"epochs": 1, "epochs": 2}': ["duplicate"]}
        for text, telling in cases.items():
            path = self.write("config.json", text.encode())
            done = graft("train", "--config", path)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            for word in [path] + telling:
                self.assertIn(word, done.stderr)
        done = self.fails(1, "train", "--config", "none.json", telling=["none.json: "])
        self.assertNotIn("line", done.stderr)


class Streams(CliTest):
    def commands(self):
        return [["--help"], ["--version"], ["train", "--help"], ["methods"], ["methods", "--json"],
                ["methods", "--count", "vit_tiny_patch16_224"], ["inspect", self.write_vit()],
                ["inspect", self.write_vit(), "--json"]]

    def test_full_disk(self):
        for command in self.commands():
            with self.subTest(command), open("/dev/full", "w") as full:
                done = graft(*command, stdout=full)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(done.stderr, "graft: standard output: No space left on device\n")

    def test_closed_output(self):
        for command in self.commands():
            with self.subTest(command):
                done = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&-', GRAFT, *command],
                                      stderr=subprocess.PIPE, text=True, timeout=60)
                self.assertEqual(done.returncode, 1)
                self.assertIn("standard output: Bad file descriptor", done.stderr)

    def test_reader_gone(self):
        for command in self.commands():
            with self.subTest(command):
                reader, writer = os.pipe()
                os.close(reader)
                done = graft(*command, stdout=writer)
                os.close(writer)
                self.assertEqual((done.returncode, done.stderr), (1, ""))

    def test_closed_errors(self):
        """A message that nobody can read changes nothing else."""
        done = subprocess.run(["sh", "-c", 'exec "$0" "$@" 2>&- <&-', GRAFT, "inspect", "none"],
                              stdout=subprocess.PIPE, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (1, b""))

    def test_no_color_in_pipes(self):
        self.assertNotIn("\033", graft("trian").stderr)

    def test_log_level(self):
        done = graft("methods", env={"GRAFT_LOG": "loud"})
        self.assertEqual((done.returncode, done.stderr.count("\n")), (0, 1))
        self.assertIn("GRAFT_LOG", done.stderr)


if __name__ == "__main__":
    unittest.main()
