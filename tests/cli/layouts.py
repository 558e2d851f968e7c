"""The files of codes that are not installed, made of a model of timm or transformers with the same
weights, and graft's logits with them."""
import json

from libraries import LibraryTest, heads_of, randomize, torch, transformers


def renamed(name, table):
    for old, new in table:
        name = name.replace(old, new)
    return name


def openai_clip(state):
    """The state of transformers' CLIP as OpenAI names it: query, key and value are one there, and
    projections are [in, out]."""
    table = (("vision_model.", "visual."), ("text_model.", ""), ("embeddings.", ""),
             ("position_embedding.weight", "positional_embedding"), ("patch_embedding", "conv1"),
             ("pre_layrnorm", "ln_pre"), ("post_layernorm", "ln_post"),
             ("final_layer_norm", "ln_final"), ("encoder.layers", "transformer.resblocks"),
             ("layer_norm", "ln_"), ("self_attn.q_proj.", "attn.in_proj_"), ("self_attn", "attn"),
             (".fc1", ".c_fc"), (".fc2", ".c_proj"),
             ("visual_projection.weight", "visual.proj"),
             ("text_projection.weight", "text_projection"))
    saved = {"input_resolution": torch.tensor(224)}
    for name, value in state.items():
        if "q_proj" in name:
            value = torch.cat([state[name.replace("q_proj", part)]
                               for part in ("q_proj", "k_proj", "v_proj")])
        if not any(part in name for part in ("k_proj", "v_proj", "position_ids")):
            saved[renamed(name, table)] = value.T if "projection" in name else value
    return saved


def jax_vit(state, heads):
    """timm's state in the names of flax: kernels [in, out] or [y, x, in, out], query, key and value
    apart, with a dimension for the heads."""
    table = (("cls_token", "cls"), ("pos_embed", "Transformer/posembed_input/pos_embedding"),
             ("patch_embed.proj", "embedding"), ("norm1", "LayerNorm_0"), ("norm2", "LayerNorm_2"),
             ("attn.proj", "attn.out"), ("attn", "MultiHeadDotProductAttention_1"),
             ("mlp.fc1", "MlpBlock_3/Dense_0"), ("mlp.fc2", "MlpBlock_3/Dense_1"),
             ("blocks.", "Transformer/encoderblock_"), ("norm.", "Transformer/encoder_norm/"),
             (".", "/"))
    saved = {}
    for name, value in state.items():
        name = renamed(name.replace(".weight", ".kernel" if value.dim() > 1 else ".scale"), table)
        if name.endswith("kernel"):
            value = value.permute(2, 3, 1, 0) if value.dim() == 4 else value.T
        if "/qkv/" in name:
            for part, third in zip(("query", "key", "value"), value.chunk(3, dim=-1)):
                saved[name.replace("qkv", part)] = third.reshape(*third.shape[:-1], heads, -1)
        elif name.endswith("out/kernel"):
            saved[name] = value.reshape(heads, -1, value.shape[1])
        else:
            saved[name] = value
    return saved


def transformers_dinov3(state):
    """timm's state of a DINOv3 as transformers names it, its head left out of the tower."""
    table = (("reg_token", "embeddings.register_tokens"), ("cls_token", "embeddings.cls_token"),
             ("patch_embed.proj", "embeddings.patch_embeddings"), ("blocks.", "layer."),
             ("attn.proj", "attention.o_proj"), ("attn.", "attention."),
             ("gamma_1", "layer_scale1.lambda1"), ("gamma_2", "layer_scale2.lambda1"),
             ("fc1_g", "gate_proj"), ("fc1_x", "up_proj"), ("fc1", "up_proj"),
             ("fc2", "down_proj"))
    saved = {}
    for name, value in state.items():
        name = name if name.startswith("head") else renamed(name, table)
        if ".qkv." in name:
            saved.update({name.replace("qkv", part + "_proj"): third
                          for part, third in zip("qkv", value.chunk(3))})
        else:
            saved[name] = value
    return saved


def moco_v3(state):
    """A training checkpoint of MoCo v3 with timm's state as its encoder; the other encoder has
    the same names and other values."""
    saved = {"module.base_encoder." + name: value for name, value in state.items()}
    saved.update({"module.momentum_encoder." + name: -value for name, value in state.items()})
    for name in ("base_encoder.head.0.weight", "base_encoder.head.1.running_mean",
                 "momentum_encoder.head.0.weight", "predictor.0.weight"):
        saved["module." + name] = torch.ones(8, 8)
    return saved


def mae(state):
    """A pretraining checkpoint of MAE with the state of a timm model with mean pooling."""
    saved = {name.replace("fc_norm", "norm"): value for name, value in state.items()}
    for name in ("mask_token", "decoder_pos_embed", "decoder_embed.weight", "decoder_norm.weight",
                 "decoder_blocks.0.norm1.weight", "decoder_pred.bias"):
        saved[name] = torch.ones(8)
    return saved


class LayoutTest(LibraryTest):
    def save_npz(self, state):
        import numpy
        path = self.path("model.npz")
        numpy.savez(path, **{name: value.contiguous().numpy() for name, value in state.items()})
        return path

    def check_jax(self, model):
        path = self.save_npz(jax_vit(model.state_dict(), model.blocks[0].attn.num_heads))
        self.check_classifier(path, "JAX ViT", self.compute(model))

    def check_moco(self, model):
        self.check_encoder(self.save(moco_v3(model.state_dict())), "MoCo v3", self.compute(model))

    def check_mae(self, model):
        path = self.save(mae(model.state_dict()), config=heads_of(model))
        self.check_encoder(path, "MAE", self.compute(model),
                           "--pool", "avg")

    def check_clip(self, vision, activation="quick_gelu", openai=False):
        """Only the image encoder is compared: that of texts may be small."""
        config = transformers.CLIPConfig(
            vision_config=dict(vision, hidden_act=activation),
            text_config={"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
                         "intermediate_size": 32, "vocab_size": 50},
            projection_dim=vision["projection_dim"])
        model = randomize(transformers.CLIPModel(config))
        if openai:
            path = self.save(openai_clip(model.state_dict()))
            width = vision["hidden_size"]
            self.write("model/open_clip_config.json", json.dumps({"model_cfg": {
                "quick_gelu": activation == "quick_gelu", "vision_cfg": {
                    "width": width, "head_width": width // vision["num_attention_heads"]}}}
            ).encode())
        else:
            path = self.save(model.state_dict(), config=config)
        self.check_encoder(path, "OpenAI CLIP" if openai else "transformers CLIP",
                           self.compute(model.get_image_features), "--projection")
