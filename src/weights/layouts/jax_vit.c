/* The original JAX checkpoints of the Vision Transformer (ViT-B_16.npz and its like).
 *
 * Names there are those of flax modules, linear kernels are [in, out], the patch convolution is
 * [height, width, in, out], and attention keeps query, key and value apart, with heads as a
 * dimension of their own. */
#include "weights/layout.h"

#define BLOCK     "Transformer/encoderblock_#/"
#define ATTENTION BLOCK "MultiHeadDotProductAttention_1/"

#define THIRD(part, index)                                                                         \
    {ATTENTION part "/kernel", "blocks.#.attn.qkv.weight", GR_AXES_FIRST_IN, 3, index},            \
    {                                                                                              \
        ATTENTION part "/bias", "blocks.#.attn.qkv.bias", GR_AXES_FLAT, 2, index                   \
    }

static const gr_name_rule rules[] = {
    {"cls", "cls_token", GR_AXES_SAME, 3},
    {"Transformer/posembed_input/pos_embedding", "pos_embed", GR_AXES_SAME, 3},
    {"embedding/kernel", "patch_embed.proj.weight", GR_AXES_PATCHES, 4},
    {"embedding/bias", "patch_embed.proj.bias", GR_AXES_FLAT},
    {BLOCK "LayerNorm_0/scale", "blocks.#.norm1.weight", GR_AXES_FLAT},
    {BLOCK "LayerNorm_0/bias", "blocks.#.norm1.bias", GR_AXES_FLAT},
    THIRD("query", 1),
    THIRD("key", 2),
    THIRD("value", 3),
    {ATTENTION "out/kernel", "blocks.#.attn.proj.weight", GR_AXES_LAST_OUT, 3},
    {ATTENTION "out/bias", "blocks.#.attn.proj.bias", GR_AXES_FLAT},
    {BLOCK "LayerNorm_2/scale", "blocks.#.norm2.weight", GR_AXES_FLAT},
    {BLOCK "LayerNorm_2/bias", "blocks.#.norm2.bias", GR_AXES_FLAT},
    {BLOCK "MlpBlock_3/Dense_0/kernel", "blocks.#.mlp.fc1.weight", GR_AXES_LAST_OUT, 2},
    {BLOCK "MlpBlock_3/Dense_0/bias", "blocks.#.mlp.fc1.bias", GR_AXES_FLAT},
    {BLOCK "MlpBlock_3/Dense_1/kernel", "blocks.#.mlp.fc2.weight", GR_AXES_LAST_OUT, 2},
    {BLOCK "MlpBlock_3/Dense_1/bias", "blocks.#.mlp.fc2.bias", GR_AXES_FLAT},
    {"Transformer/encoder_norm/scale", "norm.weight", GR_AXES_FLAT},
    {"Transformer/encoder_norm/bias", "norm.bias", GR_AXES_FLAT},
    {"head/kernel", "head.weight", GR_AXES_LAST_OUT, 2, .optional = true},
    {"head/bias", "head.bias", GR_AXES_FLAT, .optional = true},
    {"pre_logits/*", NULL},
    {NULL},
};

const gr_layout gr_layout_jax_vit = {
    .name = "JAX ViT",
    .block = BLOCK "LayerNorm_0/*",
    .rules = rules,
    .before_head = "pre_logits/*",
    .normalization = "half",
    .own = {"*"},
    .metadata = {{"graft.positions", "bilinear-aligned"}},
};
