"""graft train as several processes, which mpirun starts."""
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from support import GRAFT, CliTest

MPIRUN = shutil.which("mpirun.openmpi")
MODULE = os.path.join(os.environ.get("GRAFT_MODULE_DIR", ""), "libgraft-openmpi.so")
# MPI libraries are unloaded before what they keep can be told from leaks of graft.
SANITIZER = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
ENV = {**os.environ, "ASAN_OPTIONS": SANITIZER, "OMPI_ALLOW_RUN_AS_ROOT": "1",
       "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_btl": "self,vader", "GRAFT_LOG": "error"}


def graft_lines(text):
    return [line for line in text.splitlines() if line.startswith("graft: ")]


@unittest.skipUnless(MPIRUN and os.path.exists(MODULE), "Open MPI is missing: mpirun, or its module")
class Mpi(CliTest):
    def setUp(self):
        super().setUp()
        self.write_vit(depth=2)
        self.photos = self.write_images(count=6)

    def arguments(self, out, *more):
        return ["train", "--backbone", self.path("vit.safetensors"), "--data", self.photos,
                "--method", "lora", "--batch-size", "5", "--epochs", "2", "--lr", "0.01",
                "--out", self.path(out), *more]

    def launch(self, ranks, *arguments, **options):
        return subprocess.Popen([MPIRUN, "--oversubscribe", "-n", str(ranks), GRAFT, *arguments],
                                env=ENV, text=True, stdin=subprocess.DEVNULL, cwd=self.folder,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def ended(self, process):
        output, errors = process.communicate(timeout=120)
        return process.returncode, output, errors

    def losses(self, out):
        with open(self.path(out, "metrics.jsonl"), encoding="utf-8") as file:
            return [json.loads(line)["loss"] for line in file]

    def test_equals_one_process(self):
        self.works(*self.arguments("one", "--device", "reference:0"))
        arguments = self.arguments("two", "--device", "reference:0", "--share-device", "--json")
        code, output, errors = self.ended(self.launch(2, *arguments))
        self.assertEqual(code, 0, errors)
        self.assertEqual(json.loads(output)["steps"], 6)  # of rank 0 alone
        for one, two in zip(self.losses("one"), self.losses("two")):
            self.assertAlmostEqual(one, two, delta=1e-5)

    def test_apis_mix(self):
        devices = [line.split()[0] for line in self.works("devices").splitlines() if ":" in line.split()[0]]
        pair = [next((d for d in devices if d.startswith(api)), None) for api in ("opencl:", "vulkan:")]
        if None in pair:
            self.skipTest("OpenCL and Vulkan are not both there")
        self.works(*self.arguments("one", "--device", pair[0]))
        code, _, errors = self.ended(self.launch(2, *self.arguments("mixed", "--device", ",".join(pair))))
        self.assertEqual(code, 0, errors)
        for one, mixed in zip(self.losses("one"), self.losses("mixed")):
            self.assertAlmostEqual(one, mixed, delta=1e-4)  # two devices' rounding

    def test_bad_launches(self):
        for telling, more in (("both have reference:0", ["--device", "reference:0"]),
                              ("is of one process", ["--dry-run"])):
            code, _, errors = self.ended(self.launch(2, *self.arguments("bad", *more)))
            self.assertNotEqual(code, 0)
            told = graft_lines(errors)
            self.assertEqual(len(told), 2, errors)  # one line of each rank
            for line in told:
                self.assertIn(telling, line)
        self.assertFalse(os.path.exists(self.path("bad")))

    def test_killed_rank_ends_the_job(self):
        arguments = self.arguments("killed", "--device", "reference:0", "--share-device",
                                   "--epochs", "100000")
        job = self.launch(2, *arguments)
        while not os.path.exists(self.path("killed", "checkpoint", "state.safetensors")):
            self.assertIsNone(job.poll(), "ended by itself")
            time.sleep(0.05)
        ranks = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(job.pid)], text=True,
                               stdout=subprocess.PIPE, check=True).stdout.split()
        victim = int(ranks[-2])
        began = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        code, _, errors = self.ended(job)
        self.assertNotEqual(code, 0)
        self.assertLess(time.monotonic() - began, 20.0)
        self.assertIn("signal 9", errors)
        arguments += ["--resume", "--max-steps", "1"]
        self.works(*arguments)  # alone

    def test_without_the_module(self):
        for variable, name in (("OMPI_COMM_WORLD_SIZE", "Open MPI"), ("PMI_SIZE", "MPICH")):
            self.fails(2, *self.arguments("none"), telling=["2 processes", "no module for " + name],
                       env={variable: "2", "GRAFT_MODULE_DIR": self.folder})
        self.works(*self.arguments("alone", "--device", "reference:0"),
                   env={"OMPI_COMM_WORLD_SIZE": "1"})


if __name__ == "__main__":
    unittest.main()
