#!/usr/bin/env python3
"""A LoRA training step of ViT-B/16 in PyTorch: rank 8 on q and v, AdamW, random weights.

usage: torch_train.py BATCH THREADS        answers as bench/sample.h says

The network is that of src/model/vit.c: one product for q, k and v, exact gelu.
"""
import sys

import torch
import torch.nn.functional as F
from torch import nn

import sample

DIM, HEADS, DEPTH, RANK, CLASSES = 768, 12, 12, 8, 100


class Lora(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Parameter(torch.randn(RANK, DIM) * 0.02)
        self.up = nn.Parameter(torch.zeros(DIM, RANK))

    def forward(self, x):
        return F.linear(F.linear(x, self.down), self.up)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(DIM, 1e-6), nn.LayerNorm(DIM, 1e-6)
        self.qkv, self.proj = nn.Linear(DIM, 3 * DIM), nn.Linear(DIM, DIM)
        self.fc1, self.fc2 = nn.Linear(DIM, 4 * DIM), nn.Linear(4 * DIM, DIM)
        self.lora_q, self.lora_v = Lora(), Lora()

    def attention(self, x):
        batch, tokens, _ = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=2)
        q, v = q + self.lora_q(x), v + self.lora_v(x)
        q, k, v = (t.reshape(batch, tokens, HEADS, -1).transpose(1, 2) for t in (q, k, v))
        p = (q @ k.transpose(2, 3) * (DIM // HEADS) ** -0.5).softmax(3)
        return self.proj((p @ v).transpose(1, 2).reshape(batch, tokens, DIM))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, DIM, 16, 16)
        self.cls = nn.Parameter(torch.zeros(1, 1, DIM))
        self.pos = nn.Parameter(torch.zeros(1, 197, DIM))
        self.blocks = nn.Sequential(*[Block() for _ in range(DEPTH)])
        self.norm, self.head = nn.LayerNorm(DIM, 1e-6), nn.Linear(DIM, CLASSES)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.pos
        return self.head(self.norm(self.blocks(x)[:, 0]))


def main():
    batch, threads = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = Vit()
    for name, p in model.named_parameters():
        p.requires_grad_("lora" in name or "head" in name)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, 1e-3)
    images, labels = torch.randn(batch, 3, 224, 224), torch.randint(0, CLASSES, (batch,))

    def step():
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()

    print("peer PyTorch %s\nbatch %d" % (torch.__version__, batch))
    step()
    step()
    sample.serve(step, 0.0)
    print("process_peak_mib %.0f" % sample.peak_mib())


main()
