/* Swin of Hugging Face transformers. */
#include "weights/layout.h"

static const gr_name_rule rules[] = {
    {"embeddings.patch_embeddings.projection.@", "patch_embed.proj.@"},
    {"embeddings.norm.@", "patch_embed.norm.@", .optional = true},
    {"encoder.layers.#.blocks.#.layernorm_before.@", "layers.#.blocks.#.norm1.@"},
    {"encoder.layers.#.blocks.#.attention.self.query.@", "layers.#.blocks.#.attn.qkv.@",
     .third = 1},
    {"encoder.layers.#.blocks.#.attention.self.key.@", "layers.#.blocks.#.attn.qkv.@", .third = 2},
    {"encoder.layers.#.blocks.#.attention.self.value.@", "layers.#.blocks.#.attn.qkv.@",
     .third = 3},
    {"encoder.layers.#.blocks.#.attention.self.relative_position_bias_table",
     "layers.#.blocks.#.attn.relative_position_bias_table"},
    {"encoder.layers.#.blocks.#.attention.output.dense.@", "layers.#.blocks.#.attn.proj.@"},
    {"encoder.layers.#.blocks.#.layernorm_after.@", "layers.#.blocks.#.norm2.@"},
    {"encoder.layers.#.blocks.#.intermediate.dense.@", "layers.#.blocks.#.mlp.fc1.@"},
    {"encoder.layers.#.blocks.#.output.dense.@", "layers.#.blocks.#.mlp.fc2.@"},
    {"encoder.layers.#.downsample.norm.@", "layers.#.downsample.norm.@"},
    {"encoder.layers.#.downsample.reduction.weight", "layers.#.downsample.reduction.weight"},
    {"layernorm.@", "norm.@"},
    {"classifier.@", "head.@", .optional = true, .outside = true},
    {"encoder.layers.#.blocks.#.attention.self.relative_position_index", NULL},
    {"embeddings.mask_token", NULL},
    {"decoder.*", NULL, .outside = true},
    {NULL},
};

const gr_layout gr_layout_transformers_swin = {
    .name = "transformers Swin",
    .block = "encoder.layers.#.blocks.#.layernorm_before.@",
    .towers = {"swin."},
    .rules = rules,
    .own = {"encoder.*", "embeddings.*"},
    .sidecars = GR_SIDECARS_TRANSFORMERS,
};

const gr_layout gr_layout_transformers_swinv2 = {
    .name = "transformers Swin v2",
    .block = "encoder.layers.#.blocks.#.layernorm_before.@",
    .with = "encoder.layers.#.blocks.#.attention.self.logit_scale",
    .towers = {"swinv2."},
    .rules = rules,
    .refusal = GR_NO_SWINV2,
};
