"""inspect: what it tells of good, incomplete and broken files."""
import json
import struct
import unittest
import zipfile

from support import CliTest, graft, safetensors, tiny_vit


def npy(shape):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }" % str(tuple(shape))
    header = header.ljust(117) + "\n"
    count = 1
    for size in shape:
        count *= size
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(4 * count)


def jax_vit(dim=128, patch=8, grid=2, heads=2):
    block, wide = "Transformer/encoderblock_0/", 4 * dim
    attention = block + "MultiHeadDotProductAttention_1/"
    shapes = {"cls": [1, 1, dim], "embedding/kernel": [patch, patch, 3, dim],
              "embedding/bias": [dim],
              "Transformer/posembed_input/pos_embedding": [1, grid * grid + 1, dim],
              "Transformer/encoder_norm/scale": [dim], "Transformer/encoder_norm/bias": [dim],
              block + "LayerNorm_0/scale": [dim], block + "LayerNorm_0/bias": [dim],
              block + "LayerNorm_2/scale": [dim], block + "LayerNorm_2/bias": [dim],
              block + "MlpBlock_3/Dense_0/kernel": [dim, wide],
              block + "MlpBlock_3/Dense_0/bias": [wide],
              block + "MlpBlock_3/Dense_1/kernel": [wide, dim],
              block + "MlpBlock_3/Dense_1/bias": [dim],
              attention + "out/kernel": [heads, dim // heads, dim], attention + "out/bias": [dim]}
    for part in ("query", "key", "value"):
        shapes[attention + part + "/kernel"] = [dim, heads, dim // heads]
        shapes[attention + part + "/bias"] = [heads, dim // heads]
    return shapes


class Inspect(CliTest):
    def inspect(self, path):
        return json.loads(self.works("inspect", path, "--json"))

    def test_timm_vit(self):
        path = self.write_vit(depth=2, grid=3)
        seen = self.inspect(path)
        self.assertEqual(seen["family"], "timm ViT")
        self.assertEqual(seen["geometry"], {"image_size": 24, "patch_size": 8, "dim": 16, "depth": 2,
                                            "heads": 2, "hidden": 64, "classes": 0})
        self.assertEqual(seen["problems"], [])
        self.assertEqual(seen["metadata"], {"graft.heads": "2"})
        self.assertEqual({t["name"]: t["shape"] for t in seen["tensors"]},
                         {name: shape for name, (shape, _) in tiny_vit(depth=2, grid=3).items()})
        text = self.works("inspect", path)
        self.assertIn("24x24 pixels, patches of 8, 2 blocks, width 16, 2 heads", text)
        self.assertRegex(text, r"(?m)^blocks.1.mlp.fc2.weight +F32 +\[16, 64\] +4.0 KiB$")

    def test_missing_and_misshapen_tensors(self):
        tensors = tiny_vit()
        del tensors["blocks.0.attn.qkv.bias"], tensors["norm.weight"]
        tensors["blocks.0.mlp.fc2.weight"] = [16, 63]
        path = self.write("bad.safetensors", safetensors(tensors, {"graft.heads": "2"}))
        seen = self.inspect(path)
        self.assertEqual(seen["family"], "timm ViT")
        problems = "\n".join(sorted(seen["problems"]))
        self.assertRegex(problems, r"^blocks.0.attn.qkv.bias: missing.*\[48\]\n"
                                   r"blocks.0.mlp.fc2.weight: .*\[16, 64\].*\[16, 63\]\n"
                                   r"norm.weight: missing.*\[16\]$")
        self.assertIn("norm.weight: missing", self.works("inspect", path))

    def test_vit_without_embedding(self):
        tensors = tiny_vit()
        del tensors["patch_embed.proj.weight"]
        seen = self.inspect(self.write("bad.safetensors", safetensors(tensors)))
        self.assertEqual((seen["family"], seen["geometry"]), ("timm ViT", None))
        self.assertIn("patch_embed.proj.weight", seen["problems"][0])

    def test_jax(self):
        path = self.path("vit.npz")
        with zipfile.ZipFile(path, "w") as archive:
            for name, shape in jax_vit().items():
                archive.writestr(name + ".npy", npy(shape))
        seen = self.inspect(path)
        self.assertEqual((seen["family"], seen["problems"]), ("JAX ViT", []))
        self.assertEqual(seen["geometry"]["dim"], 128)
        self.assertEqual({t["name"]: t["shape"] for t in seen["tensors"]}, jax_vit())

    def test_unknown(self):
        seen = self.inspect(self.write("x.safetensors", safetensors({"w": [2, 3], "s": []})))
        self.assertEqual((seen["family"], seen["geometry"], seen["problems"]), ("unknown", None, []))
        self.assertEqual(seen["tensors"][0], {"name": "w", "dtype": "F32", "shape": [2, 3], "bytes": 24})

    def test_adapter_that_lies(self):
        lying = safetensors({"head.weight": [2, 16]}, {"graft.format": "adapter-1",
                                                       "graft.methods": "lora"})
        seen = self.inspect(self.write("a.safetensors", lying))
        self.assertEqual((seen["family"], seen["methods"]), ("adapter", "lora"))
        self.assertEqual(len(seen["problems"]), 1)

    def test_names_cannot_steer_the_terminal(self):
        path = self.write("x.safetensors", safetensors({"w\033[2J\n": [1]}, {"k\r": "v\033"}))
        self.assertNotRegex(self.works("inspect", path), "[\033\r]")

    def test_broken_files(self):
        good = safetensors(tiny_vit())
        broken = {"empty": b"", "short": good[:7], "cut": good[:-4], "long": good + b"x",
                  "lying": struct.pack("<Q", 2**40) + good[8:], "text": b"\x05" + bytes(7) + b"hello"}
        for name, data in broken.items():
            with self.subTest(name):
                path = self.write(name + ".safetensors", data)
                done = self.fails(1, "inspect", path, telling=[path])
                self.assertEqual(done.stdout, "")
        self.fails(1, "inspect", self.write("x.npz", b"PK\3\4 no archive"), telling=["x.npz"])
        self.fails(1, "inspect", self.write("x.pth", b"x"), telling=["x.pth", "pickle"])
        self.fails(1, "inspect", self.path("none.safetensors"), telling=["none.safetensors"])
        self.fails(1, "inspect", self.folder, telling=[self.folder])


if __name__ == "__main__":
    unittest.main()
