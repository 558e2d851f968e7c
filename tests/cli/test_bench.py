"""graft bench: what it measures, and what it does not let pass."""
import json
import os
import unittest

from support import DOCS, CliTest, graft

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

    def test_inference_alone(self):
        if not has_device():
            self.skipTest(DEVICE + " is not there")
        run = graft("bench", "--device", DEVICE, "--suite", "infer", "--model", "vit_mini_patch8_64",
                    "--method", "lora", "--batch-size", "2", "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        d = json.loads(run.stdout)
        self.assertLessEqual(d["images_per_s_min"], d["images_per_s"])
        self.assertLessEqual(d["images_per_s"], d["images_per_s_max"])
        self.assertGreater(d["peak_process_mib"], 10)
        self.assertGreater(d["peak_device_mib"], 10)
        self.assertLess(d["share_of_peak"], 1.5)
        peaks = {r["name"]: r for r in d["devices"][0]["results"]}
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

    def test_bad_options(self):
        for words, told in [
                (["--suite", "ops", "--op", "sofmax"], "--op sofmax: unknown; the operators are"),
                (["--suite", "ops", "--op", "matmul", "--shape", "3x4"], "expected MxNxK"),
                (["--model", "vit_tiny_patch16_224"], "--model: needs --suite train"),
                (["--device", "null:0,null:0"], "--device null:0: is there twice")]:
            self.fails(2, "bench", *words, telling=[told])


if __name__ == "__main__":
    unittest.main(verbosity=2)
