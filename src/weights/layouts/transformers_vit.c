/* ViT, DeiT and ViT-MAE of Hugging Face transformers. */
#include "weights/layout.h"

static const gr_name_rule rules[] = {
    {"embeddings.cls_token", "cls_token"},
    {"embeddings.distillation_token", "dist_token", .optional = true},
    {"embeddings.position_embeddings", "pos_embed"},
    {"embeddings.patch_embeddings.projection.@", "patch_embed.proj.@"},
    {"encoder.layer.#.layernorm_before.@", "blocks.#.norm1.@"},
    {"encoder.layer.#.attention.attention.query.@", "blocks.#.attn.qkv.@", .third = 1},
    {"encoder.layer.#.attention.attention.key.@", "blocks.#.attn.qkv.@", .third = 2},
    {"encoder.layer.#.attention.attention.value.@", "blocks.#.attn.qkv.@", .third = 3},
    {"encoder.layer.#.attention.output.dense.@", "blocks.#.attn.proj.@"},
    {"encoder.layer.#.layernorm_after.@", "blocks.#.norm2.@"},
    {"encoder.layer.#.intermediate.dense.@", "blocks.#.mlp.fc1.@"},
    {"encoder.layer.#.output.dense.@", "blocks.#.mlp.fc2.@"},
    {"layernorm.@", "norm.@"},
    {"classifier.@", "head.@", .optional = true, .outside = true},
    {"cls_classifier.@", "head_cls.@", .optional = true, .outside = true},
    {"distillation_classifier.@", "head_dist.@", .optional = true, .outside = true},
    {"pooler.*", NULL},
    {"embeddings.mask_token", NULL},
    {"decoder.*", NULL, .outside = true},
    {NULL},
};

const gr_layout gr_layout_transformers_vit = {
    .name = "transformers ViT",
    .block = "encoder.layer.#.layernorm_before.@",
    .towers = {"vit.", "deit."},
    .rules = rules,
    .own = {"encoder.*", "embeddings.*"},
    .sidecars = GR_SIDECARS_TRANSFORMERS,
    .metadata = {{"graft.norm_eps", "1e-12"}},
};
