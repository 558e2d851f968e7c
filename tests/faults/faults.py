"""A small training run on a device that a layer makes misbehave (fault.h), and what becomes of it."""
import os
import shutil
import subprocess

from support import GRAFT, png, safetensors, tiny_vit

import sys

LAYERS = os.path.abspath(sys.argv.pop(1))


def environment(kind=None, n=0, made=None):
    env = {**os.environ, "GRAFT_LOG": "warn", "GRAFT_DISABLE": "selftest"}
    if kind:
        env.update(GRAFT_FAULT="%s:%d" % (kind, n), GRAFT_FAULT_MADE=made or "",
                   OPENCL_LAYERS=os.path.join(LAYERS, "libgraft-faults-opencl.so"),
                   VK_LAYER_PATH=LAYERS, VK_INSTANCE_LAYERS="VK_LAYER_GRAFT_faults")
    return env


class Session:
    """Inputs, and the adapter that a run leaves when nothing happens."""

    def __init__(self, folder, device, method="lora", steps=3):
        self.folder, self.device = folder, device
        self.method, self.steps = method, steps
        self.vit = self.write("vit.safetensors", safetensors(tiny_vit(), {"graft.heads": "2"}))
        for i in range(4):
            self.write("photos/train/dark/%d.png" % i, png(20, 16, (10 * i, 20, 0)))
            self.write("photos/train/light/%d.png" % i, png(16, 20, (200, 255 - i, 250)))
        self.clean = self.path("clean")
        done = self.train(self.clean)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        self.expected = self.adapter(self.clean)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, data):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def adapter(self, out):
        with open(os.path.join(out, "adapter.safetensors"), "rb") as file:
            return file.read()

    def graft(self, *args, env=None):
        return subprocess.run([GRAFT, *args], env=env or environment(), text=True, timeout=240,
                              stdin=subprocess.DEVNULL, capture_output=True)

    def train(self, out, *more, env=None):
        return self.graft("train", "--backbone", self.vit, "--data", self.path("photos"), "--method",
                          self.method, "--batch-size", "4", "--max-steps", str(self.steps),
                          "--checkpoint-every", "1", "--test-split", "", "--device", self.device,
                          "--out", out, *more, env=env)

    def run(self, kind, n, *more):
        """The run with a fault: (whether it was made, what the command said)."""
        made, out = self.path("made"), self.path("out")
        shutil.rmtree(out, ignore_errors=True)
        if os.path.exists(made):
            os.remove(made)
        done = self.train(out, *more, env=environment(kind, n, made))
        return os.path.exists(made), done

    def survives(self, kind, n):
        """Whether the fault was made, and "as if nothing", "failed, resumed" or what is WRONG."""
        made, done = self.run(kind, n)
        out, self.said = self.path("out"), done.stderr
        if done.returncode == 0:
            same = self.adapter(out) == self.expected
            return made, "as if nothing had happened" if same else "WRONG: another adapter"
        lines = [line for line in done.stderr.splitlines() if line.startswith("graft: ")]
        if done.returncode not in (1, 2, 3) or not lines:
            return made, "WRONG: exit code %d: %s" % (done.returncode, done.stderr[-300:])
        going_on = os.path.isdir(os.path.join(out, "checkpoint"))
        again = self.train(out, *(["--resume"] if going_on else []))
        if again.returncode != 0:
            return made, "WRONG: cannot go on: " + again.stderr[-300:]
        if self.adapter(out) != self.expected:
            return made, "WRONG: goes on to another adapter"
        return made, "failed and resumed" if going_on else "failed before the first step"
