"""A whole run on the reference device: train, stop, resume, evaluate, predict, merge."""
import ast
import json
import math
import os
import shutil
import signal
import struct
import subprocess
import time
import unittest

from support import GRAFT, CliTest, graft, png, safetensors

REFERENCE = ["--device", "reference:0"]


class Run(CliTest):
    def setUp(self):
        super().setUp()
        self.backbone = self.write_vit()
        self.data = self.write_images()

    def arguments(self, out, *more):
        return ["train", "--backbone", self.backbone, "--data", self.data, "--method", "lora",
                "--set", "lora.r=2", "--epochs", "4", "--batch-size", "4", "--lr", "0.02",
                "--seed", "7", "--out", self.path(out), *REFERENCE, *more]

    def metrics(self, out):
        with open(self.path(out, "metrics.jsonl")) as file:
            return [json.loads(line) for line in file]

    def read(self, *names):
        with open(self.path(*names), "rb") as file:
            return file.read()

    def test_profile_is_a_trace_of_all_threads(self):
        run = graft(*self.arguments("run", "--profile", self.path("t.json"), "--threads", "2"),
                    env={"GRAFT_LOG": "error"})
        self.assertEqual(run.returncode, 0, run.stderr)
        with open(self.path("t.json")) as file:
            events = json.load(file)["traceEvents"]
        spans = [e for e in events if e["ph"] == "X"]
        names = [e["name"] for e in spans if e["cat"] == "host"]
        kernels = [e["args"] for e in spans if e["cat"] == "kernel" and e["name"][:7] == "matmul/"]
        self.assertTrue(kernels)
        self.assertTrue(all(k["flop"] > 0 and k["bytes"] > 0 for k in kernels), kernels)
        for name, count in (("load", 12), ("upload", 12), ("wait", 12), ("evaluate", 4)):
            self.assertEqual(names.count(name), count, name)
        self.assertGreaterEqual(names.count("decode"), 12)
        lanes = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
        main = {e["tid"] for e in spans if e["name"] == "wait"}
        workers = {e["tid"] for e in spans if e["name"] == "decode"}
        self.assertEqual([lanes[t] for t in main], ["host"])
        self.assertTrue(workers and not workers & main and workers <= set(lanes), lanes)
        # What one thread does does not overlap.
        for tid in main | workers:
            mine = sorted((e["ts"], e["dur"]) for e in spans if e["tid"] == tid
                          and e["name"] not in ("evaluate", "checkpoint"))
            for (a, took), (b, _) in zip(mine, mine[1:]):
                self.assertLessEqual(a + took, b + 1)

    def test_everything(self):
        result = json.loads(self.works(*self.arguments("run", "--json")))
        self.assertEqual(result["method"], "lora")
        self.assertEqual(result["trainable_without_head"], 2 * 2 * (16 + 16))
        self.assertEqual(result["trainable"], result["trainable_without_head"] + 2 * 16 + 2)
        self.assertEqual(result["steps"], 12)
        self.assertEqual(result["best_accuracy"], 1.0)
        self.assertGreater(result["peak_device_bytes"], 0)
        steps = [m for m in self.metrics("run") if "step" in m]
        self.assertEqual([m["step"] for m in steps], list(range(1, 13)))
        self.assertLess(steps[-1]["loss"], steps[0]["loss"])

        model = ["--backbone", self.backbone, "--adapter", self.path("run", "adapter.safetensors")]
        seen = json.loads(self.works("eval", *model, "--data", self.data, *REFERENCE, "--json"))
        self.assertEqual((seen["accuracy"], seen["images"]), (result["accuracy"], 12))
        self.assertRegex(self.works("eval", *model, "--data", self.data, "--split", "train",
                                    *REFERENCE), r"(?m)^train +12 +\d+\.\d\d% +\d\.\d{4}$")

        dark = self.write("dark.png", png(9, 7, (0, 10, 5)))
        light = self.write("l\u00edght.png", png(7, 9, (220, 250, 255)))
        seen = json.loads(self.works("predict", *model, dark, light, "--json", *REFERENCE))
        self.assertEqual([s["image"] for s in seen], [dark, light])
        self.assertEqual([s["top"][0]["name"] for s in seen], ["dark", "light"])
        for s in seen:
            self.assertAlmostEqual(sum(t["probability"] for t in s["top"]), 1.0, places=5)
        text = self.works("predict", *model, dark, "--top", "1", *REFERENCE)
        self.assertRegex(text, r"dark\.png: dark \d+\.\d\d%\n$")

        merged = self.path("merged.safetensors")
        self.works("merge", *model, "--out", merged)
        plain = json.loads(self.works("predict", "--backbone", merged, light, "--json", *REFERENCE))
        self.assertEqual(plain[0]["top"][0]["class"], 1)
        self.assertAlmostEqual(plain[0]["top"][0]["probability"], seen[1]["top"][0]["probability"],
                               places=4)

    def test_report_of_an_evaluation(self):
        """What the report counts is what its list of predictions says, worked out here anew."""
        if not shutil.which("gnuplot"):
            self.skipTest("gnuplot is not installed")
        self.works(*self.arguments("run", "--max-steps", "1", "--seed", "1"))
        arguments = ["eval", "--backbone", self.backbone, "--adapter",
                     self.path("run", "adapter.safetensors"), "--data", self.data, "--split", "all",
                     *REFERENCE, "--json"]
        plain = json.loads(self.works(*arguments))
        seen = json.loads(self.works(*arguments, "--report", self.path("report")))
        self.assertEqual(seen["accuracy"], plain["accuracy"])
        self.assertAlmostEqual(seen["loss"], plain["loss"], places=12)
        report = json.loads(self.read("report", "predictions.json"))
        images = report["images"]
        self.assertEqual(len(images), plain["images"])
        self.assertEqual(report["accuracy"], seen["accuracy"])
        self.assertAlmostEqual(report["loss"], seen["loss"], places=12)
        labels = [i["label"] for i in images]
        found = [i["top"][0]["class"] for i in images]
        right = [a == b for a, b in zip(labels, found)]
        self.assertNotIn(len(right) - sum(right), (0, len(right)), "half trained: some are wrong")
        self.assertAlmostEqual(report["accuracy"], sum(right) / len(right))
        for c, row in enumerate(report["classes"]):
            hits = sum(r and label == c for r, label in zip(right, labels))
            self.assertEqual((row["images"], row["predicted"], row["correct"]),
                             (labels.count(c), found.count(c), hits))
            self.assertEqual(row["recall"], hits / labels.count(c))
            self.assertEqual(row["precision"],
                             hits / found.count(c) if found.count(c) else None)
        confusion = self.read("report", "confusion.csv").decode().split()
        self.assertEqual(confusion[0], "class,dark,light")
        self.assertEqual(confusion[1:], [
            f"{name},{','.join(str(sum((l, f) == (c, k) for l, f in zip(labels, found))) for k in (0, 1))}"
            for c, name in enumerate(("dark", "light"))])
        page = self.read("report", "report.html").decode()
        self.assertEqual(page.count("data:image/bmp"), min(24, len(right) - sum(right)))
        self.assertNotRegex(page, r"(src|href)=\"(?!data:)")

    def features(self, *arguments):
        """What embed wrote: its shape, its numbers and its names."""
        out = self.path("features.npy")
        self.works("embed", "--backbone", self.backbone, *arguments, "--out", out, *REFERENCE)
        data = self.read("features.npy")
        self.assertEqual((data[:8], len(data[10:128])), (b"\x93NUMPY\x01\x00", data[8] + 256 * data[9]))
        head = ast.literal_eval(data[10:128].decode())
        self.assertEqual((head["descr"], head["fortran_order"]), ("<f4", False))
        numbers = [n for n, in struct.iter_unpack("<f", data[128:])]
        self.assertEqual(math.prod(head["shape"]), len(numbers))
        return head["shape"], numbers, self.read("features.txt").decode().splitlines()

    def test_features(self):
        """Of a backbone without a head; the mean and the class token are among all tokens."""
        shape, cls, names = self.features("--data", self.data)
        self.assertEqual((shape, len(names)), ((24, 16), 24))
        first = os.path.join(self.data, "train", names[0])
        first = first if os.path.exists(first) else os.path.join(self.data, names[0])
        shape, tokens, names = self.features("--pool", "tokens", first)
        self.assertEqual((shape[0], shape[2], names), (1, 16, [first]))
        for a, b in zip(cls[:16], tokens[:16]):
            self.assertAlmostEqual(a, b, places=5)
        seen = json.loads(self.works("embed", "--backbone", self.backbone, "--knn", self.data,
                                     "--neighbours", "3", *REFERENCE, "--json"))
        self.assertEqual((seen["accuracy"], seen["train_images"]), (1.0, 12))
        bad = self.write("bad.png", b"no image")
        embed = ["embed", "--backbone", self.backbone, *REFERENCE]
        out = self.path("more.npy")
        self.fails(1, *embed, bad, first, "--out", out, telling=["bad.png"])
        self.assertEqual(self.read("more.txt").decode().splitlines(), [first])
        self.fails(1, *embed, bad, "--out", self.path("none.npy"), telling=["bad.png"])
        self.assertFalse(os.path.exists(self.path("none.npy")))
        self.fails(2, *embed, first, "--out", self.path("x.npz"), telling=["x.npz", ".npy"])
        self.fails(2, *embed, telling=["--out", "--knn"])

    def test_start_values_that_do_not_fit(self):
        adapter = self.path("run", "adapter.safetensors")
        self.works(*self.arguments("run", "--max-steps", "1"))
        again = graft(*self.arguments("again", "--max-steps", "1", "--init-adapter", adapter),
                      env={"GRAFT_LOG": "warn"})
        self.assertEqual((again.returncode, "left out" in again.stderr), (0, False), again.stderr)
        other = graft(*self.arguments("other", "--max-steps", "1", "--init-adapter", adapter,
                                      "--set", "lora.targets=q"),
                      env={"GRAFT_LOG": "warn"})
        self.assertIn("2 of 6 tensors are not trained by lora and left out: blocks.0.attn.v.",
                      other.stderr)
        none = self.write("none.safetensors", safetensors({"blocks.7.ssf": [4]}))
        self.fails(2, *self.arguments("none", "--init-adapter", none),
                   telling=[none, "lora trains none of its tensors", "blocks.7.ssf"])
        self.assertFalse(os.path.exists(self.path("none")))

    def test_table(self):
        text = self.works(*self.arguments("run", "--max-steps", "3"))
        self.assertRegex(text, r"^method +trainable .*accuracy +best +images/s +peak memory +seconds\n"
                               r"lora +162 +128 +100.00% ")
        self.assertEqual(len(set(map(len, text.rstrip().split("\n")))), 1)

    def test_plain_progress(self):
        done = graft(*self.arguments("run"), env={"GRAFT_LOG": "info"})
        self.assertRegex(done.stderr, r"(?m)^graft: epoch 1/4  step 1/12  \d+:\d\d left  "
                                      r"\d+(\.\d)? images/s  loss \d+\.\d{4}$")
        self.assertRegex(done.stderr, r"(?m)^graft: epoch 4/4 .* 0:00 left .*loss.*accuracy 100.0%$")
        self.assertNotRegex(done.stderr, "[\r\033]")

    def test_progress_counts_to_where_the_run_stops(self):
        done = graft(*self.arguments("run", "--max-steps", "5"), env={"GRAFT_LOG": "info"})
        self.assertRegex(done.stderr, r"(?m)^graft: epoch 1/4  step 1/5  ")
        self.assertRegex(done.stderr, r"(?m)^graft: epoch 2/4  step 5/5  0:00 left  ")

    def test_predict_goes_on(self):
        """Folders stand for their images; a bad file costs the exit code, and nothing else."""
        self.works(*self.arguments("run"))
        model = ["--backbone", self.backbone, "--adapter", self.path("run", "adapter.safetensors"),
                 "--top", "1", *REFERENCE]
        os.makedirs(self.path("new/deep"))
        for name in ("new/b.png", "new/deep/a.png"):
            self.write(name, png(16, 16, (20, 30, 40)))
        for name in ("new/bad.png", "worse.jpg", "new/notes.txt"):
            self.write(name, b"no image")
        done = graft("predict", *model, self.path("worse.jpg"), self.path("new"))
        self.assertEqual(done.returncode, 1)
        self.assertEqual([line.split(": ")[0] for line in done.stdout.splitlines()],
                         [self.path("new/b.png"), self.path("new/deep/a.png")])
        self.assertEqual(done.stderr.count("\n"), 2, done.stderr)
        for name in ("worse.jpg", "new/bad.png"):
            self.assertIn(self.path(name) + ": no image", done.stderr)
        done = graft("predict", *model, self.path("worse.jpg"), self.path("new"), "--json")
        self.assertEqual(done.returncode, 1)
        self.assertEqual([("error" in image, "top" in image) for image in json.loads(done.stdout)],
                         [(True, False), (False, True), (True, False),
                          (False, True)])

    def test_terminal(self):
        code, text = self.on_terminal(*self.arguments("run"))
        self.assertEqual(code, 0)
        self.assertRegex(text, "\repoch 1/4  step 1/12  [^\n]* loss [^\n]*\033\\[K")
        self.assertRegex(text, "\repoch 4/4  step 12/12  0:00 left  [^\n]* images/s [^\n]*\033\\[K\r\n$")
        self.assertEqual(text.count("\n"), 4, text)  # device, data, input, and the line that stays

    def test_color(self):
        plain = "graft: trian: unknown command; did you mean train?\r\n"
        self.assertEqual(self.on_terminal("trian", env={"NO_COLOR": "1"}), (2, plain))
        code, text = self.on_terminal("trian", env={"NO_COLOR": ""})
        self.assertEqual((code, text.replace("\033[31m", "").replace("\033[0m", "")), (2, plain))
        self.assertNotEqual(text, plain)

    def test_config_feeds_back(self):
        self.works(*self.arguments("first", "--flip", "--no-shuffle", "--no-decay", "1d,norm",
                                   "--memory-budget", "1.5G", "--checkpoint-every", "2"))
        config = self.path("first", "config.json")
        self.works("train", "--config", config, "--out", self.path("second"), *REFERENCE)
        self.assertEqual(self.read("first", "adapter.safetensors"),
                         self.read("second", "adapter.safetensors"))
        kept = dict(json.loads(self.read("first", "config.json")), out=self.path("second"))
        self.assertEqual(json.loads(self.read("second", "config.json")), kept)
        self.works("train", "--config", config, "--out", self.path("third"), "--seed", "8",
                   "--set", "lora.r=1", *REFERENCE)
        third = json.loads(self.read("third", "config.json"))
        self.assertEqual((third["seed"], third["set"]), (8, ["lora.r=2", "lora.r=1"]))

    def test_learning_rates(self):
        """What metrics.jsonl tells, step by step: Convpass's stepping, with a cooldown."""
        done = json.loads(self.works(*self.arguments(
            "run", "--schedule", "timm-cosine", "--lr-step", "late-epoch", "--warmup-epochs", "2",
            "--warmup-lr", "0.01", "--min-lr", "0.004", "--cooldown-epochs", "2", "--json")))
        steps = [m for m in self.metrics("run") if "step" in m]
        self.assertEqual((done["steps"], len(steps)), (18, 18))
        curve = [0.01, 0.015, 0.012, 0.004 + 0.016 * (1 + math.cos(0.75 * math.pi)) / 2, 0.004]
        expected = [curve[max(epoch - 1, 0)] for epoch in range(6) for _ in range(3)]
        for found, rate in zip(steps, expected):
            self.assertAlmostEqual(found["lr"], rate, delta=1e-8)
        self.assertEqual(max(m["epoch"] for m in self.metrics("run") if "split" in m), 6)

    def test_interrupted_run_resumes(self):
        """SIGINT ends with a checkpoint; the run then goes on as if nothing had happened."""
        long = ["--epochs", "200"]  # a loaded machine must not finish it before the signal
        self.works(*self.arguments("whole", *long))
        run = subprocess.Popen([GRAFT, *self.arguments("cut", *long)], stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, text=True)
        self.wait_for_steps(run)
        run.send_signal(signal.SIGINT)
        error = run.communicate(timeout=60)[1]
        self.assertEqual(run.returncode, 130, error)
        self.assertIn("--resume", error)
        self.works("train", "--resume", "--out", self.path("cut"), *REFERENCE)
        self.assertEqual(self.read("cut", "adapter.safetensors"),
                         self.read("whole", "adapter.safetensors"))
        self.assertEqual([(m.get("step"), m["loss"]) for m in self.metrics("cut")],
                         [(m.get("step"), m["loss"]) for m in self.metrics("whole")])

    def test_two_runs_in_one_folder(self):
        first = subprocess.Popen([GRAFT, *self.arguments("cut", "--epochs", "2000")],
                                 stderr=subprocess.DEVNULL)
        try:
            self.wait_for_steps(first)
            for more in ((), ("--resume",)):
                self.fails(2, *self.arguments("cut", "--epochs", "2000", *more),
                           telling=[self.path("cut"), "another run is writing there"])
        finally:
            first.send_signal(signal.SIGINT)
            first.wait(60)
        self.works("train", "--resume", "--out", self.path("cut"), "--max-steps", "1", *REFERENCE)

    def test_the_same_command_resumes(self):
        """Options of methods and a recipe's are in the run's file already: they do not count twice."""
        for more in ((), ("--recipe", "convpass", "--method", "convpass", "--set", "convpass.s=2",
                          "--warmup-epochs", "1")):
            with self.subTest(more):
                out = "again%d" % len(more)
                command = self.arguments(out, *more)
                if more:
                    command.remove("--set"), command.remove("lora.r=2")
                self.works(*command, "--max-steps", "5")
                self.works(*command, "--resume")
                self.assertEqual(len([m for m in self.metrics(out) if "step" in m]), 12)
                done = self.fails(2, *command, "--resume", "--set", "convpass.s=3" if more else "lora.r=3")
                self.assertIn("settings", done.stderr)

    def test_settings_are_utf8(self):
        command = self.arguments("run")
        self.fails(2, *command, "--data", b"/nowhere/\xff", telling=["--data", "UTF-8"])
        self.assertFalse(os.path.exists(self.path("run")))

    def wait_for_steps(self, run):
        """Until the run in the folder "cut" has made a few."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and run.poll() is None:
            if os.path.exists(self.path("cut", "metrics.jsonl")) and \
                    len(self.read("cut", "metrics.jsonl").splitlines()) > 5:
                break
            time.sleep(0.005)

    def test_lists_with_a_byte_order_mark(self):
        lines = b"".join(b"train/%s/%d.png %d\n" % (name, i, label) for i in range(6)
                         for label, name in enumerate((b"dark", b"light")))
        for split in ("train", "test"):
            self.write("photos/%s.txt" % split, b"\xef\xbb\xbf" + lines)
        self.works(*self.arguments("run"))

    def test_label_out_of_range(self):
        """An adapter of two classes meets data of three."""
        self.works(*self.arguments("run"))
        self.write("photos/test/medium/0.png", png(8, 8, (90, 90, 90)))
        done = self.fails(1, "eval", "--backbone", self.backbone, "--adapter",
                          self.path("run", "adapter.safetensors"), "--data", self.data, *REFERENCE)
        self.assertIn("2", done.stderr)

    def test_classes_go_by_their_names(self):
        """Data with some of a model's classes; with others."""
        self.works(*self.arguments("run"))
        model = ["--backbone", self.backbone, "--adapter", self.path("run", "adapter.safetensors"),
                 *REFERENCE]

        def eval_of(folder):
            return json.loads(self.works("eval", *model, "--data", folder, "--split", "all",
                                         "--json"))
        for name in ("dark", "light"):
            shutil.copytree(os.path.join(self.data, "train", name), self.path(name, name))
            shutil.copytree(os.path.join(self.data, "train", name), self.path("both", name))
        dark, light, both = (eval_of(self.path(name)) for name in ("dark", "light", "both"))
        self.assertAlmostEqual((dark["loss"] + light["loss"]) / 2, both["loss"], places=5)
        self.assertNotAlmostEqual(dark["loss"], light["loss"], places=2)
        os.rename(self.path("both", "light"), self.path("both", "grey"))
        self.fails(1, "eval", *model, "--data", self.path("both"), "--split", "all",
                   telling=["both", "'grey'", "2 classes", "dark"])

    def test_merge_keeps_its_input(self):
        self.works(*self.arguments("run"))
        adapter = self.path("run", "adapter.safetensors")
        parts = ["merge", "--backbone", self.backbone, "--adapter", adapter, "--out"]
        before = os.stat(adapter).st_mtime_ns
        self.fails(2, *parts, adapter, telling=["adapter.safetensors", "is the adapter"])
        self.fails(2, *parts, self.backbone, telling=["is the backbone"])
        self.fails(2, *parts, self.path("x.bin"), telling=["x.bin", ".safetensors"])
        self.assertEqual(os.stat(adapter).st_mtime_ns, before)

    def test_backbone_and_model(self):
        self.fails(2, *self.arguments("run"), "--model", "vit_mini_patch8_64",
                   telling=["--model vit_mini_patch8_64", "--backbone"])

    def test_adapter_of_another_backbone(self):
        self.works(*self.arguments("run"))
        other = self.write_vit("other.safetensors", dim=24)
        adapter = self.path("run", "adapter.safetensors")
        self.fails(1, "eval", "--backbone", other, "--adapter", adapter, "--data", self.data,
                   *REFERENCE, telling=["other.safetensors", "width 24", "trained on"])
        merged = self.path("merged.safetensors")
        self.fails(1, "merge", "--backbone", other, "--adapter", adapter, "--out", merged)
        self.assertFalse(os.path.exists(merged))


if __name__ == "__main__":
    unittest.main()
