/* Swin by Microsoft and by timm, which has moved the merging layers to the stage that they lead to
 * and renamed the head with 0.9. */
#include "weights/layout.h"

/* clang-format off */
#define SHARED                                                                                     \
    {"patch_embed.proj.@", "patch_embed.proj.@"},                                                  \
    {"patch_embed.norm.@", "patch_embed.norm.@", .optional = true},                                \
    {"layers.#.blocks.#.norm1.@", "layers.#.blocks.#.norm1.@"},                                    \
    {"layers.#.blocks.#.attn.qkv.@", "layers.#.blocks.#.attn.qkv.@"},                              \
    {"layers.#.blocks.#.attn.relative_position_bias_table",                                        \
     "layers.#.blocks.#.attn.relative_position_bias_table"},                                       \
    {"layers.#.blocks.#.attn.proj.@", "layers.#.blocks.#.attn.proj.@"},                            \
    {"layers.#.blocks.#.norm2.@", "layers.#.blocks.#.norm2.@"},                                    \
    {"layers.#.blocks.#.mlp.fc1.@", "layers.#.blocks.#.mlp.fc1.@"},                                \
    {"layers.#.blocks.#.mlp.fc2.@", "layers.#.blocks.#.mlp.fc2.@"},                                \
    {"norm.@", "norm.@"},                                                                          \
    {"layers.#.blocks.#.attn_mask", NULL},                                                         \
    {"layers.#.blocks.#.attn.relative_position_index", NULL},                                      \
    {"mask_token", NULL}
/* clang-format on */

static const gr_name_rule rules[] = {
    SHARED,
    {"layers.#.downsample.norm.@", "layers.#.downsample.norm.@"},
    {"layers.#.downsample.reduction.weight", "layers.#.downsample.reduction.weight"},
    /* Merging may add it, see gr_build_if_loaded. */
    {"layers.#.downsample.reduction.bias", "layers.#.downsample.reduction.bias", .optional = true},
    {"head.@", "head.@", .optional = true},
    {NULL},
};

static const gr_name_rule new_rules[] = {
    SHARED,
    {"layers.#.downsample.norm.@", "layers.#-.downsample.norm.@"},
    {"layers.#.downsample.reduction.weight", "layers.#-.downsample.reduction.weight"},
    {"head.fc.@", "head.@", .optional = true},
    {NULL},
};

#define BLOCK "layers.#.blocks.#.norm1.@"
#define OWN   "layers.*", "patch_embed.*", "absolute_pos_embed"

const gr_layout gr_layout_timm_swin = {
    .name = "Swin",
    .block = BLOCK,
    .rules = rules,
    .own = {OWN},
    .sidecars = GR_SIDECARS_TIMM,
};

const gr_layout gr_layout_timm_swin_new = {
    .name = "timm Swin",
    .block = BLOCK,
    .with = "layers.1.downsample.norm.@",
    .without = "layers.0.downsample.norm.@",
    .rules = new_rules,
    .own = {OWN},
    .sidecars = GR_SIDECARS_TIMM,
};

const gr_layout gr_layout_timm_swinv2 = {
    .name = "Swin v2",
    .block = BLOCK,
    .with = "layers.#.blocks.#.attn.logit_scale",
    .rules = rules,
    .refusal = GR_NO_SWINV2,
};
