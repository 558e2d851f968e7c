#include "model/vit.h"

#include "model/backbone.h"
#include "model/block.h"
#include "model/layers.h"
#include "model/taps.h"
#include "ops/ops.h"
#include "peft/compose.h"

/* Patches as tokens with position embeddings; the class token stands first. */
static gr_value *embed(gr_build *b, gr_value *image)
{
    const gr_model_config *c = b->config;
    int64_t dim = c->dim, n = (int64_t)gr_model_grid(c) * gr_model_grid(c);
    gr_value *x = gr_build_patches(b, image);
    gr_value *cls = gr_build_weight(b, "cls_token", GR_SHAPE(1, 1, dim));
    gr_value *pos = gr_build_weight(b, "pos_embed", GR_SHAPE(1, n + 1, dim));
    if (!cls || !pos || !x)
        return NULL;
    gr_value *row = gr_reshape(cls, GR_SHAPE(1, dim));
    gr_value *first = gr_place(&row, (int64_t[]){0}, 1, 0, n + 1);
    pos = gr_add(gr_reshape(pos, GR_SHAPE(n + 1, dim)), first);
    return gr_add(gr_place(&x, (int64_t[]){1}, 1, 1, n + 1), pos);
}

/* [B, T, D] -> [B, D] */
static gr_value *pooled(gr_build *b, gr_value *x)
{
    if (!x)
        return NULL;
    if (b->config->pool == GR_POOL_CLS)
        return gr_reshape(gr_slice(x, 1, 0, 1), GR_SHAPE(b->batch, b->config->dim));
    return gr_build_mean(b, x, (int64_t)gr_model_grid(b->config) * gr_model_grid(b->config));
}

/* What the classifier sees of the pooled class token [B, D]: CLIP projects it and may divide it by
 * its length. */
static gr_value *feature(gr_build *b, gr_value *x)
{
    const gr_model_config *c = b->config;
    if (c->proj_dim)
        x = gr_linear(x, gr_build_weight(b, "proj.weight", GR_SHAPE(c->proj_dim, c->dim)), NULL);
    return c->normalize_feature ? gr_scale(gr_l2_normalize(x), c->logit_scale) : x;
}

/* The stream between two blocks, as methods change it. */
static gr_value *between_blocks(gr_build *b, int block, gr_value *x)
{
    gr_value *y = gr_methods_before_block(b, block, x);
    gr_taps_note(b, gr_model_grid(b->config), x, y);
    return y;
}

gr_value *gr_vit_logits(gr_build *b, gr_value *image)
{
    gr_value *x = embed(b, image);
    if (b->config->pre_norm)
        x = gr_build_norm(b, GR_POINT_OUTER_NORM, "norm_pre", x);
    const gr_model_config *c = b->config;
    const gr_block_shape shape = {.heads = c->heads, .hidden = c->hidden};
    for (int i = 0; i < c->depth; i++) {
        const gr_block at = {gr_build_name(b, "blocks.%d", i), i, c->dim, gr_model_grid(c), true};
        x = gr_block_forward(b, &at, &shape, between_blocks(b, i, x));
    }
    x = between_blocks(b, c->depth, x);
    x = gr_build_norm(b, GR_POINT_NORM, "norm", pooled(b, x));
    return gr_build_head(b, feature(b, x));
}
