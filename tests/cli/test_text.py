"""Heads made of texts: the tokenizer and the text encoder of CLIP as transformers has them. Skipped
where torch or transformers is not installed."""
import gzip
import json
import os
import sys
import unittest

from layouts import openai_clip
from libraries import LibraryTest, from_safetensors, randomize, torch, transformers

NAMES = ["tabby cat", "Great_Dane", "don't know", "caf\u00e9 au lait", "\u0416\u0430\u0431\u0430 42",
         "\u4e2d\u6587!!", "  spaces   and\ttabs ", "o'clock'll", "x\u00b2 \u00bd  #1"]
MERGES = ["t a", "c a", "ca t</w>", "ta b", "b y</w>", "p h", "o f</w>", "ph o", "t o</w>", "pho to</w>",
          "g r", "e a", "t h", "' t</w>", "o n", "d on", "k n", "n o", "' l", "'l l</w>", "\u00c3 \u00a9</w>",
          "! !</w>"]


def byte_characters():
    """The characters that stand for the 256 bytes, in the order of CLIP's vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(others))]


def vocabulary():
    pieces = byte_characters()
    pieces += [p + "</w>" for p in pieces] + ["".join(m.split()) for m in MERGES]
    return {p: i for i, p in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}


@unittest.skipUnless(transformers, "transformers is not installed")
class Text(LibraryTest):
    def setUp(self):
        super().setUp()
        small = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
                 "intermediate_size": 96}
        self.ids = vocabulary()
        config = transformers.CLIPConfig(
            vision_config=dict(small, image_size=64, patch_size=16), projection_dim=48,
            text_config=dict(small, vocab_size=len(self.ids), max_position_embeddings=40,
                             eos_token_id=self.ids["<|endoftext|>"]))
        self.model = randomize(transformers.CLIPModel(config))
        self.backbone = self.save(self.model.state_dict(), "clip/model.safetensors", config)
        self.write("clip/vocab.json", json.dumps(self.ids).encode())
        self.write("clip/merges.txt", ("#version: 0.2\n" + "\n".join(MERGES) + "\n").encode())
        self.data = self.path("data")
        for i, image in enumerate(self.images * 3):
            for split in ("train", "test"):
                folder = os.path.join(self.data, split, "class%d" % i)
                os.makedirs(folder)
                os.symlink(image, os.path.join(folder, "image.png"))

    def features(self, texts):
        tokenizer = transformers.CLIPTokenizerFast.from_pretrained(os.path.dirname(self.backbone))
        with torch.no_grad():
            # One by one: nothing pads, and the end is where it stands.
            rows = [self.model.get_text_features(**tokenizer(t, return_tensors="pt")) for t in texts]
        rows = torch.cat(rows)
        return rows / rows.norm(dim=1, keepdim=True)

    def train(self, *options, backbone=None):
        self.works("train", "--backbone", backbone or self.backbone, "--data", self.data, "--method", "linear",
                   "--max-steps", "1", "--lr", "0", "--warmup-lr", "0", "--min-lr", "0", "--out",
                   self.path("run"), "--device", self.device, *options)
        return from_safetensors(self.path("run", "adapter.safetensors"))

    def openai(self):
        """The same model as OpenAI saves it, and its vocabulary."""
        path = self.save(openai_clip(self.model.state_dict()), "openai/model.safetensors")
        with gzip.open(self.path("openai", "bpe_simple_vocab_16e6.txt.gz"), "wb") as file:
            file.write(("\"bpe_simple_vocab_16e6.txt#version: 0.2\n" + "\n".join(MERGES) + "\n").encode())
        return path

    def test_names_become_a_head(self):
        names = self.write("names.txt", "\n".join(NAMES).encode())
        head = self.train("--class-names", names, "--prompt", "a photo of {}, it is.")
        expected = self.features(["a photo of %s, it is." % n.replace("_", " ") for n in NAMES])
        self.assertLess(float((head["head.weight"] - expected).abs().max()), 1e-5)
        self.assertEqual(float(head["head.bias"].abs().max()), 0)
        with torch.no_grad():
            images = self.model.get_image_features(self.pixels)
        logits = self.model.logit_scale.exp() * images / images.norm(dim=1, keepdim=True) @ expected.T
        self.check_logits(logits, "--backbone", self.backbone, "--adapter",
                   self.path("run", "adapter.safetensors"))

    def test_layout_and_vocabulary_of_openai(self):
        path = self.openai()
        head = self.train("--class-names", "data", backbone=path)
        expected = self.features(["a photo of a class%d." % i for i in range(9)])
        self.assertLess(float((head["head.weight"] - expected).abs().max()), 1e-5)

    def test_encoder_and_vocabulary_elsewhere(self):
        path = self.openai()
        head = self.train("--text-encoder", path, "--vocabulary",
                          self.path("openai", "bpe_simple_vocab_16e6.txt.gz"))
        expected = self.features(["a photo of a class%d." % i for i in range(9)])
        self.assertLess(float((head["head.weight"] - expected).abs().max()), 1e-5)


if __name__ == "__main__":
    if not transformers:
        print("SKIP: torch or transformers is not installed", file=sys.stderr)
        sys.exit(77)
    unittest.main()
