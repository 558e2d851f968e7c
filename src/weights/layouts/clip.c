/* CLIP of Hugging Face transformers and of OpenAI (also OpenCLIP): the image encoder in graft's
 * names; the text encoder, where there is one, under its own. */
#include "weights/layout.h"

static const gr_name_rule transformers_rules[] = {
    {"vision_model.embeddings.class_embedding", "cls_token", GR_AXES_TOKENS, 1},
    {"vision_model.embeddings.position_embedding.weight", "pos_embed", GR_AXES_TOKENS, 2},
    {"vision_model.embeddings.patch_embedding.@", "patch_embed.proj.@"},
    {"vision_model.pre_layrnorm.@", "norm_pre.@"},
    {"vision_model.encoder.layers.#.layer_norm1.@", "blocks.#.norm1.@"},
    {"vision_model.encoder.layers.#.self_attn.q_proj.@", "blocks.#.attn.qkv.@", .third = 1},
    {"vision_model.encoder.layers.#.self_attn.k_proj.@", "blocks.#.attn.qkv.@", .third = 2},
    {"vision_model.encoder.layers.#.self_attn.v_proj.@", "blocks.#.attn.qkv.@", .third = 3},
    {"vision_model.encoder.layers.#.self_attn.out_proj.@", "blocks.#.attn.proj.@"},
    {"vision_model.encoder.layers.#.layer_norm2.@", "blocks.#.norm2.@"},
    {"vision_model.encoder.layers.#.mlp.fc1.@", "blocks.#.mlp.fc1.@"},
    {"vision_model.encoder.layers.#.mlp.fc2.@", "blocks.#.mlp.fc2.@"},
    {"vision_model.post_layernorm.@", "norm.@"},
    {"visual_projection.weight", "proj.weight", .optional = true},
    {"vision_model.embeddings.position_ids", NULL},
    {"text_model.embeddings.position_ids", NULL},
    {"text_model.*", "text_model.*", .optional = true},
    {"text_projection.weight", "text_projection.weight", .optional = true},
    {"logit_scale", "logit_scale", .optional = true},
    {NULL},
};

const gr_layout gr_layout_transformers_clip = {
    .name = "transformers CLIP",
    .block = "vision_model.encoder.layers.#.layer_norm1.@",
    .rules = transformers_rules,
    .own = {"vision_model.*"},
    .normalization = "clip",
    .sidecars = GR_SIDECARS_TRANSFORMERS,
};

static const gr_name_rule openai_rules[] = {
    {"visual.class_embedding", "cls_token", GR_AXES_TOKENS, 1},
    {"visual.positional_embedding", "pos_embed", GR_AXES_TOKENS, 2},
    {"visual.conv1.weight", "patch_embed.proj.weight"},
    {"visual.ln_pre.@", "norm_pre.@"},
    {"visual.transformer.resblocks.#.ln_1.@", "blocks.#.norm1.@"},
    {"visual.transformer.resblocks.#.attn.in_proj_weight", "blocks.#.attn.qkv.weight"},
    {"visual.transformer.resblocks.#.attn.in_proj_bias", "blocks.#.attn.qkv.bias",
     .optional = true},
    {"visual.transformer.resblocks.#.attn.out_proj.@", "blocks.#.attn.proj.@"},
    {"visual.transformer.resblocks.#.ln_2.@", "blocks.#.norm2.@"},
    {"visual.transformer.resblocks.#.mlp.c_fc.@", "blocks.#.mlp.fc1.@"},
    {"visual.transformer.resblocks.#.mlp.c_proj.@", "blocks.#.mlp.fc2.@"},
    {"visual.ln_post.@", "norm.@"},
    {"visual.proj", "proj.weight", GR_AXES_LAST_OUT, 2, .optional = true},
    {"attn_mask", NULL},
    {"input_resolution", NULL},
    {"context_length", NULL},
    {"vocab_size", NULL},
    {"transformer.*", "transformer.*", .optional = true},
    {"token_embedding.weight", "token_embedding.weight", .optional = true},
    {"positional_embedding", "positional_embedding", .optional = true},
    {"ln_final.@", "ln_final.@", .optional = true},
    {"text_projection", "text_projection", .optional = true},
    {"logit_scale", "logit_scale", .optional = true},
    {NULL},
};

const gr_layout gr_layout_openai_clip = {
    .name = "OpenAI CLIP",
    .block = "visual.transformer.resblocks.#.ln_1.@",
    .rules = openai_rules,
    .own = {"visual.*"},
    .normalization = "clip",
    .sidecars = GR_SIDECARS_OPEN_CLIP,
};
