/* DINOv3 of Hugging Face transformers. */
#include "weights/layout.h"

/* clang-format off */
#define SHARED                                                                                     \
    {"embeddings.cls_token", "cls_token"},                                                         \
    {"embeddings.register_tokens", "reg_token", .optional = true},                                 \
    {"embeddings.patch_embeddings.@", "patch_embed.proj.@"},                                       \
    {"layer.#.norm1.@", "blocks.#.norm1.@"},                                                       \
    {"layer.#.attention.q_proj.weight", "blocks.#.attn.qkv.weight", .third = 1},                   \
    {"layer.#.attention.k_proj.weight", "blocks.#.attn.qkv.weight", .third = 2},                   \
    {"layer.#.attention.v_proj.weight", "blocks.#.attn.qkv.weight", .third = 3},                   \
    {"layer.#.attention.q_proj.bias", "blocks.#.attn.qkv.bias", .third = 1, .optional = true},     \
    {"layer.#.attention.k_proj.bias", "blocks.#.attn.qkv.bias", .third = 2, .optional = true},     \
    {"layer.#.attention.v_proj.bias", "blocks.#.attn.qkv.bias", .third = 3, .optional = true},     \
    {"layer.#.attention.o_proj.@", "blocks.#.attn.proj.@"},                                        \
    {"layer.#.layer_scale1.lambda1", "blocks.#.ls1.gamma"},                                        \
    {"layer.#.norm2.@", "blocks.#.norm2.@"},                                                       \
    {"layer.#.mlp.down_proj.@", "blocks.#.mlp.fc2.@"},                                             \
    {"layer.#.layer_scale2.lambda1", "blocks.#.ls2.gamma"},                                        \
    {"norm.@", "norm.@"},                                                                          \
    {"head.@", "head.@", .optional = true},                                                        \
    {"embeddings.mask_token", NULL},                                                               \
    {"rope_embeddings.*", NULL}
/* clang-format on */

static const gr_name_rule rules[] = {
    SHARED,
    {"layer.#.mlp.up_proj.@", "blocks.#.mlp.fc1.@"},
    {NULL},
};

static const gr_name_rule gated_rules[] = {
    SHARED,
    {"layer.#.mlp.gate_proj.@", "blocks.#.mlp.fc1.@", .half = 1},
    {"layer.#.mlp.up_proj.@", "blocks.#.mlp.fc1.@", .half = 2},
    {NULL},
};

#define LAYOUT                                                                                     \
    .block = "layer.#.layer_scale1.lambda1", .own = {"layer.*", "embeddings.*"},                   \
    .sidecars = GR_SIDECARS_TRANSFORMERS, .normalization = "imagenet",                             \
    .metadata = {{"graft.rope", "dinov3"}, {"graft.norm_eps", "1e-5"}}

const gr_layout gr_layout_transformers_dinov3 = {
    .name = "transformers DINOv3",
    .rules = rules,
    LAYOUT,
};

const gr_layout gr_layout_transformers_dinov3_gated = {
    .name = "transformers DINOv3 with SwiGLU",
    .with = "layer.#.mlp.gate_proj.@",
    .rules = gated_rules,
    LAYOUT,
};
