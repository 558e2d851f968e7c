#!/usr/bin/env python3
"""Fine-tunes the bundled small ViT on generated images; a notebook as a script: each "# %%" begins a
cell, as editors and Jupytext know them. It takes about a minute on a CPU.

usage: finetune.py [OUT]    from the root of the source tree
"""
# %% Devices
import pathlib
import sys
import tempfile

import numpy as np

import graft

OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="graft-"))
BACKBONE = "models/vit-mini.safetensors"
for info in graft.devices():
    print(info.id, info.name)
device = graft.Device()

# %% A whole run, with a look at each step
losses = []


def look(progress):
    if not progress.evaluating:
        losses.append(progress.loss)
        if progress.step % 20 == 0:
            print(f"step {progress.step} of {progress.steps}: loss {progress.loss:.3f}")


result = graft.train(device, backbone=BACKBONE, data="dsprites:orientation", method="lora",
                     set={"lora.r": 4}, epochs=2, lr=2e-3, out=OUT / "lora", progress=look)
print(f"{result.trainable} parameters, accuracy {result.accuracy:.1%}")

# %% Predict: an array here; paths and PIL images are taken as well
model = graft.Model(device, BACKBONE, adapter=OUT / "lora/adapter.safetensors")
image = np.zeros((64, 64, 3), np.uint8)
image[20:44, 28:36] = 255
best = model.predict(image, k=3)[0]
for name, probability in zip(best.names, best.probabilities):
    print(f"class {name}: {probability:.1%}")

# %% Train step by step on the same backbone, which stays on the device once
trainer = graft.Trainer(device, model=model, classes=["lying", "upright"], method="ssf", batch_size=16)


def bars(count, size, seed):
    random = np.random.default_rng(seed)
    pixels, labels = np.zeros((count, size, size, 3), np.uint8), random.integers(0, 2, count, np.int32)
    for one, label in zip(pixels, labels):
        at = random.integers(8, size - 8)
        (one[:, at:at + 4] if label else one[at:at + 4, :])[:] = random.integers(100, 256)
    return pixels, labels


trainer.run((bars(16, trainer.image_size, seed) for seed in range(40)),
            callback=lambda step: print(f"step {step.step}: loss {step.loss:.3f}")
            if step.step % 10 == 0 else None)

# %% Adapters take turns
upright = trainer.adapter()
model.attach(upright)
pixels, labels = bars(8, 100, 99)
print("upright:", [p.name == ["lying", "upright"][label]
                   for p, label in zip(model.predict(pixels), labels)])
model.use(model.adapters[0])
print("orientation again:", model.classes, "classes")

# %% Compute of one's own: a line through points
graph = graft.Graph()
x, y = graph.input("x", (100, 1)), graph.input("y", (100, 1))
slope, shift = graph.parameter("slope", (1, 1)), graph.parameter("shift", (1,))
error = graft.ops.linear(x, slope, shift) - y
loss = graft.ops.mean(error * error)
fit = graft.Program(device, [loss], loss=loss, lr=0.05)
points = np.random.default_rng(0).random((100, 1), np.float32)
fit.write(x, points)
fit.write(y, 3 * points + 1)
for _ in range(400):
    fit.run()
print(f"y = {fit.read(slope)[0, 0]:.2f} x + {fit.read(shift)[0]:.2f}")
