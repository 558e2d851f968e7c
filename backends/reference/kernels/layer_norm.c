#include "backends/reference/reference.h"

#include "shaders/layer_norm.gk.h"
#include "shaders/layer_norm_grad.gk.h"

/* A row of x (binding 0 of both kernels) with what layer_norm subtracts and divides by. */
typedef struct row_stats {
    uint64_t first;
    uint32_t cols;
    double mean;
    double deviation; /* sqrt(biased variance + eps) */
} row_stats;

static double x_of(gr_ref_call *call, const row_stats *row, uint32_t c)
{
    return gr_ref_get(call, 0, row->first + c);
}

static row_stats measure(gr_ref_call *call, uint64_t first, uint32_t cols, double eps)
{
    row_stats row = {.first = first, .cols = cols};
    double sum = 0, squares = 0;
    for (uint32_t c = 0; c < cols; c++)
        sum += x_of(call, &row, c);
    row.mean = sum / cols;
    for (uint32_t c = 0; c < cols; c++)
        squares += pow(x_of(call, &row, c) - row.mean, 2);
    row.deviation = sqrt(squares / cols + eps);
    return row;
}

static double normalised(gr_ref_call *call, const row_stats *row, uint32_t c)
{
    return (x_of(call, row, c) - row->mean) / row->deviation;
}

void gr_ref_layer_norm(gr_ref_call *call)
{
    enum { X, GAMMA, BETA, Y };
    GR_REF_PARAMS(call, layer_norm, p);
    bool affine = gr_ref_tunable(call, "AFFINE");
    for (uint32_t r = 0; r < p.rows; r++) {
        row_stats row = measure(call, gr_ref_at(p.x_offset, r, p.x_stride, 0), p.cols, p.eps);
        for (uint32_t c = 0; c < p.cols; c++) {
            double y = normalised(call, &row, c);
            if (affine)
                y = y * gr_ref_get(call, GAMMA, c) + gr_ref_get(call, BETA, c);
            gr_ref_put(call, Y, gr_ref_at(0, r, p.cols, c), y);
        }
    }
}

/* With g = dy * gamma and n = normalised x: dx = (g - mean(g) - n * mean(g * n)) / deviation. */
void gr_ref_layer_norm_grad(gr_ref_call *call)
{
    enum { X, GAMMA, DY, DX };
    GR_REF_PARAMS(call, layer_norm_grad, p);
    bool affine = gr_ref_tunable(call, "AFFINE");
    for (uint32_t r = 0; r < p.rows; r++) {
        row_stats row = measure(call, gr_ref_at(p.x_offset, r, p.x_stride, 0), p.cols, p.eps);
        uint64_t first = gr_ref_at(0, r, p.cols, 0);
        double mean_g = 0, mean_gn = 0;
        for (uint32_t c = 0; c < p.cols; c++) {
            double g = gr_ref_get(call, DY, first + c);
            g *= affine ? gr_ref_get(call, GAMMA, c) : 1;
            mean_g += g / p.cols;
            mean_gn += g * normalised(call, &row, c) / p.cols;
        }
        for (uint32_t c = 0; c < p.cols; c++) {
            double g = gr_ref_get(call, DY, first + c);
            g *= affine ? gr_ref_get(call, GAMMA, c) : 1;
            double dx = (g - mean_g - normalised(call, &row, c) * mean_gn) / row.deviation;
            gr_ref_put(call, DX, first + c, dx);
        }
    }
}
