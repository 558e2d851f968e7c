/* DINOv2 of Hugging Face transformers, with and without registers. Its classifier sees the class
 * token beside the mean of the patches: where the latter counts it is dropped, graft's head is
 * another one. */
#include "weights/layout.h"

/* By the names of the MLP's two linears. */
#define RULES(first, second)                                                                       \
    {"embeddings.cls_token", "cls_token"}, {"embeddings.position_embeddings", "pos_embed"},        \
        {"embeddings.register_tokens", "reg_token", .optional = true},                             \
        {"embeddings.patch_embeddings.projection.@", "patch_embed.proj.@"},                        \
        {"encoder.layer.#.norm1.@", "blocks.#.norm1.@"},                                           \
        {"encoder.layer.#.attention.attention.query.@", "blocks.#.attn.qkv.@", .third = 1},        \
        {"encoder.layer.#.attention.attention.key.@", "blocks.#.attn.qkv.@", .third = 2},          \
        {"encoder.layer.#.attention.attention.value.@", "blocks.#.attn.qkv.@", .third = 3},        \
        {"encoder.layer.#.attention.output.dense.@", "blocks.#.attn.proj.@"},                      \
        {"encoder.layer.#.layer_scale1.lambda1", "blocks.#.ls1.gamma"},                            \
        {"encoder.layer.#.norm2.@", "blocks.#.norm2.@"},                                           \
        {"encoder.layer.#.mlp." first ".@", "blocks.#.mlp.fc1.@"},                                 \
        {"encoder.layer.#.mlp." second ".@", "blocks.#.mlp.fc2.@"},                                \
        {"encoder.layer.#.layer_scale2.lambda1", "blocks.#.ls2.gamma"}, {"layernorm.@", "norm.@"}, \
        {"classifier.@", "head.@", GR_AXES_CLASS_TOKEN, .optional = true, .outside = true},        \
        {"embeddings.mask_token", NULL}, {NULL},

static const gr_name_rule rules[] = {RULES("fc1", "fc2")};
static const gr_name_rule swiglu_rules[] = {RULES("weights_in", "weights_out")};

#define LAYOUT                                                                                     \
    .block = "encoder.layer.#.layer_scale1.lambda1",                                               \
    .towers = {"dinov2.", "dinov2_with_registers."}, .own = {"encoder.*", "embeddings.*"},         \
    .sidecars = GR_SIDECARS_TRANSFORMERS, .metadata = {{"graft.positions", "bicubic-plain"}}

const gr_layout gr_layout_transformers_dinov2 = {
    .name = "transformers DINOv2",
    .without = "encoder.layer.#.mlp.weights_in.@",
    .rules = rules,
    LAYOUT,
};

const gr_layout gr_layout_transformers_dinov2_swiglu = {
    .name = "transformers DINOv2 with SwiGLU",
    .rules = swiglu_rules,
    LAYOUT,
};
