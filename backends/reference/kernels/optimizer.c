#include "backends/reference/reference.h"

#include "shaders/adamw.gk.h"
#include "shaders/ema.gk.h"
#include "shaders/sgd.gk.h"

/* Elements offset to offset + count, as far as rows * cols threads reach. */
static uint64_t end_of(uint32_t offset, uint32_t count, uint32_t rows, uint32_t cols)
{
    uint64_t threads = (uint64_t)rows * cols;
    return offset + (threads < count ? threads : count);
}

void gr_ref_adamw(gr_ref_call *call)
{
    enum { P, G, M, V, SCALARS };
    GR_REF_PARAMS(call, adamw, p);
    double lr = gr_ref_get(call, SCALARS, GR_REF_LR);
    double beta1 = gr_ref_get(call, SCALARS, GR_REF_BETA1);
    double beta2 = gr_ref_get(call, SCALARS, GR_REF_BETA2);
    double eps = gr_ref_get(call, SCALARS, GR_REF_EPS);
    double bias1 = gr_ref_get(call, SCALARS, GR_REF_BIAS1);
    double bias2_root = gr_ref_get(call, SCALARS, GR_REF_BIAS2_ROOT);
    uint64_t end = end_of(p.offset, p.count, p.rows, p.cols);
    for (uint64_t i = p.offset; i < end; i++) {
        double g = gr_ref_get(call, G, i);
        double m = beta1 * gr_ref_get(call, M, i) + (1 - beta1) * g;
        double v = beta2 * gr_ref_get(call, V, i) + (1 - beta2) * g * g;
        double decayed = gr_ref_get(call, P, i) * (1 - lr * p.weight_decay);
        gr_ref_put(call, M, i, m);
        gr_ref_put(call, V, i, v);
        gr_ref_put(call, P, i, decayed - lr / bias1 * m / (sqrt(v) / bias2_root + eps));
    }
}

void gr_ref_sgd(gr_ref_call *call)
{
    enum { P, G, M, SCALARS };
    GR_REF_PARAMS(call, sgd, p);
    double lr = gr_ref_get(call, SCALARS, GR_REF_LR);
    double momentum = gr_ref_get(call, SCALARS, GR_REF_MOMENTUM);
    uint64_t end = end_of(p.offset, p.count, p.rows, p.cols);
    for (uint64_t i = p.offset; i < end; i++) {
        double w = gr_ref_get(call, P, i);
        double g = gr_ref_get(call, G, i) + p.weight_decay * w;
        double m = momentum * gr_ref_get(call, M, i) + g;
        gr_ref_put(call, M, i, m);
        gr_ref_put(call, P, i, w - lr * m);
    }
}

void gr_ref_ema(gr_ref_call *call)
{
    enum { W, EMA };
    GR_REF_PARAMS(call, ema, p);
    uint64_t end = end_of(0, p.count, p.rows, p.cols);
    for (uint64_t i = 0; i < end; i++)
        gr_ref_put(call, EMA, i,
                   p.decay * gr_ref_get(call, EMA, i) + p.rest * gr_ref_get(call, W, i));
}
