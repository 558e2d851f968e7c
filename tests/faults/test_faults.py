"""Drivers that fail and misbehave: nothing is silently wrong, and nothing is lost. A few calls of
each kind; tools/check-faults tries them all."""
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from faults import LAYERS, Session  # noqa: E402

TESTED = os.environ.get("GRAFT_TEST_DEVICES", "opencl:0").split(",")
HERE = os.path.exists(os.path.join(LAYERS, "libgraft-faults-opencl.so"))


@unittest.skipUnless("opencl:0" in TESTED and HERE, "no opencl:0, or no layers of OpenCL")
class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="graft-faults-")
        cls.session = Session(cls.folder, "opencl:0")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_dropped_gradients_are_computed_again(self):
        made, done = self.session.run("drop", 12)
        self.assertTrue(made)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("computed again", done.stderr)
        self.assertEqual(self.session.adapter(self.session.path("out")), self.session.expected)

    def test_a_dropped_update_is_an_error_and_the_run_goes_on_from_the_step_before(self):
        self.assertEqual(self.session.survives("drop", 15), (True, "failed and resumed"))
        self.assertIn("dropped 1 submission", self.session.said)


if __name__ == "__main__":
    unittest.main()
