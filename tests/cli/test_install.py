"""An installed graft: it starts from any prefix, and without what it can do without."""
import json
import os
import re
import subprocess
import sys
import unittest

from support import CliTest

# After the command and the folder of the documentation: the build folder.
BUILD = sys.argv.pop(1)


class Installed(CliTest):
    def setUp(self):
        super().setUp()
        self.prefix = self.path("root")
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir",
                        self.prefix], check=True, stdout=subprocess.DEVNULL)
        self.command = self.find("graft")[0]
        # Where the machine says nothing of graft.
        self.env = {name: value for name, value in os.environ.items()
                    if name not in ("LD_LIBRARY_PATH", "GRAFT_MODULE_DIR", "GRAFT_LOG")}
        # Drivers leak on their own account when graft runs under a leak checker.
        self.env["ASAN_OPTIONS"] = "detect_leaks=0"

    def find(self, start):
        """The paths of files below the prefix whose names begin so, of programs and libraries."""
        return [os.path.join(folder, name) for folder, _, names in os.walk(self.prefix)
                for name in names if name.startswith(start) and (os.sep + "bin" in folder or ".so" in name)]

    def run_graft(self, *args, **env):
        return subprocess.run([self.command, *args], env={**self.env, **env}, text=True,
                              capture_output=True, timeout=240)

    def libraries(self):
        """What the loader takes: {name: path}."""
        done = subprocess.run(["ldd", self.command], env=self.env, text=True, capture_output=True)
        return {line.split()[0]: line.split()[2] for line in done.stdout.splitlines() if "=>" in line}

    def test_finds_its_library(self):
        library = [path for name, path in self.libraries().items() if name.startswith("libgraft")]
        self.assertEqual(len(library), 1)
        self.assertTrue(os.path.realpath(library[0]).startswith(os.path.realpath(self.prefix)))

    def test_links_no_device_api(self):
        """What the command and libgraft themselves name; a codec's library may need C++."""
        library = [path for path in self.find("libgraft.so") if not os.path.islink(path)]
        for file in [self.command, *library]:
            done = subprocess.run(["objdump", "-p", file], text=True, capture_output=True, check=True)
            needed = re.findall(r"NEEDED +(\S+)", done.stdout)
            self.assertIn("libc.so.6", needed)
            for name in needed:
                for other in ("libOpenCL", "libvulkan", "libclblast", "libstdc++"):
                    self.assertFalse(name.startswith(other), name)

    def test_starts_without_loaders(self):
        """Files that are no libraries stand in for loaders that are not there."""
        present = {device["id"].split(":")[0]
                   for device in json.loads(self.run_graft("devices", "--json").stdout)}
        folders = {}
        for api, name in (("opencl", "libOpenCL.so.1"), ("vulkan", "libvulkan.so.1")):
            folders[api] = os.path.dirname(self.write(os.path.join("no-" + api, name), b"nothing"))
            done = self.run_graft("devices", LD_LIBRARY_PATH=folders[api])
            self.assertNotIn(api + ":0", done.stdout)
            self.assertIn("%s: no %s here: install" % (api, name), done.stderr)
            self.assertEqual(done.returncode, 0 if present - {api} else 1)
        done = self.run_graft("devices", LD_LIBRARY_PATH=":".join(folders.values()))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for words in ("libOpenCL.so.1", "libvulkan.so.1", "mesa-vulkan-drivers", "pocl-opencl-icd"):
            self.assertIn(words, done.stderr)
        self.assertEqual(self.run_graft("methods", LD_LIBRARY_PATH=":".join(folders.values())).returncode, 0)

    def train(self, device):
        """A step with transforms of weights, 80 x 80, which VkFFT is asked for."""
        vit = self.write_vit(dim=80)
        done = self.run_graft("train", "--backbone", vit, "--data", self.write_images(), "--method",
                              "fourierft", "--max-steps", "1", "--batch-size", "2", "--device", device,
                              "--out", self.path("run-%d" % len(os.listdir(self.folder))),
                              GRAFT_LOG="debug")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def test_modules(self):
        """VkFFT is found beside the library, and is not missed where it is not."""
        modules = self.find("libgraft-vkfft-opencl")
        devices = json.loads(self.run_graft("devices", "--json").stdout)
        cpus = [device["id"] for device in devices if device["id"].startswith("opencl:")]
        if not modules or not cpus:
            self.skipTest("needs VkFFT and an OpenCL device")
        self.assertIn("the library's FFT", self.train(cpus[0]))
        os.remove(modules[0])
        log = self.train(cpus[0])
        self.assertNotIn("the library's FFT", log)
        self.assertIn("libgraft-vkfft-opencl.so: cannot be opened; own kernels are used", log)
        self.assertEqual(log.count("own kernels are used"), 1)


if __name__ == "__main__":
    unittest.main()
