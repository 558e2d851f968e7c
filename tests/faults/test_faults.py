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

    def test_dropped_work_is_done_again_or_an_error(self):
        """Each submission of a step: all but the update are repeated, that one fails."""
        outcomes, said = [], ""
        for n in range(8, 15):
            made, outcome = self.session.survives("drop", n)
            self.assertTrue(made)
            outcomes.append(outcome)
            said += self.session.said
        self.assertEqual(sorted(set(outcomes)), ["as if nothing had happened", "failed and resumed"],
                         outcomes)
        self.assertEqual(outcomes.count("failed and resumed"), 1)
        self.assertIn("computed again", said)
        self.assertIn("dropped 1 submission", said)


if __name__ == "__main__":
    unittest.main()
