"""Recipes: their listing, what they settle, and the way from a dry run back to a run."""
import json
import os
import unittest

from support import DOCS, CliTest, graft

REFERENCE = ["--device", "reference:0"]


class Recipes(CliTest):
    def settings(self, *args):
        return json.loads(self.works("train", *args, "--dry-run"))

    def read(self, *names):
        with open(self.path(*names), "rb") as file:
            return file.read()

    def test_list_and_page(self):
        text = self.works("recipes")
        self.assertRegex(text, r"(?m)^convpass .*arXiv 2207\.07039.*--method convpass$")
        self.assertIn("tasks: cifar, caltech101, ", text)
        self.maxDiff = None
        with open(os.path.join(DOCS, "recipes.md")) as file:
            self.assertEqual(self.works("recipes", "--markdown"), file.read(),
                             "docs/recipes.md is old: graft recipes --markdown > docs/recipes.md")

    def test_json(self):
        recipes = {r["name"]: r for r in json.loads(self.works("recipes", "--json"))}
        self.assertEqual(recipes["rlrr"]["settings"]["cooldown-epochs"], 10)
        self.assertEqual(recipes["rlrr"]["tasks"]["cifar"]["lr"], 3e-3)
        self.assertEqual(recipes["freqfit"]["tasks"], {})

    def test_options_win(self):
        base = ["--recipe", "convpass", "--task", "cifar"]
        self.assertEqual(self.settings(*base)["lr"], 1e-3)
        over = self.settings(*base, "--lr", "0.5", "--set", "convpass.s=7", "--drop-last=no")
        self.assertEqual((over["lr"], over["drop-last"], over["epochs"]), (0.5, False, 100))
        self.assertEqual(over["set"], ["convpass.s=0.1", "convpass.conv_init=identity",
                                       "convpass.s=7"])
        half = self.settings("--recipe", "adaptformer", "--batch-size", "512")
        self.assertAlmostEqual(half["lr"], 0.2, places=15)

    def test_config_wins_over_recipe(self):
        config = self.write("own.json", b'{"recipe": "rlrr", "task": "svhn", "epochs": 70}')
        found = self.settings("--config", config)
        self.assertEqual((found["method"], found["lr"], found["epochs"]), ("rlrr", 5e-3, 70))
        self.assertEqual(self.settings("--config", config, "--task", "dtd")["lr"], 2e-3)

    def test_numbers_as_people_write_them(self):
        """Short where that is exact, and exact always."""
        text = self.works("train", "--lr", "3e-4", "--weight-decay", "0.05", "--dry-run")
        self.assertIn('"lr": 0.0003,', text)
        self.assertIn('"weight-decay": 0.05,', text)
        self.assertEqual(self.settings("--lr", "0.12345678901234567")["lr"], 0.12345678901234567)

    def test_unknown_names(self):
        self.fails(2, "train", "--recipe", "convpas", "--dry-run",
                   telling=["'convpas'", "convpass, rlrr"])
        self.fails(2, "train", "--recipe", "convpass", "--task", "cifa", "--dry-run",
                   telling=["'cifa'", "cifar, caltech101"])
        self.fails(2, "train", "--task", "cifar", "--dry-run", telling=["--task cifar", "--recipe"])

    def test_dry_run_refuses_bad_settings(self):
        self.fails(2, "train", "--set", "convpass.h=4", "--dry-run", telling=["convpass.h"])
        self.fails(2, "train", "--epochs", "3", "--warmup-epochs", "4", "--dry-run",
                   telling=["--warmup-epochs 4"])

    def test_dry_run_estimates(self):
        """On standard error, so that what is printed stays a file for --config."""
        run = ["train", "--backbone", self.write_vit(), "--method", "lora", "--batch-size", "4",
               "--dry-run", *REFERENCE]
        done = graft(*run, "--data", self.write_images(), env={"GRAFT_LOG": "info"})
        self.assertEqual((done.returncode, json.loads(done.stdout)["method"]), (0, "lora"))
        self.assertRegex(done.stderr, r"lora: \d+ parameters, .* on reference:0 \(4 of 4 images at once\)"
                                      r", 30 steps of .* s: about \d:\d\d\n")
        done = graft(*run, "--data", self.path("none"), env={"GRAFT_LOG": "info"})
        self.assertEqual(done.returncode, 0)
        self.assertIn("warning: " + self.path("none"), done.stderr.splitlines()[-1])
        self.assertIn("--data", graft(*run, env={"GRAFT_LOG": "info"}).stderr)
        self.assertFalse(os.path.exists(self.path("run")))

    def test_dry_run_feeds_back(self):
        """The run of the printed file is the run of the recipe, to the bit."""
        run = ["train", "--recipe", "rlrr", "--task", "kitti", "--backbone", self.write_vit(),
               "--data", self.write_images(), "--epochs", "3", "--warmup-epochs", "1",
               "--batch-size", "8", *REFERENCE]
        self.works(*run, "--out", self.path("first"))
        config = self.write("printed.json", self.works(*run, "--dry-run").encode())
        self.works("train", "--config", config, "--out", self.path("second"))
        first, second = ({**json.loads(self.read(out, "config.json")), "out": None}
                         for out in ("first", "second"))
        self.assertEqual(first, second)
        self.assertEqual(first["head-init"], "zero")
        self.assertEqual(self.read("first", "adapter.safetensors"),
                         self.read("second", "adapter.safetensors"))


if __name__ == "__main__":
    unittest.main()
