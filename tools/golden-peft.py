#!/usr/bin/env python3
"""Computes what tests hold against Hugging Face peft: the golden cases of `dora` and `ia3`, in
float64, in tests/data/golden, whose backbone and batch they share; and tests/data/peft, a small ViT
of transformers, folders that peft saved of it, and their logits.

usage: tools/golden-peft.py [tests/data]

Needs torch, safetensors, transformers and peft (0.13 or later; the files of the repository are of
0.13.2).
"""
import copy
import json
import pathlib
import sys

import torch
import transformers
from peft import (BOFTConfig, FourierFTConfig, IA3Config, LoraConfig, VeraConfig, get_peft_model)
from safetensors.torch import load_file, save_file
from torch import nn

GEOMETRY = {"img_size": 32, "patch_size": 8, "dim": 48, "depth": 3, "heads": 4, "batch": 4,
            "classes": 7}
OPTIM = {"sgd": {"lr": 0.1, "momentum": 0.0, "weight_decay": 0.0, "steps": 3},
         "adamw": {"lr": 0.01, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01, "steps": 5,
                   "decay": "all trainable tensors"}}
IA3_TARGETS = ["attn.k", "attn.v", "attn.proj", "mlp.fc2"]
CASES = {
    "dora": ({"name": "dora", "r": 2, "alpha": 3, "targets": ["attn.q", "attn.v", "mlp.fc2"]},
             LoraConfig(r=2, lora_alpha=3, target_modules=["q", "v", "fc2"], use_dora=True)),
    "dora_pattern": ({"name": "dora", "r": 3, "alpha": 4, "rslora": True,
                      "targets": ["attn.k", "attn.proj", "mlp.fc1"],
                      "rank_pattern": "blocks.1.attn.k=1", "alpha_pattern": "mlp.fc1=2"},
                     LoraConfig(r=3, lora_alpha=4, target_modules=["k", "attn.proj", "fc1"],
                                use_dora=True, use_rslora=True, rank_pattern={"1.attn.k": 1},
                                alpha_pattern={"fc1": 2})),
    "ia3": ({"name": "ia3", "targets": IA3_TARGETS, "feedforward": ["mlp.fc2"]},
            IA3Config(target_modules=["k", "v", "attn.proj", "fc2"], feedforward_modules=["fc2"])),
}


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.proj = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, x):
        def split(y):
            return y.reshape(*y.shape[:2], self.heads, -1).transpose(1, 2)
        q, k, v = split(self.q(x)), split(self.k(x)), split(self.v(x))
        scores = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(-1)
        return self.proj((scores @ v).transpose(1, 2).reshape(x.shape))


class Mlp(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.attn, self.mlp = Attention(dim, heads), Mlp(dim)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    def __init__(self, img_size, patch_size, dim, depth, heads, batch, classes):
        super().__init__()
        side = img_size // patch_size
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, side * side + 1, dim))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, dim, patch_size, patch_size)})
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, classes)

    def forward(self, images):
        x = self.patch_embed["proj"](images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x)[:, 0]))


def backbone_state(tensors):
    """Query, key and value apart."""
    state = {}
    for name, t in tensors.items():
        if ".attn.qkv." in name:
            for part, rows in zip("qkv", t.chunk(3)):
                state[name.replace("qkv", part)] = rows
        else:
            state[name] = t
    return state


def graft_name(name):
    name = name.replace("base_model.model.", "").replace("modules_to_save.default.", "")
    if "lora_magnitude" in name:
        return name.split(".default")[0]
    return name.replace(".default", "")


def start(name, p, generator):
    """Away from the methods' own start values, where half of the gradients are zero."""
    noise = torch.randn(p.shape, generator=generator, dtype=torch.float64)
    if "ia3_l" in name:
        noise = 1 + 0.2 * noise
    elif "lora_magnitude" in name:
        noise = p.detach() * (1 + 0.1 * noise)
    else:
        noise = 0.1 * noise
    return noise.float().double()


def graft_value(name, t):
    return (t.flatten() if "ia3_l" in name else t).detach().float().clone().contiguous()


def steps(model, params, batch, optimizer, count):
    losses = []
    for _ in range(count):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch["images"].double()), batch["labels"])
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    return torch.tensor(losses)


def run(folder, name, method, config, backbone, batch):
    model = Vit(**GEOMETRY).double()
    missing = model.load_state_dict(backbone_state(backbone), strict=False).missing_keys
    assert all(k.startswith("head.") for k in missing), missing
    config.modules_to_save = ["head"]
    model = get_peft_model(model, config).double().train()
    params = {graft_name(n): p for n, p in model.named_parameters() if p.requires_grad}
    generator = torch.Generator().manual_seed(14)
    init = {n: start(n, params[n], generator) for n in sorted(params)}

    def restart():
        with torch.no_grad():
            for n, p in params.items():
                p.copy_(init[n])

    restart()
    logits = model(batch["images"].double())
    loss = nn.functional.cross_entropy(logits, batch["labels"])
    loss.backward()
    expected = {"logits": logits.detach().float(), "loss": loss.detach().float()}
    unreliable = {}
    for n, p in params.items():
        expected["grad." + n] = graft_value(n, p.grad)
        small = (p.grad.flatten().abs() < 1e-6).nonzero().flatten().tolist()
        if small:
            unreliable[n] = [[i, i + 1] for i in small]
    for kind, make in (("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)):
        options = {k: v for k, v in OPTIM[kind].items() if k not in ("steps", "decay")}
        restart()
        expected["losses_" + kind] = steps(model, params, batch,
                                           make(params.values(), **options),
                                           OPTIM[kind]["steps"]).float()
        for n, p in params.items():
            expected[f"after_{kind}.{n}"] = graft_value(n, p)
    count = sum(p.numel() for p in params.values())
    head = sum(p.numel() for n, p in params.items() if n.startswith("head."))
    case = {"format": "vit-peft-golden-1", "case": name, "backbone": "vit", "pool": "cls",
            "mlp_ratio": 4.0, "ln_eps": 1e-6, "gelu": "erf", **GEOMETRY, "methods": [method],
            "optim": OPTIM, "adamw_unreliable": unreliable, "trainable": sorted(params),
            "trainable_params": count, "trainable_params_without_head": count - head}
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "config.json").write_text(json.dumps(case, indent=1) + "\n")
    save_file({n: graft_value(n, t) for n, t in init.items()},
              folder / name / "adapter_init.safetensors")
    save_file(expected, folder / name / "expected.safetensors")
    print(f"{name}: {count - head} parameters, loss {loss.item():.6f}")


COLORS = ((200, 30, 90), (10, 250, 130), (90, 90, 90))  # of whole images
SAVED = {
    "lora": LoraConfig(r=2, lora_alpha=3, target_modules=["query", "value", "intermediate.dense"],
                       rank_pattern={"0.attention.attention.query": 3},
                       alpha_pattern={"0.attention.attention.query": 5}),
    "dora": LoraConfig(r=2, use_dora=True, use_rslora=True, target_modules=["key", "value"],
                       layers_to_transform=[1]),
    "ia3": IA3Config(target_modules=["key", "value", "layer.0.output.dense",
                                     "layer.1.output.dense"],
                     feedforward_modules=["layer.0.output.dense", "layer.1.output.dense"]),
    "vera": VeraConfig(r=4, target_modules=["query", "intermediate.dense"], save_projection=False),
    "boft": BOFTConfig(boft_block_size=4, target_modules=["query", "attention.output.dense"]),
    "fourierft": FourierFTConfig(n_frequency=12, target_modules=["value"]),
}


def save_folders(folder):
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        image_size=32, patch_size=16, num_labels=3)
    model = transformers.ViTForImageClassification(config).eval()
    generator = torch.Generator().manual_seed(6)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            scale = p.dim() == 1 and name.endswith("weight")
            p.copy_(1 + 0.1 * noise if scale else noise * (0.3 if p.dim() > 1 else 0.1))
    folder.mkdir(exist_ok=True)
    config.save_pretrained(folder / "vit")
    save_file({k: v.contiguous() for k, v in model.state_dict().items()},
              folder / "vit" / "model.safetensors")
    colors = torch.tensor(COLORS).float()[:, :, None, None] / 255
    images = ((colors - 0.5) / 0.5).expand(-1, -1, 32, 32)
    logits = {}
    for name, setup in SAVED.items():
        setup.modules_to_save = ["classifier"]
        tuned = get_peft_model(copy.deepcopy(model), setup).eval()
        with torch.no_grad():
            for n, p in sorted(tuned.named_parameters()):
                if p.requires_grad:
                    noise = 0.3 * torch.randn(p.shape, generator=generator)
                    scaled = any(part in n for part in ("ia3_l", "magnitude", "boft_s"))
                    p.copy_(p * (1 + noise) if scaled else noise)
            logits[name] = tuned(images).logits.tolist()
        tuned.create_or_update_model_card = lambda *_: None
        tuned.save_pretrained(folder / name, safe_serialization=True)
    (folder / "expected.json").write_text(json.dumps({"colors": COLORS, "logits": logits}) + "\n")


def main():
    data = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data")
    folder = data / "golden"
    backbone = load_file(folder / "backbone.safetensors")
    batch = load_file(folder / "batch.safetensors")
    for name, (method, config) in CASES.items():
        run(folder, name, method, config, backbone, batch)
    save_folders(data / "peft")


if __name__ == "__main__":
    main()
