/* The text encoder of CLIP, with the names of a plain vision transformer. No backbone: these
 * layouts are asked for, not recognised. */
#include "weights/layout.h"

static const gr_name_rule transformers_rules[] = {
    {"text_model.embeddings.token_embedding.weight", "token_embedding.weight"},
    {"text_model.embeddings.position_embedding.weight", "pos_embed"},
    {"text_model.encoder.layers.#.layer_norm1.@", "blocks.#.norm1.@"},
    {"text_model.encoder.layers.#.self_attn.q_proj.@", "blocks.#.attn.qkv.@", .third = 1},
    {"text_model.encoder.layers.#.self_attn.k_proj.@", "blocks.#.attn.qkv.@", .third = 2},
    {"text_model.encoder.layers.#.self_attn.v_proj.@", "blocks.#.attn.qkv.@", .third = 3},
    {"text_model.encoder.layers.#.self_attn.out_proj.@", "blocks.#.attn.proj.@"},
    {"text_model.encoder.layers.#.layer_norm2.@", "blocks.#.norm2.@"},
    {"text_model.encoder.layers.#.mlp.fc1.@", "blocks.#.mlp.fc1.@"},
    {"text_model.encoder.layers.#.mlp.fc2.@", "blocks.#.mlp.fc2.@"},
    {"text_model.final_layer_norm.@", "norm.@"},
    {"text_projection.weight", "proj.weight"},
    {"*", NULL}, /* the image encoder */
    {NULL},
};

const gr_layout gr_layout_transformers_text = {
    .name = "transformers CLIP text encoder",
    .block = "text_model.encoder.layers.#.layer_norm1.@",
    .rules = transformers_rules,
};

static const gr_name_rule openai_rules[] = {
    {"token_embedding.weight", "token_embedding.weight"},
    {"positional_embedding", "pos_embed"},
    {"transformer.resblocks.#.ln_1.@", "blocks.#.norm1.@"},
    {"transformer.resblocks.#.attn.in_proj_weight", "blocks.#.attn.qkv.weight"},
    {"transformer.resblocks.#.attn.in_proj_bias", "blocks.#.attn.qkv.bias"},
    {"transformer.resblocks.#.attn.out_proj.@", "blocks.#.attn.proj.@"},
    {"transformer.resblocks.#.ln_2.@", "blocks.#.norm2.@"},
    {"transformer.resblocks.#.mlp.c_fc.@", "blocks.#.mlp.fc1.@"},
    {"transformer.resblocks.#.mlp.c_proj.@", "blocks.#.mlp.fc2.@"},
    {"ln_final.@", "norm.@"},
    {"text_projection", "proj.weight", GR_AXES_LAST_OUT, 2},
    {"*", NULL}, /* the image encoder */
    {NULL},
};

const gr_layout gr_layout_openai_text = {
    .name = "OpenAI CLIP text encoder",
    .block = "transformer.resblocks.#.ln_1.@",
    .rules = openai_rules,
};
