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


def siglip(**options):
    def pool(name, shape):
        whole = name.replace(".q.", ".qkv.").replace(".kv.", ".qkv.")
        if not name.startswith("attn_pool.") or whole == name:
            return None
        values = filled(whole, (72, *shape[1:]))
        return values[:24] if ".q." in name else values[24:]
    return fill(vit(class_token=False, global_pool="map", act_layer="gelu_tanh", **options),
                special=pool)


def fc_norm(name):
    return name.replace("fc_norm", "norm")


def beit(shared, **options):
    """BEiT; graft has a bias of the key as well, which is zero here."""
    from timm.models.beit import Beit
    model = Beit(mlp_ratio=2, init_values=0.1, use_abs_pos_emb=False, use_rel_pos_bias=not shared,
                 use_shared_rel_pos_bias=shared, **COMMON, **options)
    return fill(model, eva_names, eva_biases)


def eva_names(name):
    return fc_norm(name).replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma")


def eva_biases(name, shape):
    """Halves and thirds of graft's tensors; biases of keys are left out."""
    for i, part in enumerate("qkv"):
        if name.endswith("attn.%s_bias" % part):
            return filled(name[:-6] + "qkv.bias", (72,)).view(3, 24)[i]
        if "attn.%s_proj" % part in name:
            whole = name.replace(part + "_proj", "qkv")
            return filled(whole, (3 * shape[0], *shape[1:])).view(3, *shape)[i]
    for i, part in enumerate("gx"):
        if "mlp.fc1_" + part in name:
            whole = name.replace("fc1_" + part, "fc1")
            return filled(whole, (2 * shape[0], *shape[1:])).view(2, *shape)[i]
    return None


def eva(**options):
    from timm.models.eva import Eva
    return fill(Eva(mlp_ratio=2, **COMMON, **options), eva_names, eva_biases)


VARIANTS = {
    "distilled": distilled,
    "patches alone": lambda: fill(vit(class_token=False, global_pool="avg"), fc_norm),
    "BEiT": lambda: beit(False),
    "BEiT with shared positions": lambda: beit(True),
    "SigLIP": siglip,
    "EVA02": lambda: eva(qkv_fused=False, swiglu_mlp=True, scale_mlp=True, scale_attn_inner=True,
                         use_rot_pos_emb=True, ref_feat_shape=(16, 16)),
    "DINOv3": lambda: eva(qkv_bias=False, init_values=1, rope_type="dinov3", rope_temperature=100,
                          rope_rotate_half=True, use_rot_pos_emb=True, use_abs_pos_emb=False,
                          num_reg_tokens=2, use_fc_norm=False, global_pool="token",
                          dynamic_img_size=True),
    "mean of normed patches": lambda: fill(vit(class_token=False, global_pool="avg",
                                               fc_norm=False)),
}

for variant in sys.argv[1:] or VARIANTS:
    with torch.no_grad():
        logits = VARIANTS[variant]()(IMAGE)[0]
    print(variant, ", ".join("%.7gf" % x for x in logits))
