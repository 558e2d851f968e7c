"""Computes the logits of tests/train/variants.c with the library's own models, in float64:
    python3 tests/train/variants.py [NAME..]
needs torch and timm (0.9.16 or later; DINOv3: 1.0.20)."""
import math
import sys

import torch

IMAGE = torch.sin(0.11 * torch.arange(3 * 16 * 16, dtype=torch.float64)).view(1, 3, 16, 16)
COMMON = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "depth": 2, "num_heads": 2,
          "num_classes": 5}


def filled(name, shape):
    """The numbers of graft's tensor `name`, see support.h."""
    count, gain = math.prod(shape), "norm" in name and "weight" in name
    waves = torch.sin(0.37 * torch.arange(count, dtype=torch.float64) + sum(name.encode()) % 100)
    return ((1 if gain else 0) + (0.5 if gain else 0.2) * waves).float().double().view(shape)


def fill(model, rename=lambda name: name, special=None):
    """Sets all parameters; `special` knows those that are no tensor of graft: name -> values."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            given = special(name, value.shape) if special else None
            value.copy_(filled(rename(name), value.shape) if given is None else given)
    return model.double().eval()


def vit(**options):
    from timm.models.vision_transformer import VisionTransformer
    return VisionTransformer(**{"mlp_ratio": 2, **COMMON, **options})


def distilled():
    from timm.models.deit import VisionTransformerDistilled

    def heads(name, shape):
        if name.startswith("head") and name.endswith("weight"):
            return 2 * filled("head.weight", (5, 48))[:, 24 * ("dist" in name):][:, :24]
        return filled("head.bias", shape) if name.startswith("head") else None
    return fill(VisionTransformerDistilled(mlp_ratio=2, **COMMON), special=heads)


def fc_norm(name):
    return name.replace("fc_norm", "norm")


VARIANTS = {
    "distilled": distilled,
    "patches alone": lambda: fill(vit(class_token=False, global_pool="avg"), fc_norm),
    "mean of normed patches": lambda: fill(vit(class_token=False, global_pool="avg",
                                               fc_norm=False)),
}

for variant in sys.argv[1:] or VARIANTS:
    with torch.no_grad():
        logits = VARIANTS[variant]()(IMAGE)[0]
    print(variant, ", ".join("%.7gf" % x for x in logits))
