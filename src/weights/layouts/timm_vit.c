/* timm's plain vision transformers: graft's own names. DeiT and the released encoders of MAE are
 * such files too; MAE with its decoder, mean pooling and MoCo v3 differ in a few names. */
#include "weights/layout.h"

/* Backbones without a class token have the mean over the patches; a last norm is "norm" or
 * "fc_norm". A hidden layer before the head is nothing that fine-tuning uses, nor are projectors.
 */
/* clang-format off */

/* Query, key and value apart, or their biases alone; a key without one has zeros. */
#define QKV(part, index)                                                                           \
    {"blocks.#.attn." part "_proj.weight", "blocks.#.attn.qkv.weight", .third = index,             \
     .optional = true},                                                                            \
    {"blocks.#.attn." part "_proj.bias", "blocks.#.attn.qkv.bias", .third = index,                 \
     .optional = true},                                                                            \
    {"blocks.#.attn." part "_bias", "blocks.#.attn.qkv.bias", .third = index, .optional = true}

#define SHARED                                                                                     \
    {"cls_token", "cls_token", .optional = true},                                                  \
    {"dist_token", "dist_token", .optional = true},                                                \
    {"pos_embed", "pos_embed", .optional = true},                                                  \
    {"rel_pos_bias.relative_position_bias_table", "rel_pos_bias.relative_position_bias_table",     \
     .optional = true},                                                                            \
    {"rel_pos_bias.relative_position_index", NULL},                                                \
    {"reg_token", "reg_token", .optional = true},                                                  \
    {"register_tokens", "reg_token", .optional = true},                                            \
    {"patch_embed.proj.@", "patch_embed.proj.@"},                                                  \
    {"norm_pre.@", "norm_pre.@", .optional = true},                                                \
    {"blocks.#.norm1.@", "blocks.#.norm1.@"},                                                      \
    {"blocks.#.attn.qkv.@", "blocks.#.attn.qkv.@", .optional = true},                              \
    QKV("q", 1),                                                                                   \
    QKV("k", 2),                                                                                   \
    QKV("v", 3),                                                                                   \
    {"blocks.#.attn.relative_position_bias_table", "blocks.#.attn.relative_position_bias_table",   \
     .optional = true},                                                                            \
    {"blocks.#.attn.relative_position_index", NULL},                                               \
    {"blocks.#.attn.norm.@", "blocks.#.attn.norm.@", .optional = true},                            \
    {"blocks.#.attn.proj.@", "blocks.#.attn.proj.@"},                                              \
    {"blocks.#.norm2.@", "blocks.#.norm2.@"},                                                      \
    {"blocks.#.mlp.fc1.@", "blocks.#.mlp.fc1.@", .optional = true},                                \
    {"blocks.#.mlp.fc1_g.@", "blocks.#.mlp.fc1.@", .half = 1, .optional = true},                   \
    {"blocks.#.mlp.fc1_x.@", "blocks.#.mlp.fc1.@", .half = 2, .optional = true},                   \
    {"blocks.#.mlp.norm.@", "blocks.#.mlp.norm.@", .optional = true},                              \
    {"blocks.#.mlp.fc2.@", "blocks.#.mlp.fc2.@"},                                                  \
    {"blocks.#.ls1.gamma", "blocks.#.ls1.gamma", .optional = true},                                \
    {"blocks.#.ls2.gamma", "blocks.#.ls2.gamma", .optional = true},                                \
    {"blocks.#.gamma_1", "blocks.#.ls1.gamma", .optional = true},                                  \
    {"blocks.#.gamma_2", "blocks.#.ls2.gamma", .optional = true},                                  \
    {"norm.@", "norm.@", .optional = true},                                                        \
    {"fc_norm.@", "norm.@", .optional = true},                                                     \
    {"proj.weight", "proj.weight", .optional = true},                                              \
    {"attn_pool.latent", "attn_pool.latent", .optional = true},                                    \
    {"attn_pool.qkv.@", "attn_pool.qkv.@", .optional = true},                                      \
    {"attn_pool.q.@", "attn_pool.qkv.@", .half = 1, .optional = true},                             \
    {"attn_pool.kv.@", "attn_pool.qkv.@", .half = 2, .optional = true},                            \
    {"attn_pool.proj.@", "attn_pool.proj.@", .optional = true},                                    \
    {"attn_pool.norm.@", "attn_pool.norm.@", .optional = true},                                    \
    {"attn_pool.mlp.fc1.@", "attn_pool.mlp.fc1.@", .optional = true},                              \
    {"attn_pool.mlp.fc2.@", "attn_pool.mlp.fc2.@", .optional = true},                              \
    {"pre_logits.*", NULL},                                                                        \
    {"head.*", NULL},                                                                              \
    {"mask_token", NULL},                                                                          \
    {"decoder_*", NULL},                                                                           \
    {"momentum_encoder.*", NULL, .outside = true},                                                 \
    {"predictor.*", NULL, .outside = true}
/* clang-format on */

static const gr_name_rule rules[] = {{"head.@", "head.@", .optional = true}, SHARED, {NULL}};

/* Logits are the mean of both heads', see gr_backbone_load. */
static const gr_name_rule distilled_rules[] = {
    {"head.@", "head_cls.@"}, {"head_dist.@", "head_dist.@"}, SHARED, {NULL}};

#define BLOCK "blocks.#.norm1.@"
#define OWN   "blocks.*", "patch_embed.*", "attn_pool.*", "stem.*"

const gr_layout gr_layout_timm_vit = {
    .name = "timm ViT",
    .block = BLOCK,
    .rules = rules,
    .before_head = "pre_logits.*",
    .mean_norm = "fc_norm.@",
    .own = {OWN},
    .sidecars = GR_SIDECARS_TIMM,
};

/* Also MAE, fine-tuned. */
const gr_layout gr_layout_timm_vit_avg = {
    .name = "timm ViT with mean pooling",
    .block = BLOCK,
    .with = "fc_norm.@",
    .rules = rules,
    .before_head = "pre_logits.*",
    .mean_norm = "fc_norm.@",
    .own = {OWN},
    .sidecars = GR_SIDECARS_TIMM,
};

#define TIMM                                                                                       \
    .block = BLOCK, .rules = rules, .mean_norm = "fc_norm.@", .own = {OWN},                        \
    .sidecars = GR_SIDECARS_TIMM

const gr_layout gr_layout_timm_beit = {
    .name = "timm BEiT",
    .with = "blocks.#.attn.relative_position_bias_table",
    TIMM,
};

const gr_layout gr_layout_timm_beit_shared = {
    .name = "timm BEiT with shared positions",
    .with = "rel_pos_bias.relative_position_bias_table",
    TIMM,
};

const gr_layout gr_layout_timm_siglip = {
    .name = "timm SigLIP",
    .with = "attn_pool.latent",
    TIMM,
    .normalization = "half",
};

const gr_layout gr_layout_timm_dinov3 = {
    .name = "timm DINOv3",
    .with = "blocks.#.gamma_1",
    .without = "pos_embed",
    TIMM,
    .normalization = "imagenet",
    .metadata = {{"graft.rope", "dinov3"}, {"graft.norm_eps", "1e-5"}},
};

const gr_layout gr_layout_timm_eva02 = {
    .name = "timm EVA02",
    .with = "blocks.#.mlp.fc1_g.@",
    TIMM,
    .normalization = "clip",
    .metadata = {{"graft.rope", "eva02"}},
};

/* The small EVA02s, whose gate is packed, and EVA. */
const gr_layout gr_layout_timm_eva = {
    .name = "timm EVA",
    .with = "blocks.#.attn.q_bias",
    TIMM,
    .normalization = "clip",
    .metadata = {{"graft.rope", "eva02"}},
};

const gr_layout gr_layout_mae = {
    .name = "MAE",
    .block = BLOCK,
    .with = "decoder_embed.@",
    .rules = rules,
    .before_head = "pre_logits.*",
    .mean_norm = "fc_norm.@",
    .own = {OWN},
    .sidecars = GR_SIDECARS_TIMM,
};

/* Both released sizes have 12 heads, in the small one of 32 channels each. */
const gr_layout gr_layout_moco_v3 = {
    .name = "MoCo v3",
    .block = BLOCK,
    .towers = {"base_encoder."},
    .needs_tower = true,
    .rules = rules,
    .before_head = "pre_logits.*",
    .mean_norm = "fc_norm.@",
    .own = {OWN},
    .sidecars = GR_SIDECARS_TIMM,
    .metadata = {{"graft.heads", "12"}},
};

const gr_layout gr_layout_timm_deit_distilled = {
    .name = "distilled DeiT",
    .block = BLOCK,
    .with = "head_dist.@",
    .rules = distilled_rules,
    .own = {OWN},
    .sidecars = GR_SIDECARS_TIMM,
};
