/* SigLIP's image encoder in Hugging Face transformers, also SigLIP 2's of fixed size. Its
 * classifier sees the mean of the patches, all else the token that attention pools. */
#include "weights/layout.h"

#define BLOCK "vision_model.encoder.layers.#."

/* clang-format off */
#define SHARED                                                                                     \
    {"vision_model.embeddings.patch_embedding.@", "patch_embed.proj.@"},                           \
    {"vision_model.embeddings.position_embedding.weight", "pos_embed", GR_AXES_TOKENS, 2},         \
    {BLOCK "layer_norm1.@", "blocks.#.norm1.@"},                                                   \
    {BLOCK "self_attn.q_proj.@", "blocks.#.attn.qkv.@", .third = 1},                               \
    {BLOCK "self_attn.k_proj.@", "blocks.#.attn.qkv.@", .third = 2},                               \
    {BLOCK "self_attn.v_proj.@", "blocks.#.attn.qkv.@", .third = 3},                               \
    {BLOCK "self_attn.out_proj.@", "blocks.#.attn.proj.@"},                                        \
    {BLOCK "layer_norm2.@", "blocks.#.norm2.@"},                                                   \
    {BLOCK "mlp.fc1.@", "blocks.#.mlp.fc1.@"},                                                     \
    {BLOCK "mlp.fc2.@", "blocks.#.mlp.fc2.@"},                                                     \
    {"vision_model.post_layernorm.@", "norm.@"},                                                   \
    {"vision_model.embeddings.position_ids", NULL},                                                \
    {"text_model.*", NULL},                                                                        \
    {"logit_scale", NULL},                                                                         \
    {"logit_bias", NULL}
/* clang-format on */

static const gr_name_rule rules[] = {
    SHARED,
    {"vision_model.head.probe", "attn_pool.latent"},
    {"vision_model.head.attention.in_proj_weight", "attn_pool.qkv.weight"},
    {"vision_model.head.attention.in_proj_bias", "attn_pool.qkv.bias"},
    {"vision_model.head.attention.out_proj.@", "attn_pool.proj.@"},
    {"vision_model.head.layernorm.@", "attn_pool.norm.@"},
    {"vision_model.head.mlp.fc1.@", "attn_pool.mlp.fc1.@"},
    {"vision_model.head.mlp.fc2.@", "attn_pool.mlp.fc2.@"},
    {NULL},
};

static const gr_name_rule classifier_rules[] = {
    SHARED,
    {"classifier.@", "head.@", .optional = true},
    {"vision_model.head.*", NULL},
    {NULL},
};

#define LAYOUT                                                                                     \
    .block = BLOCK "layer_norm1.@", .own = {"vision_model.*"},                                     \
    .sidecars = GR_SIDECARS_TRANSFORMERS, .normalization = "half"

const gr_layout gr_layout_transformers_siglip = {
    .name = "transformers SigLIP",
    .with = "vision_model.head.probe",
    .rules = rules,
    LAYOUT,
    .metadata = {{"graft.activation", "gelu_tanh"}},
};

const gr_layout gr_layout_transformers_siglip_classifier = {
    .name = "transformers SigLIP with a classifier",
    .with = "classifier.@",
    .without = "vision_model.embeddings.class_embedding",
    .rules = classifier_rules,
    LAYOUT,
    .metadata = {{"graft.activation", "gelu_tanh"}},
};
