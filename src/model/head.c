/* The classifier on the backbone's feature, and how it starts: each paper's code has its own way,
 * and at a high learning rate the first epochs depend on it. */
#include "model/layers.h"
#include "ops/ops.h"

#include <math.h>
#include <string.h>

static const char *const init_names[] = {
    [GR_HEAD_UNIFORM] = "uniform", [GR_HEAD_ZERO] = "zero",       [GR_HEAD_TRUNCATED] = "truncated",
    [GR_HEAD_NARROW] = "narrow",   [GR_HEAD_KAIMING] = "kaiming",
};

enum { INITS = sizeof(init_names) / sizeof(init_names[0]) };

graft_status gr_head_init_named(graft_log *log, const char *name, gr_head_init *out)
{
    for (int i = 0; i < INITS; i++)
        if (strcmp(name, init_names[i]) == 0) {
            *out = (gr_head_init)i;
            return GRAFT_OK;
        }
    return gr_fail(log, GRAFT_ERR_ARGUMENT,
                   "head init '%s': expected uniform, zero, truncated, narrow or kaiming", name);
}

static void start_values(gr_head_init kind, int64_t dim, int64_t classes, gr_init *weight,
                         gr_init *bias)
{
    gr_init linear = {GR_INIT_UNIFORM, 1.0f / sqrtf((float)dim), 0.0f};
    *weight = *bias = (gr_init){GR_INIT_ZERO, 0.0f, 0.0f};
    switch (kind) {
    case GR_HEAD_UNIFORM:
        *weight = *bias = linear;
        break;
    case GR_HEAD_ZERO:
        break;
    case GR_HEAD_TRUNCATED:
        *weight = (gr_init){GR_INIT_TRUNCATED, 0.0f, 0.02f};
        break;
    case GR_HEAD_NARROW:
        *weight = (gr_init){GR_INIT_TRUNCATED, 0.0f, 0.01f};
        *bias = linear;
        break;
    case GR_HEAD_KAIMING:
        *weight = (gr_init){GR_INIT_NORMAL, 0.0f, sqrtf(2.0f / (float)classes)};
        *bias = (gr_init){GR_INIT_CONSTANT, -logf(99.0f), 0.0f};
        break;
    }
}

gr_value *gr_build_head(gr_build *b, gr_value *feature)
{
    if (!feature)
        return NULL;
    int64_t dim = feature->shape.dim[1], classes = b->config->classes;
    gr_init weight_init, bias_init;
    start_values(b->head_init, dim, classes, &weight_init, &bias_init);
    gr_value *weight = gr_build_param(b, "head.weight", GR_SHAPE(classes, dim), weight_init);
    gr_value *bias = gr_build_param(b, "head.bias", GR_SHAPE(classes), bias_init);
    return gr_linear(feature, weight, bias);
}
