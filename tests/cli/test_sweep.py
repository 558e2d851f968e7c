"""graft sweep: what runs, what is kept, what is chosen, and what the tables say."""
import glob
import json
import os
import re
import signal
import statistics
import subprocess
import time
import unittest

from support import GRAFT, CliTest, graft, png


class Sweep(CliTest):
    def setUp(self):
        super().setUp()
        self.backbone = self.write_vit()
        self.data = self.write_images()

    def config(self, **keys):
        """A small sweep on the reference device; keys replace its own."""
        config = {"out": self.path("out"), "seeds": [1], "devices": ["reference:0"],
                  "settings": {"backbone": self.backbone, "epochs": 2, "batch-size": 4,
                               "warmup-epochs": 0, "lr": 0.02},
                  "methods": ["linear", {"name": "small", "method": "lora", "set": ["lora.r=2"]}],
                  "data": [{"name": "photos", "data": self.data}]}
        config.update(keys)
        return self.write("sweep.json", json.dumps(config).encode())

    def sweep(self, **keys):
        result = json.loads(self.works("sweep", self.config(**keys), "--json"))
        self.conforms("sweep", result)
        return result

    def read(self, *names):
        with open(self.path(*names), "rb") as file:
            return file.read()

    def load(self, *names):
        return json.loads(self.read(*names))

    def runs(self, out="out"):
        """Folders of runs, relative to out/runs."""
        top = self.path(out, "runs")
        return sorted(os.path.relpath(folder, top) for folder, _, files in os.walk(top)
                      if "settings.json" in files)

    def test_tables(self):
        result = self.sweep(seeds=[1, 2], data=[
            {"name": "one", "data": self.data, "group": "a"},
            {"name": "two", "data": self.write_images("more", 5), "group": "b"}])
        self.assertEqual(self.runs(), ["%s/%s/seed-%d" % (d, m, s) for d in ("one", "two")
                                       for m in ("linear", "small") for s in (1, 2)])
        self.assertEqual(len(result["cells"]), 4)
        for cell in result["cells"]:
            folder = ["out", "runs", cell["data"], cell["method"]]
            single = [self.load(*folder, "seed-%d" % s, "result.json") for s in (1, 2)]
            for key, name in (("last", "accuracy"), ("best", "best_accuracy")):
                values = [100 * r[name] for r in single]
                self.assertAlmostEqual(cell[key]["mean"], statistics.mean(values))
                self.assertAlmostEqual(cell[key]["deviation"], statistics.stdev(values))
            self.assertEqual(cell["trainable_without_head"], single[0]["trainable_without_head"])
            self.assertEqual(cell["peak_device_bytes"],
                             max(r["peak_device_bytes"] for r in single))
        linear = [c["last"]["mean"] for c in result["cells"] if c["method"] == "linear"]
        average = result["averages"][0]
        self.assertEqual((average["method"], average["sets"]), ("linear", 2))
        self.assertAlmostEqual(average["last"], statistics.mean(linear))
        self.assertAlmostEqual(average["mean_of_groups_last"], statistics.mean(linear))
        self.assertEqual(self.load("out", "results.json")["averages"], result["averages"])
        page = self.read("out", "results.md").decode()
        sets = re.split(r"(?m)^## (.*)\n\n", page)
        self.assertEqual(sets[1::2], ["one", "two", "Averages"])
        for table in sets[2:6:2]:
            self.assertRegex(table, r"^\| method \| lr \| seeds \| last \| best \|")
            self.assertRegex(table, r"(?m)^\| small \| 0\.02 \| 2 \| \d+\.\d\d ± \d+\.\d\d \|")
        self.assertRegex(page, r"(?m)^\| last epoch \| a \| b \| mean of 2 sets \| mean of groups")
        text = self.works("sweep", self.path("sweep.json"), "--report")
        self.assertRegex(text, r"(?m)^one +linear +0\.02 +2 ")

    def test_averages_of_uneven_groups(self):
        """Both of the papers' averages: over sets, and over groups of sets."""
        result = self.sweep(methods=["linear"], data=[
            {"name": n, "data": self.data, "group": g, "train-split": "train", "epochs": e}
            for n, g, e in (("a", "x", 1), ("b", "x", 2), ("c", "y", 3))])
        one, two, three = (c["last"]["mean"] for c in result["cells"])
        average = result["averages"][0]
        self.assertAlmostEqual(average["last"], (one + two + three) / 3)
        self.assertAlmostEqual(average["mean_of_groups_last"], ((one + two) / 2 + three) / 2)

    def test_finished_runs_are_kept(self):
        config = self.config()
        first = json.loads(self.works("sweep", config, "--json"))
        times = [os.stat(self.path("out", "runs", r, "adapter.safetensors")).st_mtime_ns
                 for r in self.runs()]
        self.assertIn("(done)", self.works("sweep", config, "--dry-run"))
        self.assertEqual(json.loads(self.works("sweep", config, "--json")), first)
        self.assertEqual(times, [os.stat(self.path("out", "runs", r, "adapter.safetensors"))
                                 .st_mtime_ns for r in self.runs()])

    def test_changed_backbone_or_images(self):
        """Names stay, contents change: new runs are not put beside the old ones without a word."""
        first = self.sweep(methods=["linear"])
        os.rename(self.path("photos", "train", "dark", "0.png"),
                  self.path("photos", "train", "dark", "new.png"))
        self.assertEqual(self.sweep(methods=["linear"]), first)  # done: nothing comes beside it
        config = self.config()
        self.fails(2, "sweep", config, telling=("photos linear seed 1: " + self.path("out"),
                                                "other train images", "--accept-changes"))
        self.assertEqual(self.runs(), ["photos/linear/seed-1"])
        done = graft("sweep", config, "--accept-changes", env={"GRAFT_LOG": "warn"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("other train images", done.stderr)
        self.assertEqual(len(self.runs()), 2)

    def test_moved_backbone_and_images(self):
        first = self.sweep(methods=["linear"])
        os.rename(self.data, self.path("elsewhere"))
        os.rename(self.backbone, self.path("moved.safetensors"))
        settings = {"backbone": self.path("moved.safetensors"), "epochs": 2, "batch-size": 4,
                    "warmup-epochs": 0, "lr": 0.02}
        keys = {"settings": settings,
                "data": [{"name": "photos", "data": self.path("elsewhere")}]}
        again = self.sweep(methods=["linear"], **keys)
        self.assertEqual(again["cells"], first["cells"])
        with open(settings["backbone"], "r+b") as file:
            file.seek(-3, os.SEEK_END)
            file.write(b"\1")
        os.rename(settings["backbone"], self.backbone)
        settings["backbone"] = self.backbone
        with open(self.path("out", "runs", "photos", "linear", "seed-1", "settings.json")) as file:
            self.assertIn(self.backbone, file.read())
        self.fails(2, "sweep", self.config(methods=["linear", "bitfit"], **keys),
                   telling=("another backbone", "--accept-changes"))

    def test_damaged_results_are_made_again(self):
        """As a power failure may leave them: empty."""
        data = [{"name": "photos", "data": self.data,
                 "evaluate": [{"name": "same", "data": self.data}]}]
        first = self.sweep(methods=["linear"], data=data)
        for name in ("result.json", "evaluate-same.json"):
            self.write("out/runs/photos/linear/seed-1/" + name, b"")
            again = self.sweep(methods=["linear"], data=data)
            self.assertEqual(again["cells"][0]["last"], first["cells"][0]["last"])
            self.assertEqual(again["cells"][0]["evaluate"], first["cells"][0]["evaluate"])

    def test_stopped_sweep_goes_on(self):
        """SIGTERM in the middle of a run; afterwards all is as if nothing had happened."""
        # A loaded machine must not finish the run before the signal.
        settings = {"backbone": self.backbone, "epochs": 200, "batch-size": 4, "lr": 0.02}
        config = self.config(settings=settings, out=self.path("cut"))
        running = subprocess.Popen([GRAFT, "sweep", config], stderr=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, text=True)
        metrics = self.path("cut", "runs", "photos", "linear", "seed-1", "metrics.jsonl")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and running.poll() is None:
            if os.path.exists(metrics) and os.stat(metrics).st_size > 1000:
                break
            time.sleep(0.005)
        running.send_signal(signal.SIGTERM)
        error = running.communicate(timeout=60)[1]
        self.assertEqual(running.returncode, 130, error)
        self.assertIn("goes on", error)
        self.assertFalse(os.path.exists(os.path.dirname(metrics) + "/result.json"))
        self.works("sweep", config)
        self.works("sweep", self.config(settings=settings))
        for run in self.runs():
            self.assertEqual(self.read("cut", "runs", run, "adapter.safetensors"),
                             self.read("out", "runs", run, "adapter.safetensors"))
        cut = self.load("cut", "results.json")["cells"][0]["seconds"]["mean"]
        last = self.load("cut", "runs", "photos", "linear", "seed-1", "result.json")["seconds"]
        self.assertGreater(cut, last)  # the first sitting counts, too

    def test_killed_runs_are_done_again(self):
        """What a crash leaves behind is no result."""
        self.sweep()
        folder = self.path("out", "runs", "photos", "small", "seed-1")
        whole = self.read(folder, "adapter.safetensors")
        os.rename(folder + "/result.json", folder + "/result.json.part")
        self.sweep()
        self.assertTrue(os.path.exists(folder + "/result.json"))
        self.assertEqual(self.read(folder, "adapter.safetensors"), whole)

    def test_side_by_side(self):
        several = self.sweep(seeds=[1, 2, 3], devices=["reference:0"] * 3)
        alone = self.sweep(seeds=[1, 2, 3], out=self.path("alone"))
        for a, b in zip(several["cells"], alone["cells"]):
            self.assertEqual((a["last"], a["best"]), (b["last"], b["best"]))

    def test_rate_is_chosen_on_validation_images(self):
        result = self.sweep(methods=["linear"], seeds=[1, 2], lr=[1e-9, 0.05],
                            data=[{"name": "photos", "data": self.write_images("ten", 10)}])
        cell = result["cells"][0]
        self.assertEqual(self.runs(), ["photos/linear/lr-0.05/seed-1",
                                       "photos/linear/lr-0.05/seed-2",
                                       "photos/linear/select/lr-0.05/seed-1",
                                       "photos/linear/select/lr-1e-09/seed-1"])
        self.assertEqual(cell["lr"], 0.05)
        for candidate in cell["candidates"]:
            settings = self.load(candidate["folder"], "settings.json")
            self.assertEqual((settings["train-split"], settings["test-split"]),
                             ("train80", "val20"))
        final = self.load(cell["runs"][0]["folder"], "config.json")
        self.assertEqual((final["train-split"], final["test-split"]), ("train", "test"))

    def test_never_chosen_on_test_images(self):
        both = {"lr": [0.1, 0.2]}
        self.fails(2, "sweep", self.config(**both, select={"train-split": "train",
                                                           "test-split": "test"}),
                   telling=["'test'", "final test"])
        self.fails(2, "sweep", self.config(**both, select={"train-split": "train",
                                                           "test-split": "val"}),
                   telling=[self.data, "no validation images", "val20"])

    def test_other_test_sets(self):
        other = self.write_images("elsewhere")
        result = self.sweep(methods=["linear"], data=[
            {"name": "photos", "data": self.data,
             "evaluate": [{"name": "same", "data": self.data},
                          {"name": "training", "data": other, "split": "train"},
                          {"name": "gone", "data": "/nowhere"}]}])
        cell = result["cells"][0]
        self.assertAlmostEqual(cell["evaluate"]["same"]["mean"], cell["last"]["mean"], places=5)
        self.assertEqual(cell["evaluate"]["training"]["runs"], 1)
        page = self.read("out", "results.md").decode()
        self.assertRegex(page, r"\| same \| training \| gone \|")
        self.assertIn("Missing: gone (/nowhere), a test for photos.", page)

    def test_other_test_sets_go_by_the_names_of_classes(self):
        """A folder with some of the classes, all of whose images count."""
        for i in range(6):
            self.write("part/light/%d.png" % i, png(16, 20, (200, 255 - i, 250)))
        result = self.sweep(methods=["linear"], settings={
            "backbone": self.backbone, "epochs": 6, "batch-size": 4, "warmup-epochs": 0,
            "lr": 0.1}, data=[{"name": "photos", "data": self.data,
                               "evaluate": [{"name": "part", "data": self.path("part")}]}])
        self.assertEqual(result["cells"][0]["last"]["mean"], 100)
        self.assertEqual(result["cells"][0]["evaluate"]["part"]["mean"], 100)
        [found] = glob.glob(self.path("out", "runs", "*", "*", "*", "evaluate-part.json"))
        with open(found, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["images"], 6)

    def test_bad_test_sets(self):
        self.fails(1, "sweep", self.config(data=[
            {"name": "photos", "data": self.data, "evaluate": [{"name": "x"}]}]),
            telling=["photos: evaluate: item 1"])

    def test_other_test_sets_of_models_from_scratch(self):
        """Without a backbone the run's own file is the model."""
        result = self.sweep(
            settings={"model": "vit_mini_patch8_64", "image-size": 16, "epochs": 1,
                      "batch-size": 4, "warmup-epochs": 0},
            methods=["full"],
            data=[{"name": "photos", "data": self.data,
                   "evaluate": [{"name": "same", "data": self.data}]}])
        cell = result["cells"][0]
        self.assertAlmostEqual(cell["evaluate"]["same"]["mean"], cell["last"]["mean"], places=5)

    def test_settings_of_the_command(self):
        """Numbers, words and numbers that are words to graft train; seeds of many digits."""
        self.works("sweep", self.config(methods=["linear"], seeds=[20240101, 20240102]),
                   "--setting", "color-jitter=0.4", "--setting", "flip=yes",
                   "--setting", "epochs=1")
        for seed in (20240101, 20240102):
            settings = self.load("out", "runs", "photos", "linear", "seed-%d" % seed,
                                 "config.json")
            self.assertEqual((settings["color-jitter"], settings["flip"], settings["epochs"]),
                             ("0.4", True, 1))
        self.fails(1, "sweep", self.config(seeds=[20240101, 20240101]),
                   telling=["seeds: 20240101 is there twice"])

    def test_progress_on_a_terminal(self):
        """One line for the whole, with the time left and the run at hand; a line for each result."""
        settings = {"backbone": self.backbone, "epochs": 300, "batch-size": 4, "test-split": ""}
        code, text = self.on_terminal("sweep", self.config(settings=settings, methods=["linear"],
                                                           seeds=[1, 2]))
        self.assertEqual(code, 0)
        self.assertRegex(text, r"\rrun 1 of 2  [^\n]*photos linear seed 1 \d+%")
        self.assertRegex(text, r"\rrun 2 of 2  \d+:\d\d left  photos linear seed 2 \d+%")
        self.assertRegex(text, r"1 of 2 done: photos linear seed 1, \d+:\d\d")

    def test_missing_data_is_named(self):
        config = self.config(methods=["linear"], data=[
            {"name": "photos", "data": self.data, "group": "a"},
            {"name": "gone", "data": "/nowhere/gone", "group": "a"}])
        done = graft("sweep", config, env={"GRAFT_LOG": "warn"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("gone is left out: /nowhere/gone", done.stderr)
        self.assertIn("Missing: gone (/nowhere/gone).", done.stdout)
        self.assertIn("(1 of 2)", done.stdout)
        self.assertIn("Missing: gone", self.read("out", "results.md").decode())
        self.fails(1, "sweep", self.config(data=["/nowhere/gone"]), telling=["/nowhere/gone"])

    def test_relative_paths_start_at_the_folder_of_data(self):
        folder, name = os.path.split(self.data)
        targets = [{"name": "again", "data": name, "split": "train"}]
        config = self.config(methods=["linear"], data=[
            {"name": "photos", "data": name, "evaluate": targets},
            {"name": "whole", "data": self.data},
            {"name": "made", "data": "dsprites:location"}])
        listed = self.works("sweep", config, "--data", folder, "--dry-run")
        self.assertNotIn("Missing", listed)
        self.fails(1, "sweep", self.config(data=[name]), telling=[name])
        result = self.sweep(methods=["linear"], root=folder, data=[
            {"name": "photos", "data": name, "evaluate": targets}])
        self.assertEqual(list(result["cells"][0]["evaluate"]), ["again"])

    def test_failing_run_does_not_end_the_sweep(self):
        config = self.config(methods=[
            {"name": "wild", "method": "full", "optimizer": "sgd", "lr": 1e5, "epochs": 40},
            "linear"])
        done = graft("sweep", config)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("1 of 2 runs failed", done.stderr)
        self.assertRegex(done.stdout, r"(?m)^photos +wild +\S+ +0 of 1 ")
        self.assertRegex(done.stdout, r"(?m)^Failed: photos wild seed 1: .*--lr")
        self.assertRegex(done.stdout, r"(?m)^photos +linear +0.02 +1 ")

    def test_refused_settings_end_the_sweep(self):
        self.fails(2, "sweep", self.config(settings={"backbone": self.backbone, "epoch": 3}),
                   telling=["epoch", "no such option"])
        self.fails(2, "sweep", self.config(methods=["lara"], out=self.path("other")),
                   telling=["photos lara seed 1", "'lara'"])
        self.assertFalse(os.path.exists(self.path("other")))

    def test_settings_are_checked_before_the_first_run(self):
        settings = {"backbone": self.backbone, "epochs": 2, "batch-size": 4, "lr": 0.02}
        for wrong, words in (
                ({"methods": ["linear", "lora+foo"]}, ["photos lora+foo seed 1", "'foo'"]),
                ({"methods": ["linear", {"name": "a", "method": "lora", "set": ["lora.r=0"]}]},
                 ["photos a seed 1", "lora.r"]),
                ({"settings": {**settings, "recipe": "ssf", "task": "x"}}, ["task 'x'", "ssf"]),
                ({"settings": {**settings, "epochs": "many"}}, ["epochs", "many"]),
                ({"settings": {**settings, "backbone": self.path("gone")}},
                 ["gone", "No such file"])):
            config = self.config(**wrong)
            for more in ((), ("--dry-run",)):
                done = graft("sweep", config, *more)
                self.assertIn(done.returncode, (1, 2), wrong)
                for word in words:
                    self.assertIn(word, done.stderr)
            self.assertFalse(os.path.exists(self.path("out")))

    def test_report_needs_no_backbone(self):
        """What is done is done; only runs to come need what they start from."""
        first = self.sweep(methods=["linear"])
        os.rename(self.backbone, self.path("moved.safetensors"))
        again = json.loads(self.works("sweep", self.config(methods=["linear"]), "--report", "--json"))
        self.assertEqual(again["cells"], first["cells"])

    def test_what_the_sweep_sets_is_no_setting(self):
        for key, value, remedy in (("seed", 7, "seeds"), ("device", "opencl:0", "devices"),
                                   ("out", "x", "the sweep"), ("dry-run", True, "--dry-run"),
                                   ("resume", True, "by itself"), ("json", True, "leave it out")):
            settings = {"backbone": self.backbone, key: value}
            self.fails(2, "sweep", self.config(settings=settings),
                       telling=["photos, linear: %s:" % key, remedy])

    def test_changed_settings_are_refused(self):
        self.sweep(methods=["linear"])
        changed = {"backbone": self.backbone, "epochs": 3, "batch-size": 4, "warmup-epochs": 0,
                   "lr": 0.02}
        self.fails(2, "sweep", self.config(methods=["linear"], settings=changed),
                   telling=["photos/linear/seed-1", "epochs", "--out"])

    def test_bad_files(self):
        self.fails(1, "sweep", self.write("a.json", b"{"), telling=["a.json", "line 1"])
        self.fails(1, "sweep", "nothing.json", telling=["nothing.json", "vtab"])
        self.fails(1, "sweep", self.config(epochs=3), telling=["epochs", "settings"])
        self.fails(1, "sweep", self.config(lr=["fast"]), telling=["lr", "numbers above 0"])
        self.fails(1, "sweep", self.config(seeds=[-1]), telling=["seeds"])
        self.fails(1, "sweep", self.config(seeds=[1, 2, 1]), telling=["seeds: 1 is there twice"])
        self.fails(1, "sweep", self.config(lr=[0.1, 0.10000001]), telling=["lr: 0.1 is there twice"])
        self.fails(2, "sweep", self.config(methods=[]), telling=["methods: missing"])
        self.fails(1, "sweep", self.config(methods=["linear", "linear"]),
                   telling=["'linear'", "twice"])
        self.fails(1, "sweep", self.config(methods=[{"name": "../x"}]), telling=["letters"])
        self.fails(2, "sweep", self.config(out=""), telling=["--out"])
        self.fails(1, "sweep", self.config(select="val"), telling=["select: expected an object"])
        self.fails(1, "sweep", self.config(settings=[]), "--setting", "set=lora.r=1",
                   telling=["settings: expected an object"])
        self.fails(1, "sweep", self.config(devices=[0]), telling=["devices", "opencl:0"])
        self.fails(2, "sweep", self.config(devices=["reference:0"] * 65), telling=["64"])

    def test_folder_that_cannot_be_made(self):
        """A run that cannot be started has no process to be stopped."""
        self.write("out/runs", b"a file")
        self.fails(1, "sweep", self.config(), telling=["out/runs"], start_new_session=True)

    def test_two_sweeps_in_one_folder(self):
        config = self.config(settings={"backbone": self.backbone, "epochs": 500, "batch-size": 4})
        first = subprocess.Popen([GRAFT, "sweep", config], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not os.path.exists(self.path("out", "runs")):
                time.sleep(0.01)
            self.fails(2, "sweep", config, telling=["another sweep"])
        finally:
            first.send_signal(signal.SIGINT)
            first.wait(60)

    def test_figures(self):
        self.sweep(data=[{"name": n, "data": self.data} for n in ("photos", "again")])
        page = self.read("out", "results.md").decode()
        self.assertRegex(page, r"(?m)^\| last epoch \| mean of 2 sets \|$")  # there are no groups
        script = self.read("out", "figures", "curves-photos.gp").decode()
        self.assertIn("photos small seed 1", script)
        self.assertTrue(os.path.exists(self.path("out", "figures", "parameters.gp")))
        if os.path.exists(self.path("out", "figures", "parameters.svg")):
            self.assertTrue(self.read("out", "figures", "parameters.svg").startswith(b"<svg"))
            self.assertIn("](figures/parameters.svg)", page)
        else:
            self.assertNotIn("figures", page)
            print("skipped: gnuplot is not installed")


class Protocols(CliTest):
    def listed(self, *args, **options):
        done = graft("sweep", *args, "--out", self.path("out"), "--dry-run",
                     env={"GRAFT_LOG": "warn"}, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines(), done.stderr

    def make(self, *folders):
        for folder in folders:
            os.makedirs(self.path("sets", folder))
        return ["--data", self.path("sets"), "--backbone", self.write_vit()]

    def test_vtab(self):
        common = self.make("cifar", "eurosat", "dsprites_ori")
        runs, warnings = self.listed("vtab", *common, "--recipe", "convpass")
        self.assertEqual(runs, ["cifar convpass seed 42", "eurosat convpass seed 42",
                                "dsprites_ori convpass seed 42"])
        self.assertEqual(warnings.count("is left out"), 16)
        self.assertIn("smallnorb_ele is left out", warnings)
        runs, warnings = self.listed("vtab", *common, "--method", "lora", "--task", "cifar",
                                     "--task", "svhn", "--seed", "1", "--seed", "2")
        self.assertEqual(runs, ["cifar lora seed 1", "cifar lora seed 2"])
        self.assertEqual(warnings.count("is left out"), 1)
        self.fails(2, "sweep", "vtab", *common, "--method", "lora", "--out", "x", "--task", "cifra",
                   telling=["'cifra'", "cifar, caltech101"])
        self.fails(2, "sweep", "vtab", "--method", "lora", "--out", "x", telling=["--data"])

    def test_tasks_go_to_recipes(self):
        """The settings of each run are those of its task."""
        common = self.make("cifar")
        self.write_images("sets/cifar")
        vit = self.write_vit()
        self.works("sweep", "vtab", "--data", self.path("sets"), "--backbone", vit, "--recipe",
                   "rlrr", "--out", self.path("out"), "--task", "cifar", "--device", "reference:0",
                   "--setting", "epochs=1", "--setting", "warmup-epochs=0",
                   "--setting", "cooldown-epochs=0")
        with open(self.path("out", "runs", "cifar", "rlrr", "seed-42", "config.json")) as file:
            config = json.load(file)
        self.assertEqual((config["lr"], config["drop-path"], config["epochs"]), (3e-3, 0.1, 1))
        with open(self.path("out", "results.json")) as file:
            self.assertEqual(json.load(file)["cells"][0]["lr"], 3e-3)

    def test_fgvc_and_fewshot(self):
        runs, _ = self.listed("fgvc", *self.make("CUB_200_2011", "cars"), "--recipe", "vpt")
        self.assertEqual(runs, ["cub vpt_deep seed 42", "cars vpt_deep seed 42"])
        runs, _ = self.listed("fewshot", *self.make("food-101"), "--method", "lora")
        self.assertEqual(len(runs), 5 * 3)
        self.assertIn("food101 lora 16 shots seed 2", runs)

    def test_every_recipe_fits_every_protocol(self):
        """The task of the protocol where the recipe knows it, else the recipe's general settings:
        three pictures, fewer than a batch, are trained on with each."""
        recipes = json.loads(self.works("recipes", "--json"))
        vit = self.write_vit()
        for protocol, folder, few, tasks in (
                ("vtab", "cifar", [], ["cifar"]), ("fgvc", "cub", [], ["fgvc_cub"]),
                ("fewshot", "food101", ["--shots", "1", "--seed", "1"], ["fewshot"]),
                ("dg", "imagenet", ["--shots", "1", "--seed", "1"], ["clip", "fewshot"])):
            self.write_images("sets/" + folder)
            for recipe in recipes:
                with self.subTest(protocol=protocol, recipe=recipe["name"]):
                    out = self.path("out", protocol, recipe["name"])
                    self.works("sweep", protocol, "--data", self.path("sets"), "--backbone", vit,
                               "--recipe", recipe["name"], "--out", out, "--method", "linear",
                               "--device", "reference:0", "--setting", "max-steps=1", *few)
                    settings, = glob.glob(out + "/runs/**/settings.json", recursive=True)
                    with open(settings) as file:
                        told = json.load(file).get("task")
                    known = [task for task in tasks if task in recipe["tasks"]]
                    self.assertEqual(told, known[0] if known else None)

    def test_tasks_of_a_file(self):
        """A list holds alternatives; one that no recipe knows is an error, also in a list."""
        for task, works in ((["fgvc_cub", ""], True), ("cub", False), (["cub"], False)):
            self.write_images("sets/cifar")
            config = self.write("sweep.json", json.dumps({
                "methods": ["linear"], "settings": {"recipe": "convpass"},
                "data": [{"name": "cifar", "data": self.path("sets/cifar"), "task": task}]}).encode())
            with self.subTest(task=task):
                done = graft("sweep", config, "--backbone", self.write_vit(), "--device",
                             "reference:0", "--setting", "max-steps=1", "--out",
                             self.path("out-%d" % works))
                self.assertEqual(done.returncode, 0 if works else 2, done.stderr)
                self.assertEqual("task 'cub': unknown to the recipe convpass" in done.stderr,
                                 not works, done.stderr)

    def test_folder_named_like_a_preset(self):
        common = self.make("imagenet")
        os.mkdir(self.path("dg"))
        runs, _ = self.listed("dg", *common, "--method", "lora", cwd=self.folder)
        self.assertEqual(len(runs), 3)

    def test_dg(self):
        common = self.make("imagenet", "imagenetv2")
        runs, warnings = self.listed("dg", *common, "--method", "lora")
        self.assertEqual(runs, ["imagenet lora 16 shots seed %d" % s for s in range(3)])
        self.assertEqual(warnings.count("is left out"), 3)
        self.assertIn("imagenet_sketch is left out", warnings)


if __name__ == "__main__":
    unittest.main()
