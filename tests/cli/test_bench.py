"""graft bench: what it measures, and what it does not let pass."""
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

from support import DOCS, GRAFT, CliTest, graft

DEVICE = os.environ.get("GRAFT_TEST_DEVICES", "opencl:0").split(",")[0]


def has_device():
    listed = json.loads(graft("devices", "--json").stdout or "[]")
    return any(device["id"] == DEVICE for device in listed)


class Bench(CliTest):
    def check_schema(self, document):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        with open(os.path.join(DOCS, "bench.schema.json")) as file:
            jsonschema.validate(document, json.load(file))

    def test_inference_beside_a_busy_program(self):
        if not has_device():
            self.skipTest(DEVICE + " is not there")
        other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        run = graft("bench", "--device", DEVICE, "--suite", "infer", "--model", "vit_mini_patch8_64",
                    "--method", "lora", "--batch-size", "2", "--json",
                    "--profile", self.path("t.json"), *(["--report", self.path("p.html")] if shutil.which("gnuplot") else []))
        self.assertEqual(run.returncode, 0, run.stderr)
        if shutil.which("gnuplot"):
            with open(self.path("p.html")) as file:
                self.assertIn("Roofline of " + DEVICE, file.read())
        d = json.loads(run.stdout)
        with open(self.path("t.json")) as file:
            kernels = [e for e in json.load(file)["traceEvents"] if e.get("cat") == "kernel"]
        if d["devices"][0]["facts"]["timestamps"] == "yes":
            product = next(e for e in kernels if e["name"].startswith("matmul/"))
            self.assertGreater(product["args"]["flop"], 1e6)
            self.assertGreater(product["args"]["share_of_peak"], 0)
            self.assertGreater(product["dur"], 0)
        self.assertLessEqual(d["images_per_s_min"], d["images_per_s"])
        self.assertLessEqual(d["images_per_s"], d["images_per_s_max"])
        self.assertGreater(d["peak_process_mib"], 10)
        self.assertGreater(d["peak_device_mib"], 10)
        self.assertLess(d["share_of_peak"], 1.5)
        peaks = {r["name"]: r for r in d["devices"][0]["results"]}
        self.assertEqual([n for n, r in peaks.items() if not r["busy"]], [], "beside another program")
        self.assertIn("other programs kept the machine busy", " ".join(d["notes"]))
        self.assertGreater(peaks["multiply_add f32"]["gflops"], 0.1)
        self.assertIn("kernel.softmax", d["devices"][0]["facts"])
        self.check_schema(d)

    def test_wrong_results_have_no_speed(self):
        # The null device counts commands and runs none of them.
        run = graft("bench", "--device", "null:0", "--suite", "ops", "--op", "softmax", "--json")
        self.assertEqual(run.returncode, 1, run.stderr)
        d = json.loads(run.stdout)
        self.assertEqual(d["devices"][0]["results"], [])
        why = {f["name"]: f["why"] for f in d["devices"][0]["failures"]}
        self.assertIn("wrong result", why["softmax"])
        self.check_schema(d)

    def faulty(self, **env):
        """What graft bench says of a device whose driver runs nothing, without a word."""
        layer = os.environ.get("GRAFT_TEST_LAYER")
        if not layer or not DEVICE.startswith("opencl:") or not has_device():
            self.skipTest("no OpenCL device, or its headers know no layers")
        run = graft("bench", "--device", DEVICE, "--suite", "ops", "--op", "softmax", "--json",
                    env={"OPENCL_LAYERS": layer, **env})
        if run.returncode == 0:
            self.skipTest("the loader of OpenCL takes no layers")
        return run

    def test_a_faulty_driver_is_named_and_has_no_speed(self):
        # A driver that was good when it was tested, and is not any more.
        self.works("selftest", "--device", DEVICE)
        run = self.faulty()
        self.assertEqual(run.returncode, 1, run.stderr)
        device = json.loads(run.stdout)["devices"][0]
        self.assertEqual(device["results"], [])
        why = {f["name"]: f["why"] for f in device["failures"]}
        self.assertIn("dropped 1 submission", why["softmax"])
        self.assertIn("dropped 1 submission", why["multiply_add f32"])

    def test_devices_are_tested_before_they_are_measured(self):
        run = self.faulty(GRAFT_CACHE_DIR=self.path("cache"))
        self.assertEqual(run.returncode, 1, run.stdout)
        self.assertIn("failed its self-test:", run.stderr)
        self.assertEqual(json.loads(run.stdout)["error"]["kind"], "device or driver failure")

    def document(self, name, seconds, suite="ops", samples=9, more=()):
        """A file with a figure, of samples around these seconds."""
        result = {"suite": suite, "name": "gelu", "unit": "GB/s", "value": 1 / seconds,
                  "min": 0.99 / seconds, "max": 1.01 / seconds, "busy": False,
                  "samples": samples, "clean": samples}
        device = {"id": "opencl:0", "results": [result, *more], "failures": []}
        return self.write(name, json.dumps({"schema": 1, "devices": [device]}).encode())

    def test_comparison_tells_what_became_worse(self):
        before, after = self.document("before.json", 1.0), self.document("after.json", 1.1)
        near = self.document("near.json", 1.015)
        table = self.works("bench", "--compare", after, before)
        self.assertRegex(table, r"gelu.* 1\.10 +better")
        self.assertRegex(self.works("bench", "--compare", before, near), r"gelu.* same")
        self.fails(1, "bench", "--compare", before, after, telling=["1 figure is worse"])
        few = self.document("few.json", 1.1, samples=2)
        self.assertRegex(self.works("bench", "--compare", before, few), r"gelu.* unsure")
        newer = self.write("newer.json", b'{"schema": 99, "devices": []}')
        self.fails(1, "bench", "--compare", before, newer, telling=["newer.json", "version 99"])
        self.fails(2, "bench", "--compare", before, telling=["needs two files"])

    def test_comparison_keeps_suites_apart(self):
        def figure(value):
            return {"suite": "quick", "name": "gelu", "unit": "GB/s", "value": value, "min": value,
                    "max": value, "busy": False, "samples": 9, "clean": 9}
        before = self.document("before.json", 1.0, more=[figure(5)])
        after = self.document("after.json", 1.0, more=[figure(5.01)])
        table = self.works("bench", "--compare", before, after)
        self.assertEqual(len([line for line in table.splitlines() if " same" in line]), 2, table)
        # One that only the other file's quick suite has is found there.
        quick = self.document("quick.json", 1.0, suite="quick")
        plain = self.document("plain.json", 1.0)
        self.assertRegex(self.works("bench", "--compare", quick, plain), r"gelu.* same")

    def test_page_and_trace(self):
        run = graft("bench", "--device", "null:0", "--suite", "ops", "--op", "conv2d", "--profile",
                    self.path("t.json"), *(["--report", self.path("p.html")]
                                           if shutil.which("gnuplot") else []))
        self.assertEqual(run.returncode, 1, run.stderr)
        with open(self.path("t.json")) as file:
            events = json.load(file)["traceEvents"]
        self.assertTrue(all(e["ph"] == "M" or e["dur"] >= 0 for e in events), events)
        self.assertIn("prepare and check conv2d", [e["name"] for e in events])
        if not shutil.which("gnuplot"):
            self.skipTest("gnuplot is not installed")
        with open(self.path("p.html")) as file:
            page = file.read()
        self.assertIn("wrong result", page)
        self.assertNotRegex(page, r"<script|<link|<iframe")

    def test_page_of_three_devices_opens_in_a_browser(self):
        files = sorted(glob.glob(os.path.join(DOCS, "..", "bench", "results", "*.json")))
        self.assertTrue(files)
        if not shutil.which("gnuplot"):
            self.skipTest("gnuplot is not installed")
        page = self.path("p.html")
        graft("bench", "--compare", *files, "--report", page)
        with open(page) as file:
            text = file.read()
        ids = set()
        for path in files:
            with open(path) as file:
                ids |= {d["id"] for d in json.load(file)["devices"]}
        self.assertGreaterEqual(len(ids), 3)
        for device in ids:
            self.assertIn(device, text)
        self.assertNotRegex(text, r"(src|href)=.https?:|@import|url\(")
        browser = shutil.which("chromium") or shutil.which("chromium-browser")
        if not browser:
            self.skipTest("chromium is not installed")
        run = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu",
                              "--user-data-dir=" + self.path("profile"), "--enable-logging=stderr",
                              "--dump-dom", "file://" + page], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=120)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertNotIn("CONSOLE", run.stderr)
        self.assertEqual(run.stdout.count("<svg"), text.count("<svg"))
        self.assertGreaterEqual(text.count("<svg"), 3)

    def test_an_interrupt_ends_a_preparation(self):
        # The reference takes minutes for such a model; what the null device cannot do comes first.
        child = subprocess.Popen(
            [GRAFT, "bench", "--device", "null:0", "--suite", "infer", "--model",
             "vit_base_patch16_224", "--json", self.path("f.json")], stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
            env={**os.environ, "GRAFT_LOG": "error"})
        time.sleep(3)
        child.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, errors = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130, errors)
        self.assertLess(time.monotonic() - began, 20)
        with open(self.path("f.json")) as file:
            d = json.load(file)
        self.assertTrue(d["interrupted"])
        self.assertIn("copy", [f["name"] for f in d["devices"][0]["failures"]])
        self.check_schema(d)

    def test_bad_options(self):
        for words, told in [
                (["--suite", "ops", "--op", "sofmax"], "--op sofmax: unknown; the operators are"),
                (["--suite", "ops", "--op", "matmul", "--shape", "3x4"], "expected MxNxK"),
                (["--model", "vit_tiny_patch16_224"], "--model: needs --suite train"),
                (["--device", "null:0,null:0"], "--device null:0: is there twice")]:
            self.fails(2, "bench", *words, telling=[told])


if __name__ == "__main__":
    unittest.main(verbosity=2)
