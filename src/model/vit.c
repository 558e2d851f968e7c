#include "model/vit.h"

#include "model/backbone.h"
#include "model/block.h"
#include "model/layers.h"
#include "model/taps.h"
#include "ops/ops.h"
#include "peft/compose.h"

/* Class token and registers with their positions, as rows before those of the patches:
 * [prefix + n, dim], to be added to the patches behind zeros. */
static gr_value *constant_rows(gr_build *b, int64_t n)
{
    const gr_model_config *c = b->config;
    int64_t dim = c->dim, prefix = gr_model_prefix(c), first = c->patch_positions ? 0 : 1;
    gr_value *cls = gr_build_weight(b, "cls_token", GR_SHAPE(1, 1, dim));
    gr_value *pos = gr_build_weight(b, "pos_embed", GR_SHAPE(1, first + n, dim));
    gr_value *registers =
        c->registers ? gr_build_weight(b, "reg_token", GR_SHAPE(1, c->registers, dim)) : NULL;
    if (!cls || !pos || (c->registers && !registers))
        return NULL;
    gr_value *rows[] = {gr_reshape(cls, GR_SHAPE(1, dim)),
                        registers ? gr_reshape(registers, GR_SHAPE(c->registers, dim)) : NULL};
    gr_value *tokens = gr_concat_at(rows, (int64_t[]){0, 1}, registers ? 2 : 1, 0, prefix + n);
    pos = gr_reshape(pos, GR_SHAPE(first + n, dim));
    if (prefix != first) { /* the class token's position stays first, the patches' move */
        gr_value *parts[] = {first ? gr_slice(pos, 0, 0, 1) : gr_slice(pos, 0, 0, n),
                             first ? gr_slice(pos, 0, 1, n) : NULL};
        const int64_t start[] = {first ? 0 : prefix, prefix};
        pos = gr_concat_at(parts, start, first ? 2 : 1, 0, prefix + n);
    }
    return gr_add(pos, tokens);
}

/* Patches as tokens with position embeddings, behind the class token and the registers. */
static gr_value *embed(gr_build *b, gr_value *image)
{
    int64_t n = (int64_t)gr_model_grid(b->config) * gr_model_grid(b->config);
    int64_t prefix = gr_model_prefix(b->config);
    gr_value *x = gr_build_patches(b, image), *rows = constant_rows(b, n);
    return x && rows ? gr_add(gr_concat_at(&x, &prefix, 1, 1, prefix + n), rows) : NULL;
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
        const gr_block at = {.name = gr_build_name(b, "blocks.%d", i),
                             .index = i,
                             .dim = c->dim,
                             .grid = gr_model_grid(c),
                             .prefix = gr_model_prefix(c)};
        x = gr_block_forward(b, &at, &shape, between_blocks(b, i, x));
    }
    x = between_blocks(b, c->depth, x);
    x = gr_build_norm(b, GR_POINT_NORM, "norm", pooled(b, x));
    return gr_build_head(b, feature(b, x));
}
