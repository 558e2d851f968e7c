"""The package graft as a user of Python meets it: results, refusals, threads, and what is left behind."""
import gc
import logging
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

import numpy as np

from support import GRAFT, CliTest, png

import graft

try:
    from PIL import Image
except ImportError:
    Image = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEVICES = ["reference:0"] + [d for d in os.environ.get("GRAFT_TEST_DEVICES", "opencl:0").split(",")
                             if d in [info.id for info in graft.devices()]][:1]
DEVICE = DEVICES[-1]


class PackageTest(CliTest):
    def setUp(self):
        super().setUp()
        self.device = graft.Device(DEVICE)
        self.addCleanup(self.device.close)

    def settings(self, **more):
        """Of a run of six steps on two classes."""
        return {"backbone": self.write_vit(), "data": self.write_images(), "method": "lora",
                "out": self.path("run"), "epochs": 2, "batch_size": 4, **more}

    def refuses(self, kind, words, function, *args, **kwargs):
        with self.assertRaises(kind) as caught:
            function(*args, **kwargs)
        text = str(caught.exception)
        self.assertEqual(len(text.splitlines()), 1, text)
        for word in words:
            self.assertIn(word, text)

    def model(self, **more):
        if not os.path.exists(self.path("run")):
            graft.train(self.device, **self.settings())
        return graft.Model(self.device, self.path("vit.safetensors"),
                           adapter=self.path("run/adapter.safetensors"), **more)

    def trainer(self, **more):
        return graft.Trainer(self.device, **{"backbone": self.write_vit(), "classes": 2,
                                             "batch_size": 4, "method": "lora", **more})


def batch(count=4, size=16, seed=0):
    random = np.random.default_rng(seed)
    return (random.integers(0, 256, (count, size, size, 3), np.uint8),
            (np.arange(count) % 2).astype(np.int32))


class Training(PackageTest):
    def test_each_step_is_told(self):
        seen = []
        result = graft.train(self.device, progress=seen.append, **self.settings())
        steps = [p for p in seen if not p.evaluating]
        self.assertEqual([p.step for p in steps], [1, 2, 3, 4, 5, 6])
        self.assertEqual((steps[0].steps, steps[0].epochs, steps[-1].epoch), (6, 2, 2))
        self.assertIsNone(steps[0].accuracy)
        self.assertEqual(result.steps, 6)
        self.assertEqual(result.loss, steps[-1].loss)
        self.assertFalse(result.stopped)
        self.assertGreaterEqual(result.best_accuracy, result.accuracy)

    def test_stops_and_goes_on(self):
        """False, an exception and Ctrl-C end a run with a checkpoint; what follows is as if not."""
        whole = graft.train(self.device, **self.settings(out=self.path("whole")))
        found = graft.train(self.device, progress=lambda p: p.step != 1, **self.settings())
        self.assertTrue(found.stopped)
        self.assertEqual(found.steps, 1)
        mine = RuntimeError("mine")

        def fails(progress):
            if progress.step == 2:
                raise mine
        with self.assertRaises(RuntimeError) as caught:
            graft.train(self.device, progress=fails, **self.settings(resume=True))
        self.assertIs(caught.exception, mine)

        def interrupts(progress):
            if progress.step == 3:
                signal.raise_signal(signal.SIGINT)
        with self.assertRaises(KeyboardInterrupt):
            graft.train(self.device, progress=interrupts, **self.settings(resume=True))
        rest = graft.train(self.device, **self.settings(resume=True))
        self.assertEqual((rest.steps, rest.loss), (6, whole.loss))

    def test_interrupt_without_a_callback(self):
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with self.assertRaises(KeyboardInterrupt):
            graft.train(self.device, **self.settings(epochs=1000000))
        self.assertTrue(graft.train(self.device, progress=lambda p: False,
                                    **self.settings(epochs=1000000, resume=True)).stopped)

    def test_settings_are_refused(self):
        train = graft.train
        self.refuses(TypeError, ["methd", "did you mean method?"], train, self.device,
                     **{"methd": "lora"})
        self.refuses(graft.ArgumentError, ["lr=fast", "number from 0"], train, self.device,
                     **self.settings(lr="fast"))
        self.refuses(graft.ArgumentError, ["lora.q"], train, self.device,
                     **self.settings(set={"lora.q": 4}))
        self.refuses(graft.ArgumentError, ["warmup_epochs 9"], train, self.device,
                     **self.settings(warmup_epochs=9))
        self.refuses(graft.IOFailure, ["nowhere.safetensors"], train, self.device,
                     **self.settings(backbone=self.path("nowhere.safetensors")))
        self.refuses(TypeError, ["needs a recipe"], train, self.device, **self.settings(task="cifar"))
        self.assertFalse(os.path.exists(self.path("run")))

    def test_estimate(self):
        settings = self.settings(out=None, keep_features=0)  # every step counts
        found = graft.estimate(self.device, **settings)
        self.assertEqual((found.images, found.test_images, found.steps, found.batch_size), (12, 12, 6, 4))
        self.assertGreater(found.seconds, 6 * found.step_seconds)
        self.assertGreater(found.device_bytes, 4 * found.trainable)
        self.assertEqual(self.device.memory_bytes, 0)
        self.assertEqual(graft.estimate(self.device, **{**settings, "test_split": ""}).test_images, 0)
        self.refuses(graft.ArgumentError, ["data"], graft.estimate, self.device,
                     **{**settings, "data": None})

    def test_check_resume(self):
        settings = self.settings(max_steps=1)
        graft.check_resume(**settings)  # there is nothing yet
        graft.train(self.device, **settings)
        graft.check_resume(**settings)
        self.refuses(graft.ArgumentError, ["other train images"], graft.check_resume,
                     **{**settings, "train_split": "test"})

    def test_recipes_lie_beneath(self):
        names = [recipe.name for recipe in graft.recipes()]
        self.assertIn("convpass", names)
        described = graft.describe(recipe="convpass", task="cifar", epochs=30, set={"convpass.h": 4})
        self.assertEqual(described["epochs"], 30)
        self.assertEqual(described["method"], "convpass")
        self.assertIn("convpass.h=4", described["set"])

    def test_messages_go_to_the_logger(self):
        with self.assertLogs("graft", logging.INFO) as logs:
            device = graft.Device(DEVICE)  # it has the logger's level
            graft.train(device, **self.settings(batch_size=64))
            device.close()
        self.assertTrue(any("instead of 64" in line for line in logs.output), logs.output)


class Steps(PackageTest):
    def test_steps_are_those_of_a_run(self):
        batches = [batch(seed=i) for i in range(5)]
        one, other = self.trainer(), self.trainer()
        losses = [one.step(*b).loss for b in batches]
        told = []
        self.assertTrue(other.run(iter(batches), callback=lambda r: told.append(r.loss)))
        self.assertEqual(told, losses)
        self.assertFalse(other.run(iter(batches), callback=lambda r: False))
        self.assertLess(losses[0], 10)
        images = np.zeros((3, 3, 16, 16), np.float32)
        self.assertEqual(one.logits(images).shape, (3, 2))

    def test_gradients_by_hand(self):
        one, other = self.trainer(method="linear"), self.trainer(method="linear")
        one.step(*batch())
        other.gradients(*batch())
        gradients = other.read_gradients()
        self.assertEqual(gradients.shape, (other.trainable,))
        self.assertEqual(sum(s.stop - s.start for s in other.tensors().values()), other.trainable)
        other.write_gradients(gradients)
        other.update()
        self.assertEqual(one.save_state(), other.save_state())
        third = self.trainer(method="linear")
        third.load_state(one.save_state())
        one.save_checkpoint(self.path("state.safetensors"))
        fourth = self.trainer(method="linear")
        fourth.load_checkpoint(self.path("state.safetensors"))
        self.assertEqual(fourth.save_state(), one.save_state())
        self.assertEqual((one.steps, fourth.steps), (1, 1))
        self.assertEqual(one.evaluate([batch(), batch(seed=1)]).images, 8)
        images = np.ones((1, 3, 16, 16), np.float32)
        self.assertEqual(third.logits(images).tolist(), one.logits(images).tolist())

    def test_budget(self):
        trainer, whole, calls = self.trainer(), self.trainer(), 1
        images, labels = batch()
        while not (result := trainer.step(images, labels, milliseconds=0.001)).done:
            self.assertTrue(np.isnan(result.loss))
            calls += 1
        self.assertGreater(calls, 1)
        self.assertEqual(result.loss, whole.step(images, labels).loss)

    def test_images_of_the_device(self):
        model, images = self.model(), np.random.default_rng(2).random((4, 3, 16, 16), np.float32)
        buffer, out = graft.Buffer(self.device, images.nbytes), graft.Buffer(self.device, 64)
        buffer.write(images)
        model.run_on_device("logits", graft.DeviceImages(buffer), 4, out)
        np.testing.assert_array_equal(out.read(np.empty((4, 2), np.float32)), model.logits(images))
        one, other, labels = self.trainer(), self.trainer(), np.array([0, 1, 1, 0], np.int32)
        losses = [one.step(images, labels).loss, other.step(graft.DeviceImages(buffer), labels).loss]
        self.assertEqual(losses[0], losses[1])
        np.testing.assert_array_equal(other.logits_on_device(graft.DeviceImages(buffer), 4),
                                      one.logits(images))

    def test_pictures_of_any_size(self):
        pixels, labels = batch()
        self.assertEqual(self.trainer().step(list(pixels), labels).loss,
                         self.trainer().step(pixels, labels).loss)

    def test_what_batches_raise(self):
        trainer = self.trainer()

        def fails():
            yield batch()
            raise LookupError("no more pictures")
        self.refuses(LookupError, ["no more pictures"], trainer.run, fails())

        def wrong():
            yield batch()
            yield batch(size=8)
        self.refuses(graft.ShapeError, ["[4, 16, 16, 3]", "[4, 8, 8, 3]"], trainer.run, wrong())

        def interrupted(result):
            signal.raise_signal(signal.SIGINT)
        with self.assertRaises(KeyboardInterrupt):
            trainer.run((batch() for _ in range(9)), callback=interrupted)
        self.assertGreater(trainer.step(*batch()).step, 1)

    def test_batches_are_refused(self):
        trainer, (images, labels) = self.trainer(), batch()
        self.refuses(graft.ShapeError, ["labels", "int64", "astype(numpy.int32)"], trainer.step,
                     images, labels.astype(np.int64))
        self.refuses(graft.ShapeError, ["images", "expected shape"], trainer.step, images[:3], labels)
        self.refuses(graft.ShapeError, ["images", "float64"], trainer.step,
                     np.zeros((4, 3, 16, 16)), labels)
        self.refuses(graft.ShapeError, ["images", "ascontiguousarray"], trainer.step,
                     images.transpose(0, 2, 1, 3), labels)
        self.refuses(TypeError, ["image 0", "list"], trainer.step, images.tolist(), labels)
        self.refuses(graft.ShapeError, ["3 for 4 labels"], trainer.step, list(images[:3]), labels)
        self.refuses(graft.ArgumentError, ["label"], trainer.step, images, labels + 5)
        self.refuses(graft.ArgumentError, ["8"], trainer.step, *batch(count=8))
        self.assertTrue(trainer.step(images, labels).done)

    def test_on_a_resident_backbone(self):
        with self.model() as model:
            trainer = graft.Trainer(self.device, model=model, classes=["left", "right"],
                                    batch_size=4, method="ssf")
            trainer.step(*batch())
            model.attach(adapter := trainer.adapter())
            self.assertEqual(adapter.class_names, ["left", "right"])
            self.assertEqual(model.class_names, ["left", "right"])
            expected = trainer.logits(np.ones((2, 3, 16, 16), np.float32))
            found = model.logits(np.ones((2, 3, 16, 16), np.float32))
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        self.refuses(graft.ArgumentError, ["trainer: closed"], trainer.update)


class Models(PackageTest):
    def test_predicts_what_the_command_does(self):
        model = self.model()
        light = self.path("photos/test/light/0.png")
        from_file, = model.predict(light)
        self.assertEqual(sorted(from_file.names), ["dark", "light"])
        self.assertEqual(from_file.image, light)
        told = self.works("predict", "--backbone", self.path("vit.safetensors"), "--adapter",
                          self.path("run/adapter.safetensors"), "--device", DEVICE, light)
        self.assertIn(from_file.name, told)
        image = np.empty((20, 16, 3), np.uint8)
        image[:] = (200, 255, 250)
        given = [image] if Image is None else [image, Image.fromarray(image), Image.open(light)]
        for found in model.predict(given):
            self.assertEqual(found.names, from_file.names)
            np.testing.assert_allclose(found.probabilities, from_file.probabilities, rtol=1e-5)
        self.assertEqual(len(model.predict(self.path("photos/test"), k=1)), 12)
        self.assertGreaterEqual(model.evaluate(self.path("photos")).accuracy, 0)
        self.refuses(graft.Error, ["nothing.png"], model.predict, self.path("nothing.png"))

    def test_parts_of_arrays_are_taken_where_they_lie(self):
        model = self.model()
        image = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
        part = image[5:30, 10:40]
        self.assertFalse(part.flags.c_contiguous)
        np.testing.assert_array_equal(model.logits(part), model.logits(part.copy()))

    def test_images_are_refused(self):
        model = self.model()
        image = np.zeros((20, 30, 3), np.uint8)
        for bad, words in ((image[:, ::-1], "ascontiguousarray"), (image[::-1], "ascontiguousarray"),
                           (image.transpose(1, 0, 2), "ascontiguousarray"), (image[:, :, :1], "3 or 4"),
                           (image[:0], "ascontiguousarray"), (image.astype(np.int16), "int16"),
                           (np.zeros((1, 3, 8, 8), np.float32), "[any, 3, 16, 16]"),
                           (np.zeros((1, 3, 16, 16)), "float64")):
            self.refuses(graft.ShapeError, [words], model.logits, bad)
        self.refuses(TypeError, ["image 1", "int"], model.logits, [image, 7])

    def test_adapters_take_turns(self):
        model, images = self.model(batch_size=2), np.ones((3, 3, 16, 16), np.float32)
        first = model.logits(images)
        data = pathlib.Path(self.path("run/adapter.safetensors")).read_bytes()
        other = graft.Adapter(data)
        self.assertEqual((other.methods, other.classes, other.image_size), ("lora", 2, 16))
        self.assertEqual(other.to_bytes(), graft.Adapter(self.path("run/adapter.safetensors")).to_bytes())
        model.attach(other)
        del data
        np.testing.assert_array_equal(model.logits(images), first)
        self.assertEqual(len(model.adapters), 2)
        model.use(model.adapters[0])
        model.detach(other)
        self.refuses(graft.ArgumentError, [], model.use, other)
        self.refuses(graft.ArgumentError, ["lora"], graft.combine, [other, other])
        self.refuses(graft.FormatError, [], graft.Adapter, b"nothing of the kind")
        self.assertEqual(model.features(images).shape, (3, 16))
        np.testing.assert_allclose(model.probabilities(images).sum(1), 1, rtol=1e-5)

    def test_merged(self):
        model = self.model()
        merged = self.write("merged.safetensors", model.merge())
        graft.merge(self.path("vit.safetensors"), self.path("run/adapter.safetensors"),
                    self.path("same.safetensors"))
        self.assertEqual(graft.inspect(merged).tensors,
                         graft.inspect(self.path("same.safetensors")).tensors)
        self.assertEqual(graft.inspect(merged).facts["heads"], ("2", "metadata"))
        self.refuses(graft.ArgumentError, ["type 'f8'", "bf16"], model.merge, "f8")
        images = np.ones((1, 3, 16, 16), np.float32)
        plain = graft.Model(self.device, merged)
        self.refuses(graft.ArgumentError, ["attach"], plain.logits, images)
        plain.attach(None)
        np.testing.assert_allclose(plain.logits(images), model.logits(images), rtol=1e-4, atol=1e-5)


class Graphs(PackageTest):
    def test_product(self):
        random = np.random.default_rng(1)
        a, b = (random.random(shape, np.float32) for shape in ((5, 7), (7, 3)))
        graph = graft.Graph()
        x, y = graph.input("a", a.shape), graph.constant("b", b)
        z = graft.ops.softmax(x @ y)
        program = graft.Program(self.device, [z])
        program.write(x, a)
        program.run()
        e = np.exp(a @ b)
        np.testing.assert_allclose(program.read(z), e / e.sum(1, keepdims=True), rtol=1e-5)
        self.assertEqual((z.shape, z.dtype, x.name), ((5, 3), np.float32, "a"))
        buffer = graft.Buffer(self.device, a.nbytes)
        buffer.write(2 * a)
        program.bind(x, buffer)
        program.run()
        e = np.exp(2 * a @ b)
        np.testing.assert_allclose(program.read(z), e / e.sum(1, keepdims=True), rtol=1e-5)
        np.testing.assert_array_equal(buffer.read(np.empty_like(a)), 2 * a)
        self.refuses(graft.ShapeError, ["a", "[5, 7]"], program.write, x, b)
        self.refuses(graft.ShapeError, ["a", "float64"], program.write, x, a.astype(float))
        self.refuses(graft.ShapeError, ["contiguous"], program.write, x, np.asfortranarray(a))
        self.refuses(graft.ArgumentError, [], buffer.write, a, 64)
        fixed = np.empty((5, 3), np.float32)
        fixed.flags.writeable = False
        self.refuses(graft.ShapeError, ["read-only"], program.read, z, fixed)

    def test_training(self):
        """A line through points, by the loss and by an update of its own."""
        graph = graft.Graph()
        x, y = graph.input("x", (8, 1)), graph.input("y", (8, 1))
        w = graph.parameter("w", (1, 1))
        error = graft.ops.linear(x, w) - y
        loss = graft.ops.mean(error * error)
        slope, = graph.gradients(loss, [w])
        program = graft.Program(self.device, [loss], assignments={w: w - slope * 0.5})
        points = np.linspace(-1, 1, 8, dtype=np.float32)[:, None]
        program.write(x, points)
        program.write(y, 3 * points)
        for _ in range(30):
            program.run()
        np.testing.assert_allclose(program.read(w), [[3]], rtol=1e-3)
        adam = graft.Program(self.device, [loss], loss=loss, lr=0.1)
        adam.write(x, points)
        adam.write(y, 3 * points)
        adam.run()
        np.testing.assert_allclose(adam.read(w), [[0.1]], rtol=1e-3)

    def test_errors_of_building(self):
        graph = graft.Graph()
        x, y = graph.input("x", (2, 3)), graph.input("y", (4, 5))
        self.refuses(graft.Error, ["2, 3", "4, 5"], graft.ops.matmul, x, y)
        self.refuses(graft.Error, [], graft.ops.relu, x)  # the first error stays
        self.refuses(graft.ArgumentError, ["float64"], graft.Graph().input, "x", (2,), "float64")
        self.refuses(graft.Error, [], graft.ops.permute, graft.Graph().input("x", (2, 3)), [0])
        self.refuses(graft.Error, [], graft.Graph().input, "x", (1,) * 9)

    def test_values_outlive_their_order(self):
        """Graph, program and device may go in any order."""
        graph = graft.Graph()
        x = graph.input("x", (4,))
        y = graft.ops.relu(x)
        program = graft.Program(self.device, [y])
        graph.close()
        self.refuses(graft.ArgumentError, ["graph: closed"], program.read, y)
        self.device.close()
        self.refuses(graft.ArgumentError, ["program: closed"], program.run)


class Lives(PackageTest):
    def test_closed_device(self):
        model, trainer = self.model(), self.trainer()
        buffer = graft.Buffer(self.device, 64)
        self.device.close()
        self.device.close()
        self.assertTrue(model.closed and trainer.closed and buffer.closed)
        for function, args in ((model.predict, (np.zeros((4, 4, 3), np.uint8),)),
                               (model.attach, (None,)), (trainer.step, batch()),
                               (trainer.save_state, ()), (buffer.write, (np.zeros(4, np.float32),)),
                               (self.device.wait, ()), (graft.Model, (self.device, "x")),
                               (graft.Buffer, (self.device, 64))):
            self.refuses(graft.ArgumentError, ["closed"], function, *args)
        self.refuses(graft.ArgumentError, ["device: closed"], graft.train, self.device,
                     **self.settings())

    def test_closed_in_a_callback(self):
        self.refuses(graft.ArgumentError, ["device: in use"], graft.train, self.device,
                     progress=lambda p: self.device.close(), **self.settings())
        self.assertFalse(self.device.closed)

    def test_nothing_is_left(self):
        """Dropped in any order, in circles and by callbacks: the device is empty again."""
        model = self.model()
        device, self.device = graft.Device(DEVICE), None
        self.assertEqual(device.memory_bytes, 0)
        for turn in range(3):
            model = graft.Model(device, self.path("vit.safetensors"),
                                adapter=self.path("run/adapter.safetensors"))
            trainer = graft.Trainer(device, model=model, classes=2, batch_size=4, method="lora")
            model.friend, trainer.friend, kept = trainer, model, [trainer]
            kept.append(kept)
            trainer.run([batch()], callback=lambda r: gc.collect())
            with self.assertRaises(ZeroDivisionError):
                trainer.run([batch()], callback=lambda r: 1 // 0)
            self.assertGreater(device.memory_bytes, 0)
            del model, trainer, kept
            gc.collect()
            self.assertEqual(device.memory_bytes, 0)
        device.close()

    def test_collected_while_at_work(self):
        """What is dropped in a callback goes after the call."""
        held = [graft.Buffer(self.device, 1 << 20)]
        seen = []

        def drop(progress):
            held.clear()
            seen.append(self.device.memory_bytes)
        graft.train(self.device, progress=drop, **self.settings())
        self.assertGreater(min(seen), 1 << 20)
        self.assertEqual(self.device.memory_bytes, 0)

    def test_end_of_the_interpreter(self):
        """All is open at the end, and a thread is at work."""
        self.model()
        code = """
import graft, threading, time, numpy
device = graft.Device(%r)
model = graft.Model(device, %r, adapter=%r)
graph = graft.Graph(); x = graph.input("x", (4,)); program = graft.Program(device, [graft.ops.relu(x)])
images = numpy.ones((8, 3, 16, 16), numpy.float32)
def work():
    while True: model.logits(images)
threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
""" % (DEVICE, self.path("vit.safetensors"), self.path("run/adapter.safetensors"))
        done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Threads(PackageTest):
    def test_interpreter_runs_on(self):
        """While a device works other threads do, too: the reference takes its time for a product."""
        device, graph, n = graft.Device("reference:0"), graft.Graph(), 600
        x, y = graph.input("x", (n, n)), graph.input("y", (n, n))
        program = graft.Program(device, [z := x @ y])
        for value in (x, y):
            program.write(value, np.ones((n, n), np.float32))
        times, ticks = [], []

        def work():
            for call in (lambda: None, program.run, lambda: program.read(z)):
                call()
                times.append(time.monotonic())
        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive():
            ticks.append(time.monotonic())
            time.sleep(0.001)
        _, began, ended = max((after - before, before, after) for before, after in zip(times, times[1:]))
        self.assertGreater(sum(began < tick < ended for tick in ticks), 5, times)

    def test_two_devices_side_by_side(self):
        """Each run waits in its steps for the other one's."""
        meeting, results, settings = threading.Barrier(2, timeout=20), {}, self.settings(test_split="")

        def work(name, id):
            with graft.Device(id) as device:
                results[name] = graft.train(device, progress=lambda p: meeting.wait() and None,
                                            **{**settings, "out": self.path(name)})
        threads = [threading.Thread(target=work, args=pair)
                   for pair in (("one", DEVICES[0]), ("two", DEVICES[-1]))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({r.steps for r in results.values()}, {6})
        self.assertAlmostEqual(results["one"].loss, results["two"].loss, places=4)

    def test_one_device_takes_turns(self):
        model, images = self.model(), np.ones((2, 3, 16, 16), np.float32)
        expected, wrong = model.logits(images), []

        def work():
            for _ in range(20):
                if not np.array_equal(model.logits(images), expected):
                    wrong.append(1)
                graft.Buffer(self.device, 4096)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class Package(PackageTest):
    def test_version_that_does_not_fit(self):
        compiler = os.environ.get("CC", "cc").split()
        source = self.write("other.c", b"unsigned graft_version(void) { return 0x000200; }\n"
                            b'const char *graft_version_text(void) { return "0.2.0"; }\n')
        shim = self.path("other.so")
        subprocess.run([*compiler, "-shared", "-fPIC", "-o", shim, source], check=True)
        preload = ":".join(filter(None, (os.environ.get("LD_PRELOAD"), shim)))
        done = subprocess.run([sys.executable, "-c", "import graft"], text=True, capture_output=True,
                              env={**os.environ, "LD_PRELOAD": preload}, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("ImportError: graft %s needs libgraft %s" % (2 * (graft.__version__,)), done.stderr)
        self.assertIn("0.2.0 is loaded", done.stderr)

    def test_types_of_settings(self):
        done = subprocess.run([sys.executable, str(ROOT / "tools/python-settings.py")], text=True,
                              capture_output=True, check=True)
        self.assertEqual(done.stdout, (ROOT / "python/graft/_settings.py").read_text(),
                         "run tools/update-pages")

    def test_command(self):
        path = os.pathsep.join([os.path.dirname(GRAFT), os.environ["PATH"]])
        done = subprocess.run([sys.executable, "-m", "graft", "--version"], text=True,
                              capture_output=True, env={**os.environ, "PATH": path}, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(graft.__version__, done.stdout)

    def test_tables(self):
        self.assertIn("lora", [method.name for method in graft.methods()])
        lora, = (method for method in graft.methods() if method.name == "lora")
        self.assertIn("r", [option.name for option in lora.options])
        self.assertEqual(graft.count_trainable("vit_base_patch16_224", "lora", set={"lora.r": 4})[0],
                         147456)
        self.assertIn("batch_size", [setting.name for setting in graft.settings("model")])
        self.assertEqual({api.name for api in graft.apis()} - {"opencl", "vulkan"}, set())


if __name__ == "__main__":
    unittest.main()
