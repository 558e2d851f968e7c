/* DoRA: the rows of a weight are a trained magnitude m times a direction that LoRA turns,
 * W' = m (W + s B A) / |W + s B A|, the norms of rows being constants for gradients (Liu et al.,
 * arXiv 2402.09353, equation 5 and section 4.3). As peft computes it: dropout is on the input of
 * all that differs from W x. */
#include "base/convert.h"
#include "ops/ops.h"
#include "peft/compose.h"
#include "peft/low_rank.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

typedef struct dora_config {
    gr_low_rank low;
} dora_config;

static const graft_setting options[] = {
    GR_LOW_RANK_SETTINGS(dora_config),
    {.key = NULL},
};

static graft_status check(graft_log *log, const void *config, const gr_model_config *model,
                          const gr_methods *methods)
{
    (void)model;
    if (gr_methods_have(methods, "lora"))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "dora: has the factors of lora already; leave one of them out");
    if (gr_methods_have(methods, "ia3"))
        return gr_fail(
            log, GRAFT_ERR_ARGUMENT,
            "dora: ia3 scales the inputs of weights whose lengths dora trains; leave one "
            "of them out");
    return gr_low_rank_check(log, &((const dora_config *)config)->low, "dora");
}

/* |W| of each row of the frozen weight, [out]: where m starts, B being zero. NULL: no values. */
static const float *row_norms(gr_build *b, const gr_linear_site *site)
{
    int64_t out = site->weight->shape.dim[0], in = site->weight->shape.dim[1];
    const gr_value *w = gr_graph_find(b->graph, gr_build_name(b, "%s.weight", site->tensor));
    if (!w || !w->source)
        return NULL;
    float *norms = gr_graph_memory(b->graph, (size_t)out * sizeof(*norms));
    float *all = malloc((size_t)gr_shape_count(&w->shape) * sizeof(*all));
    if (norms && all)
        gr_to_f32(w->source_dtype, w->source, (size_t)gr_shape_count(&w->shape), all);
    for (int64_t o = 0; o < out && norms && all; o++) {
        double sum = 0.0;
        const float *row = all + (site->row + o) * in;
        for (int64_t j = 0; j < in; j++)
            sum += (double)row[j] * row[j];
        norms[o] = (float)sqrt(sum);
    }
    free(all);
    return norms;
}

/* 1 / |row| of w [out, in] -> [out] */
static gr_value *inverse_norms(gr_build *b, gr_value *w)
{
    if (!w)
        return NULL;
    int64_t out = w->shape.dim[0], in = w->shape.dim[1];
    const char *name = gr_build_name(b, "dora.ones.%lld", (long long)in);
    gr_value *ones = gr_graph_find(b->graph, name);
    if (!ones) {
        float *values = gr_graph_memory(b->graph, (size_t)in * sizeof(*values));
        for (int64_t j = 0; j < in && values; j++)
            values[j] = 1.0f;
        ones = gr_graph_frozen(b->graph, name, GR_SHAPE(in, 1), GR_F32, values);
    }
    gr_value *squares = gr_matmul(gr_mul(w, w), ones, NULL, 1.0f);
    return gr_reshape(gr_rsqrt(squares, 0.0f), GR_SHAPE(out));
}

static gr_value *linear(const void *config, gr_build *b, const gr_linear_site *site, gr_value *x,
                        gr_value *y)
{
    const dora_config *c = config;
    gr_value *down, *up;
    int rank = gr_low_rank_of(&c->low, site);
    if (!rank || !x || !y)
        return y;
    float scale = gr_low_rank_scale(&c->low, site);
    int64_t out = site->weight->shape.dim[0];
    gr_low_rank_factors(b, site, rank, &down, &up);
    gr_value *m = gr_build_param_at(b, gr_build_name(b, "%s.lora_magnitude_vector", site->module),
                                    GR_SHAPE(out), row_norms(b, site));
    gr_value *update = gr_matmul(gr_detach(up), gr_detach(down), NULL, scale);
    gr_value *g = gr_mul(m, inverse_norms(b, gr_add(gr_detach(site->weight), update)));
    /* y + (g - 1) W x + g s B (A x), without a second product where x is whole */
    gr_value *z = gr_build_dropout(b, x, c->low.dropout);
    gr_value *frozen = z != x       ? gr_linear(z, site->weight, NULL)
                       : site->bias ? gr_add_scaled(y, site->bias, -1.0f)
                                    : y;
    gr_value *turned = gr_add_scaled(frozen, gr_linear(gr_linear(z, down, NULL), up, NULL), scale);
    return gr_add(gr_add_scaled(y, frozen, -1.0f), gr_mul(turned, g));
}

const gr_method gr_method_dora = {
    .name = "dora",
    .summary = "low-rank turns of the rows of frozen weights, and their lengths",
    .source = "arXiv 2402.09353",
    .options = options,
    .config_bytes = sizeof(dora_config),
    .check = check,
    .linear = linear,
};
