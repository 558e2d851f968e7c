#include "model/rope.h"

#include "ops/ops.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

/* By what pair `pair` of C/2 is turned at a place of the grid. */
static double angle(gr_rope kind, int64_t row, int64_t col, int64_t grid, int64_t pair,
                    int64_t channels)
{
    int64_t quarter = channels / 4;
    double place = (double)(pair < quarter ? row : col),
           part = (double)(pair % quarter) / (double)quarter;
    if (kind == GR_ROPE_EVA02)
        return place * 16.0 / (double)grid * pow(10000.0, -part);
    return 2.0 * PI * (2.0 * (place + 0.5) / (double)grid - 1.0) * pow(100.0, -part);
}

/* Where the halves of a pair lie. */
static int64_t channel_of(gr_rope kind, int64_t pair, int half, int64_t channels)
{
    return kind == GR_ROPE_EVA02 ? 2 * pair + half : pair + half * channels / 2;
}

/* Cosines, or sines with the sign of the other half's share, of all tokens [tokens, channels]. */
static gr_value *table(gr_build *b, bool sines, int64_t tokens, int64_t channels)
{
    gr_rope kind = b->config->rope;
    int64_t grid = gr_model_grid(b->config), first = gr_model_prefix(b->config) + b->prompts;
    const char *name =
        gr_build_name(b, "rope.%s.%d.%d", sines ? "sin" : "cos", (int)first, (int)tokens);
    gr_value *existing = gr_graph_find(b->graph, name);
    if (existing)
        return existing;
    float *values = gr_graph_memory(b->graph, (size_t)(tokens * channels) * sizeof(*values));
    if (!values)
        return NULL;
    for (int64_t i = 0; i < tokens * channels; i++)
        values[i] = sines ? 0.0f : 1.0f;
    for (int64_t i = 0; i < grid * grid * channels; i++) {
        int64_t patch = i / channels, pair = i % channels / 2;
        int half = (int)(i % 2);
        double turn = angle(kind, patch / grid, patch % grid, grid, pair, channels);
        values[(first + patch) * channels + channel_of(kind, pair, half, channels)] =
            (float)(!sines ? cos(turn)
                    : half ? sin(turn)
                           : -sin(turn));
    }
    return gr_graph_frozen(b->graph, name, GR_SHAPE(tokens, channels), GR_F32, values);
}

/* Each channel becomes the other one of its pair. */
static gr_value *swap_pairs(gr_rope kind, gr_value *x)
{
    gr_shape s = x->shape;
    bool neighbours = kind == GR_ROPE_EVA02;
    int64_t half = s.dim[3] / 2;
    x = gr_reshape(x, neighbours ? GR_SHAPE(s.dim[0], s.dim[1], s.dim[2], half, 2)
                                 : GR_SHAPE(s.dim[0], s.dim[1], s.dim[2], 2, half));
    int axis = neighbours ? 4 : 3;
    gr_value *parts[] = {gr_slice(x, axis, 1, 1), gr_slice(x, axis, 0, 1)};
    return gr_reshape(gr_concat(parts, 2, axis), s);
}

gr_value *gr_rope_rotate(gr_build *b, gr_value *x)
{
    if (!x)
        return NULL;
    int64_t tokens = x->shape.dim[2], channels = x->shape.dim[3];
    gr_value *cosines = table(b, false, tokens, channels),
             *sines = table(b, true, tokens, channels);
    return gr_add(gr_mul(x, cosines), gr_mul(swap_pairs(b->config->rope, x), sines));
}
