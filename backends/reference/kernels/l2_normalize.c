#include "backends/reference/reference.h"

#include "shaders/l2_normalize.gk.h"
#include "shaders/l2_normalize_grad.gk.h"

/* Binding 0 of both kernels. */
enum { X };

static double norm_of(gr_ref_call *call, uint64_t first, uint32_t cols)
{
    double squares = 0;
    for (uint32_t c = 0; c < cols; c++)
        squares += pow(gr_ref_get(call, X, first + c), 2);
    return sqrt(squares);
}

void gr_ref_l2_normalize(gr_ref_call *call)
{
    enum { Y = 1 };
    GR_REF_PARAMS(call, l2_normalize, p);
    for (uint32_t r = 0; r < p.rows; r++) {
        uint64_t first = (uint64_t)r * p.cols;
        double length = fmax(norm_of(call, first, p.cols), p.least);
        for (uint32_t c = 0; c < p.cols; c++)
            gr_ref_put(call, Y, first + c, gr_ref_get(call, X, first + c) / length);
    }
}

/* The derivative of x_c / n by x_j is (c == j) / n - x_c x_j / n^3, or without its second term
 * where n does not depend on x. */
void gr_ref_l2_normalize_grad(gr_ref_call *call)
{
    enum { DY = 1, DX };
    GR_REF_PARAMS(call, l2_normalize_grad, p);
    for (uint32_t r = 0; r < p.rows; r++) {
        uint64_t first = (uint64_t)r * p.cols;
        double norm = norm_of(call, first, p.cols), product = 0;
        for (uint32_t c = 0; c < p.cols; c++)
            product += gr_ref_get(call, X, first + c) * gr_ref_get(call, DY, first + c);
        for (uint32_t c = 0; c < p.cols; c++) {
            double x = gr_ref_get(call, X, first + c), dy = gr_ref_get(call, DY, first + c);
            double dx = norm < p.least ? dy / p.least : dy / norm - x * product / pow(norm, 3);
            gr_ref_put(call, DX, first + c, dx);
        }
    }
}
