#include "backends/reference/reference.h"

#include "shaders/softmax.gk.h"
#include "shaders/softmax_grad.gk.h"

static void softmax_row(gr_ref_call *call, uint64_t first, uint32_t cols, double scale)
{
    enum { X, Y };
    double largest = -INFINITY, sum = 0;
    for (uint32_t c = 0; c < cols; c++)
        largest = fmax(largest, scale * gr_ref_get(call, X, first + c));
    for (uint32_t c = 0; c < cols; c++)
        sum += exp(scale * gr_ref_get(call, X, first + c) - largest);
    for (uint32_t c = 0; c < cols; c++) {
        double x = scale * gr_ref_get(call, X, first + c);
        gr_ref_put(call, Y, first + c, exp(x - largest) / sum);
    }
}

void gr_ref_softmax(gr_ref_call *call)
{
    GR_REF_PARAMS(call, softmax, p);
    for (uint32_t r = 0; r < p.rows; r++)
        softmax_row(call, (uint64_t)r * p.cols, p.cols, p.scale);
}

static void softmax_grad_row(gr_ref_call *call, uint64_t first, uint32_t cols, double scale)
{
    enum { Y, DY, DX };
    double sum = 0;
    for (uint32_t c = 0; c < cols; c++)
        sum += gr_ref_get(call, Y, first + c) * gr_ref_get(call, DY, first + c);
    for (uint32_t c = 0; c < cols; c++) {
        double y = gr_ref_get(call, Y, first + c), dy = gr_ref_get(call, DY, first + c);
        gr_ref_put(call, DX, first + c, scale * y * (dy - sum));
    }
}

void gr_ref_softmax_grad(gr_ref_call *call)
{
    GR_REF_PARAMS(call, softmax_grad, p);
    for (uint32_t r = 0; r < p.rows; r++)
        softmax_grad_row(call, (uint64_t)r * p.cols, p.cols, p.scale);
}
