/* BEiT and Data2VecVision of Hugging Face transformers. The last norm is that of the mean over the
 * patches, or of all tokens, where the class token is what a head sees. */
#include "weights/layout.h"

#define BLOCK     "encoder.layer.#."
#define ATTENTION BLOCK "attention.attention."
#define TABLE     "relative_position_bias.relative_position_bias_table"

static const gr_name_rule rules[] = {
    {"embeddings.cls_token", "cls_token"},
    {"embeddings.position_embeddings", "pos_embed", .optional = true},
    {"embeddings.patch_embeddings.projection.@", "patch_embed.proj.@"},
    {"encoder." TABLE, "rel_pos_bias.relative_position_bias_table", .optional = true},
    {"encoder.relative_position_bias.relative_position_index", NULL},
    {BLOCK "layernorm_before.@", "blocks.#.norm1.@"},
    {ATTENTION "query.weight", "blocks.#.attn.qkv.weight", .third = 1},
    {ATTENTION "key.weight", "blocks.#.attn.qkv.weight", .third = 2},
    {ATTENTION "value.weight", "blocks.#.attn.qkv.weight", .third = 3},
    {ATTENTION "query.bias", "blocks.#.attn.qkv.bias", .third = 1, .optional = true},
    {ATTENTION "key.bias", "blocks.#.attn.qkv.bias", .third = 2, .optional = true},
    {ATTENTION "value.bias", "blocks.#.attn.qkv.bias", .third = 3, .optional = true},
    {ATTENTION TABLE, "blocks.#.attn.relative_position_bias_table", .optional = true},
    {ATTENTION "relative_position_bias.relative_position_index", NULL},
    {BLOCK "attention.output.dense.@", "blocks.#.attn.proj.@"},
    {BLOCK "lambda_1", "blocks.#.ls1.gamma"},
    {BLOCK "layernorm_after.@", "blocks.#.norm2.@"},
    {BLOCK "intermediate.dense.@", "blocks.#.mlp.fc1.@"},
    {BLOCK "output.dense.@", "blocks.#.mlp.fc2.@"},
    {BLOCK "lambda_2", "blocks.#.ls2.gamma"},
    {"layernorm.@", "norm.@", .optional = true},
    {"pooler.layernorm.@", "norm.@", .optional = true},
    {"classifier.@", "head.@", .optional = true, .outside = true},
    {"embeddings.mask_token", NULL},
    {NULL},
};

const gr_layout gr_layout_transformers_beit = {
    .name = "transformers BEiT",
    .block = BLOCK "lambda_1",
    .towers = {"beit.", "data2vec_vision."},
    .rules = rules,
    .mean_norm = "pooler.layernorm.@",
    .own = {"encoder.*", "embeddings.*"},
    .sidecars = GR_SIDECARS_TRANSFORMERS,
    .normalization = "half",
    .metadata = {{"graft.norm_eps", "1e-12"}},
};
