#include "model/positions.h"

#include "base/mem.h"
#include "data/resample.h"

#include <math.h>
#include <string.h>

/* Output i of a bicubic pass as a sum over the inputs, w[inputs]. Weights outside of the axis are
 * left out and the others scaled up. */
static void weigh_bicubic(int i, int inputs, int outputs, double *w)
{
    double ratio = (double)inputs / outputs, widening = ratio > 1.0 ? ratio : 1.0;
    double centre = (i + 0.5) * ratio, sum = 0.0;
    for (int k = 0; k < inputs; k++)
        sum += w[k] = gr_cubic((k + 0.5 - centre) / widening);
    for (int k = 0; k < inputs; k++)
        w[k] /= sum;
}

/* Keys' cubic with a = -0.75. */
static double sharp_cubic(double x)
{
    const double a = -0.75;
    x = x < 0.0 ? -x : x;
    if (x >= 2.0)
        return 0.0;
    return x < 1.0 ? ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
                   : ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
}

static void weigh_plain(int i, int inputs, int outputs, double *w)
{
    double centre = (i + 0.5) * inputs / outputs - 0.5;
    int first = (int)floor(centre) - 1;
    memset(w, 0, (size_t)inputs * sizeof(*w));
    for (int k = first; k < first + 4; k++)
        w[k < 0 ? 0 : k < inputs ? k : inputs - 1] += sharp_cubic(k - centre);
}

static void weigh_aligned(int i, int inputs, int outputs, double *w)
{
    double at = outputs > 1 ? (double)i * (inputs - 1) / (outputs - 1) : 0.0;
    int below = (int)at < inputs - 1 ? (int)at : inputs - 1;
    memset(w, 0, (size_t)inputs * sizeof(*w));
    w[below] = 1.0 - (at - below);
    if (below + 1 < inputs)
        w[below + 1] = at - below;
}

/* One output row, columns first: to [m, dim] from the grid [n, n, dim]. */
static void resize_row(const double *w, const double *wy, const float *from, int n, int m, int dim,
                       double *line, float *to)
{
    memset(line, 0, (size_t)n * (size_t)dim * sizeof(*line));
    for (int y = 0; y < n; y++)
        for (int k = 0; wy[y] != 0.0 && k < n * dim; k++)
            line[k] += wy[y] * (double)from[(int64_t)y * n * dim + k];
    for (int x = 0; x < m; x++)
        for (int c = 0; c < dim; c++) {
            double sum = 0.0;
            for (int k = 0; k < n; k++)
                sum += w[x * n + k] * line[k * dim + c];
            to[x * dim + c] = (float)sum;
        }
}

graft_status gr_positions_resize(gr_positions kind, const float *from, int from_grid, int first,
                                 float *to, int to_grid, int dim)
{
    size_t n = (size_t)from_grid, m = (size_t)to_grid;
    double *w = gr_alloc_array(NULL, m * n, sizeof(*w));
    double *line = w ? gr_alloc_array(w, n * (size_t)dim, sizeof(*line)) : NULL;
    if (!line) {
        gr_free(w);
        return GRAFT_ERR_MEMORY;
    }
    for (int i = 0; i < to_grid; i++)
        (kind == GR_POSITIONS_BICUBIC ? weigh_bicubic
         : kind == GR_POSITIONS_BICUBIC_PLAIN
             ? weigh_plain
             : weigh_aligned)(i, from_grid, to_grid, w + (size_t)i * n);
    memcpy(to, from, (size_t)first * (size_t)dim * sizeof(*to));
    from += (int64_t)first * dim, to += (int64_t)first * dim;
    for (int y = 0; y < to_grid; y++)
        resize_row(w, w + (size_t)y * n, from, from_grid, to_grid, dim, line,
                   to + (int64_t)y * to_grid * dim);
    gr_free(w);
    return GRAFT_OK;
}
