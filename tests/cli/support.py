"""What the tests of the command share: running it, and making small inputs."""
import errno
import json
import os
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

try:
    import jsonschema
except ImportError:
    jsonschema = None

# The tests are called with the command and the folder of the documentation.
GRAFT, DOCS = (os.path.abspath(path) for path in sys.argv[1:3])
del sys.argv[1:3]
COMMANDS = ["devices", "bench", "selftest", "train", "search", "eval", "predict", "embed", "merge",
            "export", "analyze", "inspect", "methods", "recipes", "sweep", "completion"]


def graft(*args, env=None, **options):
    """Runs the command with only errors on standard error, unless env says otherwise."""
    environment = {**os.environ, "GRAFT_LOG": "error", **(env or {})}
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([GRAFT, *args], env=environment, text=True, timeout=240,
                          stdin=subprocess.DEVNULL, **options)


def measured(*args):
    """Runs the command: its exit code, errors, seconds of CPU and peak of memory in MiB."""
    child = subprocess.Popen([GRAFT, *args], env={**os.environ, "GRAFT_LOG": "error"}, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
    errors = child.stderr.read()
    child.stderr.close()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, errors, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def safetensors(tensors, metadata=None):
    """The bytes of a file with zero tensors {name: shape} or given ones {name: (shape, floats)}."""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, value in tensors.items():
        shape, floats = value if isinstance(value, tuple) else (value, None)
        count = 1
        for size in shape:
            count *= size
        floats = floats if floats is not None else [0.0] * count
        begin = len(data)
        data += struct.pack("<%df" % count, *floats)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def tiny_vit(dim=16, patch=8, grid=2, depth=1, seed=1):
    """A ViT small enough for the reference device: {name: (shape, values)}."""
    shapes = {"cls_token": [1, 1, dim], "pos_embed": [1, grid * grid + 1, dim],
              "patch_embed.proj.weight": [dim, 3, patch, patch], "patch_embed.proj.bias": [dim],
              "norm.weight": [dim], "norm.bias": [dim]}
    for i in range(depth):
        block = "blocks.%d." % i
        shapes.update({block + "norm1.weight": [dim], block + "norm1.bias": [dim],
                       block + "attn.qkv.weight": [3 * dim, dim], block + "attn.qkv.bias": [3 * dim],
                       block + "attn.proj.weight": [dim, dim], block + "attn.proj.bias": [dim],
                       block + "norm2.weight": [dim], block + "norm2.bias": [dim],
                       block + "mlp.fc1.weight": [4 * dim, dim], block + "mlp.fc1.bias": [4 * dim],
                       block + "mlp.fc2.weight": [dim, 4 * dim], block + "mlp.fc2.bias": [dim]})
    state, tensors = seed, {}
    for name, shape in shapes.items():
        values = []
        count = 1
        for size in shape:
            count *= size
        for _ in range(count):
            state = (state * 1103515245 + 12345) % 2**31
            values.append((state / 2**31 - 0.5) * 0.2 + ("norm" in name and "weight" in name))
        tensors[name] = (shape, values)
    return tensors


def tiny_swin(dim=8, window=2):
    """The shapes of a Swin of two stages for images of 16 pixels: {name: shape}."""
    shapes = {"patch_embed.proj.weight": [dim, 3, 2, 2], "patch_embed.proj.bias": [dim],
              "patch_embed.norm.weight": [dim], "patch_embed.norm.bias": [dim],
              "norm.weight": [2 * dim], "norm.bias": [2 * dim],
              "layers.0.downsample.norm.weight": [4 * dim], "layers.0.downsample.norm.bias": [4 * dim],
              "layers.0.downsample.reduction.weight": [2 * dim, 4 * dim]}
    for stage in range(2):
        d = dim << stage
        for i in range(2):
            block = "layers.%d.blocks.%d." % (stage, i)
            shapes[block + "attn.relative_position_bias_table"] = [(2 * window - 1)**2, 1 + stage]
            for name, out, inner in (("attn.qkv", 3 * d, d), ("attn.proj", d, d),
                                     ("mlp.fc1", 2 * d, d), ("mlp.fc2", d, 2 * d),
                                     ("norm1", d, None), ("norm2", d, None)):
                shapes[block + name + ".weight"] = [out, inner] if inner else [out]
                shapes[block + name + ".bias"] = [out]
    return shapes


def png(width, height, color):
    """The bytes of an image of one colour (red, green, blue)."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data +
                struct.pack(">I", zlib.crc32(kind + data)))
    rows = (b"\0" + bytes(color) * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def closed(schema):
    """The schema without keys that it does not tell."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        strict.setdefault("additionalProperties", False)
    return strict


class CliTest(unittest.TestCase):
    """A test in a folder of its own, with assertions about exit codes and messages."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="graft-cli-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, data):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def write_vit(self, name="vit.safetensors", **geometry):
        return self.write(name, safetensors(tiny_vit(**geometry), {"graft.heads": "2"}))

    def write_images(self, name="photos", count=6):
        """Classes "dark" and "light": an image folder for training and one for testing."""
        for split in ("train", "test"):
            for i in range(count):
                self.write("%s/%s/dark/%d.png" % (name, split, i), png(20, 16, (10 * i, 20, 0)))
                self.write("%s/%s/light/%d.png" % (name, split, i), png(16, 20, (200, 255 - i, 250)))
        return self.path(name)

    def conforms(self, name, document):
        """Has the keys that docs/schemas tells, and no others; unchecked without jsonschema."""
        if not jsonschema:
            return
        with open(os.path.join(DOCS, "schemas", name + ".json")) as file:
            schema = json.load(file)
        jsonschema.Draft7Validator.check_schema(schema)
        problems = list(jsonschema.Draft7Validator(closed(schema)).iter_errors(document))
        self.assertFalse(problems, "%s: %s" % (name, problems and problems[0].message[:500]))

    def works(self, *args, **options):
        done = graft(*args, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def fails(self, code, *args, telling=(), **options):
        """Fails with the exit code and one line of a message that has all the words."""
        done = graft(*args, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("graft: "), lines[0])
        for word in telling:
            self.assertIn(word, lines[0])
        self.assertNotIn("`", lines[0])  # a parameter that no option stands for
        return done

    def on_terminal(self, *args, env=None):
        """What a terminal would be sent on standard error."""
        terminal, side = pty.openpty()
        done = graft(*args, env={"TERM": "xterm", "GRAFT_LOG": "info", **(env or {})}, stderr=side)
        os.close(side)
        text = b""
        try:
            while True:  # one read may get a part; after the last one Linux says EIO
                text += os.read(terminal, 65536)
        except OSError as error:
            self.assertEqual(error.errno, errno.EIO)
        finally:
            os.close(terminal)
        return done.returncode, text.decode()
