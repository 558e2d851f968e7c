"""graft analyze: its page, its numbers, and what it says when something is missing."""
import json
import os
import re
import resource
import shutil
import struct
import unittest

from support import CliTest

REFERENCE = ["--device", "reference:0"]


class Analyze(CliTest):
    def setUp(self):
        super().setUp()
        self.backbone = self.write_vit()
        self.data = self.write_images()

    def trained(self, method, *more):
        out = self.path(method.replace("+", "_"))
        self.works("train", "--backbone", self.backbone, "--data", self.data, "--method", method,
                   "--epochs", "2", "--batch-size", "6", "--lr", "0.02", "--out", out, *REFERENCE,
                   *more)
        return out

    def without_gnuplot(self):
        """An environment in which there is none."""
        return {"PATH": self.path("nothing")}

    def need_gnuplot(self):
        if not shutil.which("gnuplot"):
            self.skipTest("gnuplot is not installed")

    def numbers(self, *args, **options):
        self.works("analyze", "--json", self.path("numbers.json"), *args, **options)
        with open(self.path("numbers.json")) as file:
            return json.load(file)

    def test_page_is_one_file(self):
        self.need_gnuplot()
        runs = [self.trained("freqfit+lora"), self.trained("linear"), self.trained("rlrr")]
        self.works("analyze", "--out", self.path("page.html"), "--backbone", self.backbone,
                   "--data", self.data, "--images", "4", *REFERENCE, *runs)
        with open(self.path("page.html")) as file:
            page = file.read()
        self.assertTrue(page.startswith("<!DOCTYPE html>"))
        self.assertNotRegex(page, r"""(src|href|data)\s*=\s*["'](?!#|data:)""")
        self.assertNotRegex(page, r"@import|url\((?!['\"]?#)|<script|<link|<iframe")
        figures = re.findall(r"<figure>\n<svg.*?</svg>\s*<figcaption>(.*?)</figcaption>", page, re.S)
        self.assertEqual(len(figures), page.count("<figure>"))
        for about in ["against trainable parameters", "Training loss", "Learning rate",
                      "Accuracy at", "Power of the patch tokens", "|K|", "|1 + scale K|"]:
            self.assertTrue(any(about in caption for caption in figures), about)
        for run in ["freqfit_lora", "linear", "rlrr"]:
            self.assertIn("<span>%s</span>" % run, page)
        self.assertIn("freqfit is not in the tuned weights", page)

    def test_numbers_need_no_gnuplot(self):
        run = self.trained("lora")
        seen = self.numbers("--backbone", self.backbone, run, env=self.without_gnuplot())
        self.assertEqual(set(seen), {"runs", "linears", "features", "filters", "notes"})
        self.assertEqual(seen["runs"][0]["method"], "lora")
        self.assertEqual(seen["runs"][0]["config"]["epochs"], 2)
        self.assertEqual(seen["runs"][0]["metrics"]["steps"]["step"], [1, 2, 3, 4])
        self.assertIn("give --backbone and --data", str(seen["notes"]))

    def test_page_without_gnuplot(self):
        run = self.trained("lora")
        self.fails(1, "analyze", "--out", self.path("page.html"), run, env=self.without_gnuplot(),
                   telling=["gnuplot", "tools/setup --with-figures", "gnuplot-nox"])
        self.assertFalse(os.path.exists(self.path("page.html")))

    def test_numbers_without_lapack(self):
        self.write("broken/liblapacke.so.3", b"no library")
        seen = self.numbers("--backbone", self.backbone, self.trained("lora"),
                            env={"LD_LIBRARY_PATH": self.path("broken")})
        self.assertEqual(seen["linears"], [])
        note = next(n["text"] for n in seen["notes"] if n["section"] == "linears")
        self.assertIn("need LAPACK", note)
        self.assertIn("tools/setup --with-figures", note)

    def test_runs_of_one_name(self):
        first = self.trained("lora")
        second = self.path("other", "lora")
        shutil.copytree(first, second)
        seen = self.numbers(first, second + "/", self.trained("linear") + "/")
        self.assertEqual([r["name"] for r in seen["runs"]], [first, second + "/", "linear"])

    def test_mistakes(self):
        run, out = self.trained("lora"), ["--json", self.path("numbers.json")]
        self.fails(1, "analyze", *out, self.data, telling=[self.data, "config.json", "--out"])
        self.fails(1, "analyze", *out, self.path("none"), telling=["none", "no run folder"])
        self.fails(1, "analyze", *out, "--backbone", self.write_vit("wide.safetensors", dim=24), run,
                   telling=["wide.safetensors", "width 24", "trained on"])
        self.fails(1, "analyze", *out, "--backbone", self.path("no.safetensors"), run,
                   telling=["no.safetensors"])
        self.fails(2, "analyze", *out, "--data", self.data, run, telling=["--data", "--backbone"])
        self.fails(1, "analyze", *out, "--backbone", self.backbone, "--data", self.path("void"),
                   *REFERENCE, run, telling=["void"])
        self.fails(1, "analyze", "--json", self.path("no", "such.json"), run,
                   telling=["such.json", "cannot write"])
        self.fails(2, "analyze", "--out", self.path("a"), "--json", self.path("a"), run,
                   telling=["--json", "--out"])

    def test_full_disk_keeps_the_old_file(self):
        run, out = self.trained("lora"), self.write("numbers.json", b"old")
        self.fails(1, "analyze", "--json", out, run, telling=["numbers.json", "File too large"],
                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
        with open(out, encoding="utf-8") as file:
            self.assertEqual(file.read(), "old")
        self.assertEqual([f for f in os.listdir(self.folder) if f.startswith("numbers")],
                         ["numbers.json"])

    def test_damaged_filter(self):
        run = self.trained("freqfit+linear")
        adapter = os.path.join(run, "adapter.safetensors")
        with open(adapter, "rb") as file:
            data = file.read()
        size = 8 + struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:size])
        del header["graft.checksum"], header["__metadata__"]["graft.checksum"]
        filters = [t for t in header.values() if t.get("shape") == [2, 2, 16, 2]]
        self.assertTrue(filters)
        for tensor in filters:
            tensor["shape"] = [2, 4, 16, 1]
        text = json.dumps(header).encode()
        with open(adapter, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + data[size:-8])
        self.fails(1, "analyze", "--json", self.path("numbers.json"), run,
                   telling=["freqfit", "expected 2"])


if __name__ == "__main__":
    unittest.main()
