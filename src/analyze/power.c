#include "analyze/power.h"

#include "ops/ops.h"

#include <math.h>
#include <stdio.h>

/* [1, 2 dim]: times it, squares of real and imaginary parts become the mean over channels. */
static gr_value *mean_weights(gr_graph *graph, int64_t dim)
{
    char *name = gr_graph_memory(graph, 32);
    if (!name)
        return NULL;
    snprintf(name, 32, "power.mean.%lld", (long long)dim);
    gr_value *found = gr_graph_find(graph, name);
    float *values = found ? NULL : gr_graph_memory(graph, (size_t)(2 * dim) * sizeof(*values));
    if (!values)
        return found;
    for (int64_t i = 0; i < 2 * dim; i++)
        values[i] = 1.0f / (float)dim;
    return gr_graph_frozen(graph, name, GR_SHAPE(1, 2 * dim), GR_F32, values);
}

gr_value *gr_token_power(gr_value *x, int64_t grid)
{
    if (!x)
        return NULL;
    int64_t batch = x->shape.dim[0], tokens = x->shape.dim[1], dim = x->shape.dim[2];
    int64_t half = grid / 2 + 1;
    gr_value *u = gr_slice(x, 1, tokens - grid * grid, grid * grid);
    gr_value *z = gr_rfft2(gr_reshape(u, GR_SHAPE(batch, grid, grid, dim)));
    z = gr_reshape(z, GR_SHAPE(batch * grid * half, 2 * dim));
    gr_value *power = gr_linear(gr_mul(z, z), mean_weights(x->graph, dim), NULL);
    return gr_reshape(power, GR_SHAPE(batch, grid, half));
}

/* Column v stands for itself and its mirror image, where that is another one. */
static double times(int64_t v, int64_t grid)
{
    return v == 0 || 2 * v == grid ? 1.0 : 2.0;
}

void gr_radial_mean(const double *half_spectrum, int64_t grid, double *out)
{
    int64_t half = grid / 2 + 1;
    for (int64_t f = 0; f < half; f++) {
        double sum = 0.0, count = 0.0;
        for (int64_t u = 0; u < grid; u++)
            for (int64_t v = 0; v < half; v++) {
                int64_t turn = u <= grid / 2 ? u : grid - u;
                if (llround(hypot((double)turn, (double)v)) != f)
                    continue;
                sum += times(v, grid) * half_spectrum[u * half + v];
                count += times(v, grid);
            }
        out[f] = count > 0.0 ? sum / count : 0.0;
    }
}
