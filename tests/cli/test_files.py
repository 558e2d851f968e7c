"""inspect: what it tells of good, incomplete and broken files."""
import json
import os
import struct
import unittest
import zipfile
import zlib

from support import CliTest, graft, measured, safetensors, tiny_vit


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
        del tensors["blocks.0.attn.proj.bias"], tensors["norm.weight"]
        tensors["blocks.0.mlp.fc2.weight"] = [16, 63]
        path = self.write("bad.safetensors", safetensors(tensors, {"graft.heads": "2"}))
        seen = self.inspect(path)
        self.assertEqual(seen["family"], "timm ViT")
        problems = "\n".join(sorted(seen["problems"]))
        self.assertRegex(problems, r"^blocks.0.attn.proj.bias: missing.*\[16\]\n"
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

    def transformers_vit(self):
        """tiny_vit() with the names of the transformers library, a pooler and no last layer norm."""
        names = {"cls_token": "embeddings.cls_token", "pos_embed": "embeddings.position_embeddings",
                 "patch_embed.proj": "embeddings.patch_embeddings.projection",
                 "norm1": "layernorm_before", "norm2": "layernorm_after",
                 "attn.proj": "attention.output.dense", "mlp.fc1": "intermediate.dense",
                 "mlp.fc2": "output.dense"}
        tensors = {"vit.pooler.dense.weight": [16, 16], "epoch": [1]}
        for name, (shape, values) in tiny_vit().items():
            if "attn.qkv" in name:
                third, leaf = len(values) // 3, name.rsplit(".")[-1]
                for i, part in enumerate(("query", "key", "value")):
                    tensors["vit.encoder.layer.0.attention.attention.%s.%s" % (part, leaf)] = (
                        [shape[0] // 3] + shape[1:], values[i * third:(i + 1) * third])
            elif not name.startswith("norm."):
                for ours, theirs in names.items():
                    name = name.replace(ours, theirs)
                tensors["vit." + name.replace("blocks.0", "encoder.layer.0")] = (shape, values)
        return tensors

    def test_other_names(self):
        path = self.write("m.safetensors",
                          safetensors(self.transformers_vit(), {"graft.heads": "2"}))
        seen = self.inspect(path)
        self.assertEqual(seen["family"], "transformers ViT")
        self.assertEqual((seen["geometry"]["dim"], seen["geometry"]["depth"]), (16, 1))
        becomes = {t["name"]: t["becomes"] for t in seen["tensors"]}
        self.assertEqual(becomes["vit.encoder.layer.0.attention.attention.key.bias"],
                         "blocks.0.attn.qkv.bias")
        self.assertIsNone(becomes["vit.pooler.dense.weight"])
        self.assertIsNone(becomes["epoch"])
        self.assertEqual(seen["problems"], [
            "norm.%s (vit.layernorm.%s in this file): missing, expected with shape [16]" % (leaf, leaf)
            for leaf in ("weight", "bias")])
        text = self.works("inspect", path)
        self.assertRegex(text, r"(?m)^ignored +2 of them, ")
        self.assertRegex(text, r"(?m)^vit.pooler.dense.weight .* ignored$")
        self.assertRegex(text, r"(?m)^vit.encoder.layer.0.layernorm_after.bias .* blocks.0.norm2.bias$")

    def test_what_cannot_be_read(self):
        tensors = dict(tiny_vit(), **{"dist_token": [1, 1, 16]})
        seen = self.inspect(self.write("d.safetensors", safetensors(tensors)))
        self.assertEqual((seen["family"], seen["geometry"]), ("timm ViT", None))
        self.assertIn("with or without two class tokens", seen["problems"][0])
        tensors = dict(tiny_vit(), **{"blocks.0.ls3.gamma": [16]})
        seen = self.inspect(self.write("l.safetensors", safetensors(tensors)))
        self.assertIn("blocks.0.ls3.gamma", seen["problems"][0])

    def test_layer_scale_is_of_all_blocks_or_none(self):
        tensors = dict(tiny_vit(dim=64), **{"blocks.0.ls2.gamma": [64]})
        seen = self.inspect(self.write("p.safetensors", safetensors(tensors)))
        self.assertTrue(any("blocks.0.ls1.gamma" in line for line in seen["problems"]))
        tensors = dict(tiny_vit(dim=64), **{"reg_token": [64]})
        seen = self.inspect(self.write("r.safetensors", safetensors(tensors)))
        self.assertIn("reg_token: expected 3 axes", seen["problems"][0])

    def test_unknown(self):
        seen = self.inspect(self.write("x.safetensors", safetensors({"w": [2, 3], "s": []})))
        self.assertEqual((seen["family"], seen["geometry"], seen["problems"]), ("unknown", None, []))
        self.assertEqual(seen["tensors"][0], {"name": "w", "dtype": "F32", "shape": [2, 3], "bytes": 24,
                                              "becomes": None})

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


class Hostile(CliTest):
    """What a file may cost is bounded by what it is, within the seconds and bytes told here."""
    CPU, MEMORY = 0.1, 64  # seconds, MiB

    def refused(self, path, *words):
        code, errors, seconds, mib = measured("inspect", path)
        self.assertEqual((code, errors.count("\n")), (1, 1), errors)
        for word in words:
            self.assertIn(word, errors)
        self.assertLess(seconds, self.CPU, path)
        self.assertLess(mib, self.MEMORY, path)

    def test_pipes_and_devices(self):
        os.mkfifo(self.path("pipe.safetensors"))
        os.mkfifo(self.path("pipe.npz"))
        os.symlink("/dev/zero", self.path("zero.safetensors"))
        os.symlink("/dev/zero", self.path("zero.json"))
        for name in ("pipe.safetensors", "pipe.npz", "zero.safetensors", "zero.json"):
            self.refused(self.path(name), name, "regular file")

    def test_endless_files(self):
        for name in ("hole.safetensors", "hole.npz"):
            with open(self.path(name), "wb") as file:
                file.truncate(1 << 40)
            self.refused(self.path(name), name)

    def test_members_that_share_their_data(self):
        """400 MiB in 17 KiB: the same member, by many names."""
        array = npy([4 * 1024 * 1024])
        data = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = data.compress(array) + data.flush()
        local = b"PK\3\4" + struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, zlib.crc32(array), len(data),
                                        len(array), 7, 0) + b"000.npy" + data
        central = b""
        for i in range(25):
            central += b"PK\1\2" + struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 8, 0, 0,
                                               zlib.crc32(array), len(data), len(array), 7, 0, 0, 0,
                                               0, 0, 0) + b"%03d.npy" % i
        end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 25, 25, len(central), len(local), 0)
        with open(self.path("shared.npz"), "wb") as file:
            file.write(local + central + end)
        self.refused(self.path("shared.npz"), "001.npy", "overlaps")

    def test_forty_thousand_tensors(self):
        """Linear in their number: a few microseconds for each, not the minutes of a square."""
        def seconds(count):
            path = self.path("%d.safetensors" % count)
            with open(path, "wb") as file:
                file.write(safetensors({"blocks.%d.attn.qkv.weight" % i: [1] for i in range(count)}))
            code, errors, used, _ = measured("inspect", path)
            self.assertEqual(code, 0, errors)
            return used
        self.assertLess(seconds(40000), 2 + 12 * seconds(5000))


if __name__ == "__main__":
    unittest.main()
