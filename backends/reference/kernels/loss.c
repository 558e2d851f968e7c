#include "backends/reference/reference.h"

#include "shaders/cross_entropy.gk.h"
#include "shaders/cross_entropy_grad.gk.h"

/* Bindings of both kernels; RESULT is the loss or dx. */
enum { LOGITS, LABELS, TARGETS, SCALARS, RESULT };

/* One row of the problem. */
typedef struct row {
    uint64_t first; /* of its logits */
    bool soft;
    int64_t label; /* not soft: its class, -1 when the row does not count */
    double log_sum_exp;
} row;

static int64_t label_of(gr_ref_call *call, uint32_t index, uint32_t classes)
{
    int64_t label = (int32_t)gr_ref_get_uint(call, LABELS, index);
    if (label < 0)
        return -1;
    if (label < classes)
        return label;
    gr_ref_fault(call, "row %u of binding %d has label %lld, there are %u classes", index, LABELS,
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

static row row_of(gr_ref_call *call, uint32_t index, uint32_t cols)
{
    row r = {.first = (uint64_t)index * cols};
    r.soft = gr_ref_tunable(call, "SOFT") != 0;
    r.label = r.soft ? -1 : label_of(call, index, cols);
    r.log_sum_exp = log_sum_exp(call, r.first, cols);
    return r;
}

static double target_of(gr_ref_call *call, const row *r, uint32_t c)
{
    return r->soft ? gr_ref_get(call, TARGETS, r->first + c) : c == r->label;
}

static double log_probability(gr_ref_call *call, const row *r, uint32_t c)
{
    return gr_ref_get(call, LOGITS, r->first + c) - r->log_sum_exp;
}

void gr_ref_cross_entropy(gr_ref_call *call)
{
    GR_REF_PARAMS(call, cross_entropy, p);
    double loss = 0;
    for (uint32_t i = 0; i < p.rows; i++) {
        row r = row_of(call, i, p.cols);
        for (uint32_t c = 0; c < p.cols; c++)
            loss -= target_of(call, &r, c) * log_probability(call, &r, c);
    }
    gr_ref_put(call, RESULT, 0, loss * gr_ref_get(call, SCALARS, GR_REF_INV_COUNT));
}

void gr_ref_cross_entropy_grad(gr_ref_call *call)
{
    GR_REF_PARAMS(call, cross_entropy_grad, p);
    double inv_count = gr_ref_get(call, SCALARS, GR_REF_INV_COUNT);
    for (uint32_t i = 0; i < p.rows; i++) {
        row r = row_of(call, i, p.cols);
        double mass = 0;
        for (uint32_t c = 0; c < p.cols; c++)
            mass += target_of(call, &r, c);
        for (uint32_t c = 0; c < p.cols; c++) {
            double probability = exp(log_probability(call, &r, c));
            gr_ref_put(call, RESULT, r.first + c,
                       inv_count * (mass * probability - target_of(call, &r, c)));
        }
    }
}
