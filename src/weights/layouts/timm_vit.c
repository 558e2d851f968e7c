/* timm's plain vision transformers: graft's own names. DeiT and the released encoders of MAE are
 * such files too; MAE with its decoder, mean pooling and MoCo v3 differ in a few names. */
#include "weights/layout.h"

/* Backbones without a class token have the mean over the patches; a last norm is "norm" or
 * "fc_norm". A hidden layer before the head is nothing that fine-tuning uses, nor are projectors.
 */
/* clang-format off */
#define SHARED                                                                                     \
    {"cls_token", "cls_token", .optional = true},                                                  \
    {"dist_token", "dist_token", .optional = true},                                                \
    {"pos_embed", "pos_embed"},                                                                    \
    {"reg_token", "reg_token", .optional = true},                                                  \
    {"register_tokens", "reg_token", .optional = true},                                            \
    {"patch_embed.proj.@", "patch_embed.proj.@"},                                                  \
    {"norm_pre.@", "norm_pre.@", .optional = true},                                                \
    {"blocks.#.norm1.@", "blocks.#.norm1.@"},                                                      \
    {"blocks.#.attn.qkv.weight", "blocks.#.attn.qkv.weight"},                                      \
    {"blocks.#.attn.qkv.bias", "blocks.#.attn.qkv.bias", .optional = true},                        \
    {"blocks.#.attn.proj.@", "blocks.#.attn.proj.@"},                                              \
    {"blocks.#.norm2.@", "blocks.#.norm2.@"},                                                      \
    {"blocks.#.mlp.fc1.@", "blocks.#.mlp.fc1.@"},                                                  \
    {"blocks.#.mlp.fc2.@", "blocks.#.mlp.fc2.@"},                                                  \
    {"blocks.#.ls1.gamma", "blocks.#.ls1.gamma", .optional = true},                                \
    {"blocks.#.ls2.gamma", "blocks.#.ls2.gamma", .optional = true},                                \
    {"norm.@", "norm.@", .optional = true},                                                        \
    {"fc_norm.@", "norm.@", .optional = true},                                                     \
    {"proj.weight", "proj.weight", .optional = true},                                              \
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
    .own = {OWN},
    .sidecars = GR_SIDECARS_TIMM,
    .metadata = {{"graft.pool", "avg"}},
};

const gr_layout gr_layout_mae = {
    .name = "MAE",
    .block = BLOCK,
    .with = "decoder_embed.@",
    .rules = rules,
    .before_head = "pre_logits.*",
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
