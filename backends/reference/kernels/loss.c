#include "backends/reference/reference.h"

#include "shaders/cross_entropy.gk.h"
#include "shaders/cross_entropy_grad.gk.h"

/* Bindings 0 to 2 of both kernels. */
enum { LOGITS, LABELS, SCALARS };

/* The class of a row; -1 when the row does not count. */
static int64_t label_of(gr_ref_call *call, uint32_t row, uint32_t classes)
{
    int64_t label = (int32_t)gr_ref_get_uint(call, LABELS, row);
    if (label < 0)
        return -1;
    if (label < classes)
        return label;
    gr_ref_fault(call, "row %u of binding %d has label %lld, there are %u classes", row, LABELS,
                 (long long)label, classes);
    return -1;
}

static double log_sum_exp(gr_ref_call *call, uint64_t first, uint32_t cols)
{
    double largest = -INFINITY, sum = 0;
    for (uint32_t c = 0; c < cols; c++)
        largest = fmax(largest, gr_ref_get(call, LOGITS, first + c));
    for (uint32_t c = 0; c < cols; c++)
        sum += exp(gr_ref_get(call, LOGITS, first + c) - largest);
    return largest + log(sum);
}

void gr_ref_cross_entropy(gr_ref_call *call)
{
    enum { LOSS = 3 };
    GR_REF_PARAMS(call, cross_entropy, p);
    double loss = 0;
    for (uint32_t r = 0; r < p.rows; r++) {
        uint64_t first = gr_ref_at(0, r, p.cols, 0);
        int64_t label = label_of(call, r, p.cols);
        if (label >= 0)
            loss += log_sum_exp(call, first, p.cols) -
                    gr_ref_get(call, LOGITS, first + (uint64_t)label);
    }
    gr_ref_put(call, LOSS, 0, loss * gr_ref_get(call, SCALARS, GR_REF_INV_COUNT));
}

void gr_ref_cross_entropy_grad(gr_ref_call *call)
{
    enum { DX = 3 };
    GR_REF_PARAMS(call, cross_entropy_grad, p);
    double inv_count = gr_ref_get(call, SCALARS, GR_REF_INV_COUNT);
    for (uint32_t r = 0; r < p.rows; r++) {
        uint64_t first = gr_ref_at(0, r, p.cols, 0);
        int64_t label = label_of(call, r, p.cols);
        double total = log_sum_exp(call, first, p.cols);
        for (uint32_t c = 0; c < p.cols; c++) {
            double probability = exp(gr_ref_get(call, LOGITS, first + c) - total);
            double dx = inv_count * (probability - (c == label ? 1 : 0));
            gr_ref_put(call, DX, first + c, label < 0 ? 0 : dx);
        }
    }
}
