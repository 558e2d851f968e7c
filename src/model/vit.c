#include "model/vit.h"

#include "model/attention_pool.h"
#include "model/backbone.h"
#include "model/block.h"
#include "model/layers.h"
#include "model/relative.h"
#include "model/hidden_states.h"
#include "ops/ops.h"
#include "peft/compose.h"

/* Class tokens and registers as the first of `total` rows [total, dim], zeros below. */
static gr_value *token_rows(gr_build *b, int64_t total)
{
    static const char *const names[] = {"cls_token", "dist_token"};
    const gr_model_config *c = b->config;
    gr_value *rows[3];
    int64_t start[3], dim = c->dim;
    int count = gr_model_class_tokens(c);
    for (int i = 0; i < count; i++) {
        rows[i] = gr_build_weight(b, names[i], GR_SHAPE(1, 1, dim));
        rows[i] = rows[i] ? gr_reshape(rows[i], GR_SHAPE(1, dim)) : NULL;
        start[i] = i;
    }
    if (c->registers) {
        gr_value *registers = gr_build_weight(b, "reg_token", GR_SHAPE(1, c->registers, dim));
        start[count] = count;
        rows[count++] = registers ? gr_reshape(registers, GR_SHAPE(c->registers, dim)) : NULL;
    }
    for (int i = 0; i < count; i++)
        if (!rows[i])
            return NULL;
    return gr_concat_at(rows, start, count, 0, total);
}

/* pos_embed as rows [prefix + n, dim]: those of class tokens stay first, the patches' come last. */
static gr_value *position_rows(gr_build *b, int64_t prefix, int64_t n)
{
    const gr_model_config *c = b->config;
    int64_t dim = c->dim, first = c->patch_positions ? 0 : gr_model_class_tokens(c);
    gr_value *pos = gr_build_weight(b, "pos_embed", GR_SHAPE(1, first + n, dim));
    if (!pos)
        return NULL;
    pos = gr_reshape(pos, GR_SHAPE(first + n, dim));
    if (prefix == first)
        return pos;
    gr_value *parts[] = {first ? gr_slice(pos, 0, 0, first) : pos,
                         first ? gr_slice(pos, 0, first, n) : NULL};
    return gr_concat_at(parts, (int64_t[]){first ? 0 : prefix, prefix}, first ? 2 : 1, 0,
                        prefix + n);
}

/* Patches as tokens with position embeddings, behind class tokens and registers. */
static gr_value *embed(gr_build *b, gr_value *image)
{
    int64_t n = (int64_t)gr_model_grid(b->config) * gr_model_grid(b->config);
    int64_t prefix = gr_model_prefix(b->config);
    bool placed = b->config->positions != GR_POSITIONS_NONE;
    gr_value *x = gr_build_patches(b, image);
    gr_value *rows = placed ? position_rows(b, prefix, n) : NULL;
    if (prefix && x) {
        gr_value *tokens = token_rows(b, prefix + n);
        rows = placed ? gr_add(rows, tokens) : tokens;
        x = gr_concat_at(&x, &prefix, 1, 1, prefix + n);
    }
    return prefix || placed ? gr_add(x, rows) : x;
}

/* [B, T, D] -> what the head sees, [B, D]; with two class tokens [B, 2 D]. */
static gr_value *pooled(gr_build *b, gr_value *x)
{
    const gr_model_config *c = b->config;
    if (!x)
        return NULL;
    if (b->tokens) {
        int64_t values = x->shape.dim[1] * c->dim;
        return gr_reshape(gr_build_norm(b, GR_POINT_NORM, "norm", x), GR_SHAPE(b->batch, values));
    }
    int64_t patches = (int64_t)gr_model_grid(c) * gr_model_grid(c), tokens;
    switch (c->pool) {
    case GR_POOL_CLS:
        tokens = gr_model_class_tokens(c);
        x = gr_build_norm(b, GR_POINT_NORM, "norm", gr_slice(x, 1, 0, tokens));
        return gr_reshape(x, GR_SHAPE(b->batch, tokens * c->dim));
    case GR_POOL_NORMED_AVG:
        return gr_build_mean(b, gr_build_norm(b, GR_POINT_NORM, "norm", x), patches);
    case GR_POOL_MAP:
        return gr_attention_pool(b, gr_build_norm(b, GR_POINT_NORM, "norm", x));
    case GR_POOL_AVG:
        break;
    }
    return gr_build_norm(b, GR_POINT_NORM, "norm", gr_build_mean(b, x, patches));
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
    gr_hidden_states_note(b, gr_model_grid(b->config), x, y);
    return y;
}

/* What a block adds to its scores, or NULL. */
static gr_value *score_bias(gr_build *b, const gr_block *at, const gr_value *x)
{
    gr_value *own = NULL, *shared = NULL;
    if (x && b->config->relative_bias)
        own = gr_relative_bias(b, gr_build_name(b, "%s.attn", at->name), x->shape.dim[1]);
    if (x && b->config->shared_relative_bias)
        shared = gr_relative_bias(b, "rel_pos_bias", x->shape.dim[1]);
    return own && shared ? gr_add(own, shared) : own ? own : shared;
}

gr_value *gr_vit_logits(gr_build *b, gr_value *image)
{
    gr_value *x = embed(b, image);
    if (b->config->pre_norm)
        x = gr_build_norm(b, GR_POINT_OUTER_NORM, "norm_pre", x);
    const gr_model_config *c = b->config;
    gr_block_shape shape = {.heads = c->heads, .hidden = c->hidden};
    for (int i = 0; i < c->depth; i++) {
        const gr_block at = {.name = gr_build_name(b, "blocks.%d", i),
                             .index = i,
                             .dim = c->dim,
                             .grid = gr_model_grid(c),
                             .prefix = gr_model_prefix(c)};
        x = between_blocks(b, i, x);
        shape.bias = score_bias(b, &at, x);
        x = gr_block_forward(b, &at, &shape, x);
    }
    x = between_blocks(b, c->depth, x);
    x = pooled(b, x);
    return gr_build_head(b, b->tokens ? x : feature(b, x));
}
