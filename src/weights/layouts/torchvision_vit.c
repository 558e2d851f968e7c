/* ViT of torchvision. Files of its first versions name the MLP's linears, later ones number them.
 */
#include "weights/layout.h"

#define BLOCK "encoder.layers.encoder_layer_#."

static const gr_name_rule rules[] = {
    {"class_token", "cls_token"},
    {"encoder.pos_embedding", "pos_embed"},
    {"conv_proj.@", "patch_embed.proj.@"},
    {BLOCK "ln_1.@", "blocks.#.norm1.@"},
    {BLOCK "self_attention.in_proj_weight", "blocks.#.attn.qkv.weight"},
    {BLOCK "self_attention.in_proj_bias", "blocks.#.attn.qkv.bias"},
    {BLOCK "self_attention.out_proj.@", "blocks.#.attn.proj.@"},
    {BLOCK "ln_2.@", "blocks.#.norm2.@"},
    {BLOCK "mlp.0.@", "blocks.#.mlp.fc1.@", .optional = true},
    {BLOCK "mlp.3.@", "blocks.#.mlp.fc2.@", .optional = true},
    {BLOCK "mlp.linear_1.@", "blocks.#.mlp.fc1.@", .optional = true},
    {BLOCK "mlp.linear_2.@", "blocks.#.mlp.fc2.@", .optional = true},
    {"encoder.ln.@", "norm.@"},
    {"heads.head.@", "head.@", .optional = true},
    {"heads.*", NULL},
    {NULL},
};

const gr_layout gr_layout_torchvision_vit = {
    .name = "torchvision ViT",
    .block = BLOCK "ln_1.@",
    .rules = rules,
    .before_head = "heads.pre_logits.*",
    .own = {"encoder.*", "conv_proj.*"},
    .normalization = "imagenet",
};
