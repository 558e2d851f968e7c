"""The event files of a run: their records, and what TensorBoard makes of them where it is installed."""
import glob
import json
import os
import shutil
import struct
import unittest

from support import CliTest

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    EventAccumulator = None

REFERENCE = ["--device", "reference:0"]


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff


def records(path):
    """What the records of a file hold, each checked by its checksums."""
    with open(path, "rb") as file:
        while head := file.read(12):
            size, check = struct.unpack("<QI", head)
            assert masked(head[:8]) == check
            data = file.read(size)
            assert struct.pack("<I", masked(data)) == file.read(4)
            yield data


class TensorBoard(CliTest):
    def setUp(self):
        super().setUp()
        self.events = self.path("events", "first")
        self.arguments = ["train", "--backbone", self.write_vit(), "--data", self.write_images(),
                          "--method", "linear", "--epochs", "2", "--batch-size", "4", "--tensorboard",
                          self.events, "--out", self.path("run"), *REFERENCE]

    def files(self):
        return sorted(glob.glob(os.path.join(self.events, "*tfevents*")))

    def run_in_parts(self):
        """As if it had been killed after step 5, with a checkpoint of step 4: a file of each part."""
        self.works(*self.arguments, "--max-steps", "4")
        shutil.copytree(self.path("run"), self.path("killed"))
        self.works(*self.arguments, "--resume", "--max-steps", "5")
        shutil.rmtree(self.path("run"))
        shutil.move(self.path("killed"), self.path("run"))
        self.works(*self.arguments, "--resume")

    def test_checksum_of_the_standard(self):
        self.assertEqual(crc32c(b"123456789"), 0xe3069283)

    def test_records(self):
        self.works(*self.arguments)
        found = list(records(*self.files()))
        self.assertIn(b"brain.Event:2", found[0])
        self.assertEqual(len(found), 1 + 6 + 2)  # steps, evaluations
        self.assertIn(b"train/loss", found[1])
        self.assertIn(b"test/accuracy", found[4])

    def test_a_run_that_does_nothing_leaves_none(self):
        self.works(*self.arguments)
        self.works(*self.arguments, "--resume")
        self.assertEqual(len(self.files()), 1)

    @unittest.skipUnless(EventAccumulator, "tensorboard is not installed")
    def test_tensorboard_reads_it(self):
        self.run_in_parts()
        self.assertEqual(len(self.files()), 3)
        seen = EventAccumulator(self.events).Reload()
        self.assertEqual(sorted(seen.Tags()["scalars"]),
                         ["test/accuracy", "test/loss", "train/images_per_s", "train/loss",
                          "train/lr"])
        with open(self.path("run", "metrics.jsonl")) as file:
            lines = [json.loads(line) for line in file]
        steps = [line for line in lines if "step" in line]
        for key in ("loss", "lr"):
            curve = seen.Scalars("train/" + key)
            self.assertEqual([e.step for e in curve], [1, 2, 3, 4, 5, 6])
            for event, line in zip(curve, steps):
                self.assertAlmostEqual(event.value, line[key], delta=1e-6 * abs(line[key]))
        evaluations = [line for line in lines if "accuracy" in line]
        self.assertEqual([e.step for e in seen.Scalars("test/accuracy")], [3, 6])
        for event, line in zip(seen.Scalars("test/accuracy"), evaluations):
            self.assertAlmostEqual(event.value, line["accuracy"], delta=1e-6)

    def test_a_folder_that_cannot_be_made(self):
        self.write("events", b"a file")
        self.fails(1, *self.arguments, telling=["events"])
        self.assertFalse(os.path.exists(self.path("run")))


if __name__ == "__main__":
    unittest.main()
