"""What programs read: a command with --json prints one document whether it works or fails, and
docs/schemas describes it."""
import glob
import json
import os
import unittest

from support import COMMANDS, DOCS, CliTest, graft, jsonschema

REFERENCE = ["--device", "reference:0"]
# Without --json, or with a document that a page of its own describes.
OTHERS = ["merge", "export", "completion", "analyze", "bench"]


@unittest.skipUnless(jsonschema, "jsonschema is not installed")
class Results(CliTest):
    """Of sweeps: test_sweep.py."""

    def prints(self, name, *args):
        self.conforms(name, json.loads(self.works(*args, "--json")))

    def test_every_command_has_a_schema(self):
        names = [os.path.basename(path)[:-len(".json")]
                 for path in glob.glob(os.path.join(DOCS, "schemas", "*"))]
        self.assertEqual(sorted(names), sorted({*COMMANDS, "error"} - {*OTHERS}))

    def test_a_schema_can_be_missed(self):
        right = {"split": "test", "accuracy": 0.5, "loss": 1, "images": 2}
        self.conforms("eval", right)
        for wrong in ({**right, "accuracy": 2}, {**right, "new": 1}, {"split": "test"}, []):
            with self.assertRaises(AssertionError):
                self.conforms("eval", wrong)

    def test_tables(self):
        self.prints("devices", "devices")
        self.prints("methods", "methods")
        self.prints("methods", "methods", "--count", "swin_tiny_patch4_window7_224")
        self.prints("recipes", "recipes")

    def test_models(self):
        backbone, data = self.write_vit(), self.write_images(count=2)
        adapter = self.path("run", "adapter.safetensors")
        model = ["--backbone", backbone, "--adapter", adapter]
        image = os.path.join(data, "test", "dark", "0.png")
        self.prints("train", "train", "--backbone", backbone, "--data", data, "--method", "lora",
                    "--epochs", "1", "--out", self.path("run"), *REFERENCE)
        self.prints("eval", "eval", *model, "--data", data, *REFERENCE)
        self.prints("embed", "embed", *model, "--out", self.path("f.npy"), image, *REFERENCE)
        self.prints("embed", "embed", *model, "--knn", data, *REFERENCE)
        for file in (backbone, adapter):
            self.prints("inspect", "inspect", file)
        partly = graft("predict", *model, image, self.path("none.png"), "--json", *REFERENCE)
        self.assertEqual(partly.returncode, 1)
        found = json.loads(partly.stdout)
        self.assertEqual(len(found), 2)
        self.conforms("predict", found)

    def test_selftest(self):
        devices = [d["id"] for d in json.loads(self.works("devices", "--json"))]
        if not devices:
            self.skipTest("no device")
        self.prints("selftest", "selftest", "--device", devices[0])


class Errors(CliTest):
    def check(self, code, *args):
        """One document on standard output, the same line on standard error, the exit code kept."""
        done = self.fails(code, *args)
        error = json.loads(done.stdout)
        self.conforms("error", error)
        self.assertEqual(error["error"]["exit_code"], code)
        self.assertEqual(done.stderr, "graft: %s\n" % error["error"]["message"])
        return error["error"]

    def test_every_command(self):
        """Whatever is wrong, and also where that comes before --json."""
        for command in COMMANDS:
            if command in ("merge", "export", "completion", "analyze"):
                continue
            self.check(2, command, "--nonesuch", "--json")
            self.check(2, command, "--json", "--nonesuch")

    def test_what_went_wrong(self):
        missing = self.check(1, "inspect", "--json", self.path("none.safetensors"))
        self.assertEqual(missing["kind"], "input or output failed")
        device = self.check(1, "bench", "--device", "nowhere:0", "--json")
        self.assertEqual(device["kind"], "no such device")
        broken = self.write("broken.safetensors", b"\0" * 32)
        self.assertEqual(self.check(1, "inspect", broken, "--json")["kind"], "malformed data")

    def test_not_asked_for(self):
        self.assertEqual(self.fails(2, "train", "--nonesuch").stdout, "")
        self.assertEqual(self.fails(2, "inspect", "--", "--json", "more").stdout, "")
        self.assertEqual(self.fails(1, "bench", "--device", "nowhere:0", "--json",
                                    self.path("file.json")).stdout, "")

    def test_standard_output_that_is_full(self):
        with open("/dev/full", "w") as full:
            done = graft("inspect", self.path("none"), "--json", stdout=full)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot open", done.stderr)


if __name__ == "__main__":
    unittest.main()
