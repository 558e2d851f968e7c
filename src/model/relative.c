#include "model/relative.h"

#include "model/backbone.h"
#include "ops/ops.h"
#include "weights/tensors.h"

#include <math.h>

/* [grid^2, 2 grid - 1] with a one where a pair of rows (or of columns) has its offset. */
static gr_value *offsets(gr_build *b, int64_t grid)
{
    gr_value *existing = gr_graph_find(b->graph, "relative.offsets");
    int64_t span = 2 * grid - 1;
    if (existing)
        return existing;
    float *values = gr_graph_memory(b->graph, (size_t)(grid * grid * span) * sizeof(*values));
    if (!values)
        return NULL;
    for (int64_t pair = 0; pair < grid * grid; pair++)
        values[pair * span + pair / grid - pair % grid + grid - 1] = 1.0f;
    return gr_graph_frozen(b->graph, "relative.offsets", GR_SHAPE(grid * grid, span), GR_F32,
                           values);
}

/* The look-up for all pairs of patches [heads, n, n] as two products, one for each axis: a single
 * one would have n^2 rows. Its gradient is products, too. */
static gr_value *between_patches(gr_build *b, gr_value *table, int64_t grid, int64_t heads)
{
    int64_t span = 2 * grid - 1, pairs = grid * grid;
    gr_value *rows = offsets(b, grid), *bias = gr_slice(table, 0, 0, span * span);
    bias = gr_matmul(rows, gr_reshape(bias, GR_SHAPE(span, span * heads)), NULL, 1.0f);
    bias = gr_permute(gr_reshape(bias, GR_SHAPE(pairs, span, heads)), (int[]){2, 0, 1});
    bias = gr_matmul(bias, gr_transpose(rows), NULL, 1.0f); /* [heads, row pairs, column pairs] */
    bias = gr_reshape(bias, GR_SHAPE(heads, grid, grid, grid, grid));
    return gr_reshape(gr_permute(bias, (int[]){0, 1, 3, 2, 4}), GR_SHAPE(heads, pairs, pairs));
}

/* Row `row` of the table for each of `count` patches, [heads, count]. */
static gr_value *repeated(gr_build *b, gr_value *table, int64_t row, int64_t heads, int64_t count)
{
    gr_value *ones = gr_graph_find(b->graph, "relative.ones");
    if (!ones) {
        float *values = gr_graph_memory(b->graph, (size_t)count * sizeof(*values));
        for (int64_t i = 0; values && i < count; i++)
            values[i] = 1.0f;
        ones = values
                   ? gr_graph_frozen(b->graph, "relative.ones", GR_SHAPE(1, count), GR_F32, values)
                   : NULL;
    }
    gr_value *entry = gr_reshape(gr_slice(table, 0, row, 1), GR_SHAPE(heads, 1));
    return gr_matmul(entry, ones, NULL, 1.0f);
}

/* Tables are of one grid. */
static bool fits(gr_build *b, const char *name, int64_t grid)
{
    const gr_tensor *t = b->weights ? gr_tensors_find(b->weights, name) : NULL;
    int64_t rows = (2 * grid - 1) * (2 * grid - 1) + 3;
    if (!t || t->shape.rank != 2 || t->shape.dim[0] == rows || t->shape.dim[0] < 4)
        return true;
    int64_t own = ((int64_t)lround(sqrt((double)(t->shape.dim[0] - 3))) + 1) / 2;
    int64_t patch = b->config->patch_size;
    gr_graph_fail(b->graph, GRAFT_ERR_ARGUMENT,
                  "`input.image_size` %d: the backbone's relative positions are of %lldx%lld "
                  "patches and are not resized; use %lld",
                  b->config->image_size, (long long)own, (long long)own, (long long)(own * patch));
    return false;
}

gr_value *gr_relative_bias(gr_build *b, const char *module, int64_t tokens)
{
    int64_t grid = gr_model_grid(b->config), heads = b->config->heads, n = grid * grid;
    int64_t first = gr_model_prefix(b->config) + b->prompts, last = (2 * grid - 1) * (2 * grid - 1);
    const char *name = gr_build_name(b, "%s.relative_position_bias_table", module);
    if (!fits(b, name, grid))
        return NULL;
    gr_value *table = gr_build_weight(b, name, GR_SHAPE(last + 3, heads));
    if (!table)
        return NULL;
    gr_value *to_patch = gr_reshape(repeated(b, table, last, heads, n), GR_SHAPE(heads, 1, n));
    gr_value *to_class = gr_reshape(repeated(b, table, last + 1, heads, n), GR_SHAPE(heads, n, 1));
    gr_value *itself = gr_reshape(gr_slice(table, 0, last + 2, 1), GR_SHAPE(heads, 1, 1));
    const int64_t start[] = {0, first};
    gr_value *rows[] = {
        gr_concat_at((gr_value *[]){itself, to_patch}, start, 2, 2, tokens),
        gr_concat_at((gr_value *[]){to_class, between_patches(b, table, grid, heads)}, start, 2, 2,
                     tokens),
    };
    return gr_concat_at(rows, start, 2, 1, tokens);
}
