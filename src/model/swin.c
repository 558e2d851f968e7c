#include "model/swin.h"

#include "model/block.h"
#include "model/layers.h"
#include "model/hidden_states.h"
#include "model/window.h"
#include "ops/ops.h"
#include "peft/compose.h"

/* Four neighbours become one token of twice the width: [B, g g, D] -> [B, g g / 4, 2 D]. They are
 * joined column by column. */
static gr_value *merge_patches(gr_build *b, int stage, int64_t grid, gr_value *x)
{
    if (!x)
        return NULL;
    int64_t dim = x->shape.dim[2], half = grid / 2;
    x = gr_reshape(x, GR_SHAPE(b->batch, half, 2, half, 2, dim));
    x = gr_permute(x, (int[]){0, 1, 3, 4, 2, 5});
    x = gr_reshape(x, GR_SHAPE(b->batch, half * half, 4 * dim));
    const char *name = gr_build_name(b, "layers.%d.downsample", stage);
    x = gr_build_norm(b, GR_POINT_OUTER_NORM, gr_build_name(b, "%s.norm", name), x);
    gr_linear_site reduction = gr_build_linear(b, gr_build_name(b, "%s.reduction", name),
                                               GR_TARGET_REDUCTION, 2 * dim, 4 * dim);
    return gr_methods_linear(&reduction, b, x);
}

/* A grid that fits into one window is one, and has nothing to shift. */
static gr_window window_of(const gr_model_config *c, int stage, int block)
{
    int64_t grid = gr_model_grid(c) >> stage;
    if (grid <= c->window)
        return (gr_window){.grid = grid, .side = grid, .stage = stage};
    return (gr_window){grid, c->window, block % 2 ? c->window / 2 : 0, stage};
}

gr_value *gr_swin_logits(gr_build *b, gr_value *image)
{
    const gr_model_config *c = b->config;
    gr_value *x = gr_build_patches(b, image);
    x = gr_build_norm(b, GR_POINT_OUTER_NORM, "patch_embed.norm", x);
    for (int stage = 0, index = 0; stage < c->stages; stage++) {
        int64_t grid = gr_model_grid(c) >> stage, dim = (int64_t)c->dim << stage;
        for (int i = 0; i < c->stage_depth[stage]; i++, index++) {
            const gr_window window = window_of(c, stage, i);
            const gr_block_shape shape = {
                .heads = c->stage_heads[stage],
                .hidden = (int64_t)c->hidden << stage,
                .window = &window,
            };
            const char *name = gr_build_name(b, "layers.%d.blocks.%d", stage, i);
            const gr_block at = {.name = name, .index = index, .dim = dim, .grid = grid};
            gr_hidden_states_note(b, grid, x, x);
            x = gr_block_forward(b, &at, &shape, x);
        }
        if (stage + 1 < c->stages)
            x = merge_patches(b, stage, grid, x);
    }
    gr_hidden_states_note(b, (int64_t)gr_model_grid(c) >> (c->stages - 1), x, x);
    x = gr_build_norm(b, GR_POINT_NORM, "norm", x);
    if (x && b->tokens)
        return gr_reshape(x, GR_SHAPE(b->batch, x->shape.dim[1] * x->shape.dim[2]));
    return gr_build_head(b, gr_build_mean(b, x, x ? x->shape.dim[1] : 0));
}
