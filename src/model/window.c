#include "model/window.h"

#include "model/backbone.h"
#include "ops/ops.h"

/* [.., n, ..] rolled so that index `by` comes first. */
static gr_value *roll(gr_value *x, int axis, int64_t by)
{
    if (!x || by == 0)
        return x;
    gr_value *parts[] = {gr_slice(x, axis, by, x->shape.dim[axis] - by), gr_slice(x, axis, 0, by)};
    return gr_concat(parts, 2, axis);
}

gr_value *gr_window_cut(const gr_window *window, gr_value *x)
{
    if (!x)
        return NULL;
    int64_t r = window->grid, w = window->side, batch = x->shape.dim[0], dim = x->shape.dim[2];
    x = gr_reshape(x, GR_SHAPE(batch, r, r, dim));
    x = roll(roll(x, 1, window->shift), 2, window->shift);
    x = gr_reshape(x, GR_SHAPE(batch, r / w, w, r / w, w, dim));
    x = gr_permute(x, (int[]){0, 1, 3, 2, 4, 5});
    return gr_reshape(x, GR_SHAPE(batch, r * r, dim));
}

gr_value *gr_window_join(const gr_window *window, gr_value *x)
{
    if (!x)
        return NULL;
    int64_t r = window->grid, w = window->side, batch = x->shape.dim[0], dim = x->shape.dim[2];
    int64_t back = window->shift ? r - window->shift : 0;
    x = gr_reshape(x, GR_SHAPE(batch, r / w, r / w, w, w, dim));
    x = gr_permute(x, (int[]){0, 1, 3, 2, 4, 5});
    x = gr_reshape(x, GR_SHAPE(batch, r, r, dim));
    return gr_reshape(roll(roll(x, 1, back), 2, back), GR_SHAPE(batch, r * r, dim));
}

/* [tokens^2, (2 side - 1)^2] with a one where a pair of tokens reads the bias table: the lookup as
 * a product, whose gradient is a product too. One for all windows of a size. */
static gr_value *table_rows(gr_build *b, int64_t side)
{
    const char *name = gr_build_name(b, "window.pairs.%d", (int)side);
    int64_t span = 2 * side - 1, tokens = side * side;
    gr_shape shape = GR_SHAPE(tokens * tokens, span * span);
    gr_value *existing = gr_graph_find(b->graph, name);
    if (existing)
        return existing;
    float *values = gr_graph_memory(b->graph, (size_t)gr_shape_count(&shape) * sizeof(*values));
    if (!values)
        return NULL;
    for (int64_t q = 0; q < tokens; q++)
        for (int64_t k = 0; k < tokens; k++) {
            int64_t rows = q / side - k / side, cols = q % side - k % side;
            int64_t entry = (rows + side - 1) * span + cols + side - 1;
            values[(q * tokens + k) * span * span + entry] = 1.0f;
        }
    return gr_graph_frozen(b->graph, name, shape, GR_F32, values);
}

/* A window at the edge holds tokens from both ends of the rolled grid: which strip a row or a
 * column belongs to. */
static int64_t strip(const gr_window *w, int64_t at)
{
    return at < w->grid - w->side ? 0 : at < w->grid - w->shift ? 1 : 2;
}

static void fill_mask(const gr_window *w, int64_t heads, float *values)
{
    int64_t side = w->side, across = w->grid / side, tokens = side * side;
    for (int64_t i = 0; i < across * across * heads; i++) {
        int64_t row = i / heads / across * side, col = i / heads % across * side;
        for (int64_t q = 0; q < tokens; q++)
            for (int64_t k = 0; k < tokens; k++, values++) {
                bool same = strip(w, row + q / side) == strip(w, row + k / side) &&
                            strip(w, col + q % side) == strip(w, col + k % side);
                *values = same ? 0.0f : -100.0f;
            }
    }
}

/* [windows, heads, tokens, tokens]: 0, or -100 where a query must not see a key. */
static gr_value *shift_mask(gr_build *b, const gr_window *window, int64_t heads)
{
    const char *name = gr_build_name(b, "window.mask.%d", window->stage);
    int64_t across = window->grid / window->side, tokens = window->side * window->side;
    gr_shape shape = GR_SHAPE(across * across, heads, tokens, tokens);
    gr_value *existing = gr_graph_find(b->graph, name);
    if (existing)
        return existing;
    float *values = gr_graph_memory(b->graph, (size_t)gr_shape_count(&shape) * sizeof(*values));
    if (!values)
        return NULL;
    fill_mask(window, heads, values);
    return gr_graph_frozen(b->graph, name, shape, GR_F32, values);
}

gr_value *gr_window_bias(gr_build *b, const gr_window *window, const char *module, gr_value *scores)
{
    if (!scores)
        return NULL;
    int64_t heads = scores->shape.dim[1], span = 2 * window->side - 1;
    int64_t tokens = window->side * window->side;
    const char *name = gr_build_name(b, "%s.relative_position_bias_table", module);
    gr_value *table = gr_build_weight(b, name, GR_SHAPE(span * span, heads));
    gr_value *bias = gr_transpose(gr_matmul(table_rows(b, window->side), table, NULL, 1.0f));
    bias = gr_reshape(bias, GR_SHAPE(heads, tokens, tokens));
    if (!window->shift)
        return gr_add(scores, bias);
    bias = gr_add(shift_mask(b, window, heads), bias);
    gr_shape flat = scores->shape;
    int64_t windows = window->grid / window->side * (window->grid / window->side);
    scores = gr_reshape(scores, GR_SHAPE(flat.dim[0] / windows, windows, heads, tokens, tokens));
    return gr_reshape(gr_add(scores, bias), flat);
}
