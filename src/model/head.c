/* The classifier on the backbone's feature, and how it starts: each paper's code has its own way,
 * and at a high learning rate the first epochs depend on it. */
#include "model/layers.h"
#include "ops/ops.h"

#include <math.h>
#include <string.h>

void gr_head_start(graft_head_init kind, int64_t dim, int64_t classes, gr_init *weight,
                   gr_init *bias)
{
    gr_init linear = {GR_INIT_UNIFORM, 1.0f / sqrtf((float)dim), 0.0f};
    *weight = *bias = (gr_init){GR_INIT_ZERO, 0.0f, 0.0f};
    switch (kind) {
    case GRAFT_HEAD_INIT_UNIFORM:
        *weight = *bias = linear;
        break;
    case GRAFT_HEAD_INIT_ZERO:
        break;
    case GRAFT_HEAD_INIT_TRUNCATED:
        *weight = (gr_init){GR_INIT_TRUNCATED, 0.0f, 0.02f};
        break;
    case GRAFT_HEAD_INIT_NARROW:
        *weight = (gr_init){GR_INIT_TRUNCATED, 0.0f, 0.01f};
        *bias = linear;
        break;
    case GRAFT_HEAD_INIT_KAIMING:
        *weight = (gr_init){GR_INIT_NORMAL, 0.0f, sqrtf(2.0f / (float)classes)};
        *bias = (gr_init){GR_INIT_CONSTANT, -logf(99.0f), 0.0f};
        break;
    }
}

/* What running statistics move towards those of the batch in each step, as in torch. */
static const float MOMENTUM = 0.1f;

static void follow(gr_value *running, gr_value *now)
{
    if (running)
        running->change = gr_scale(gr_add_scaled(now, running, -1.0f), MOMENTUM);
}

/* AdaptFormer's head: batch normalisation without affine before the linear. */
static gr_value *batch_norm(gr_build *b, gr_value *x)
{
    gr_shape dim = GR_SHAPE(x->shape.dim[1]);
    gr_init zero = {GR_INIT_ZERO, 0.0f, 0.0f}, one = {GR_INIT_CONSTANT, 1.0f, 0.0f};
    gr_value *mean = gr_build_state(b, GR_HEAD_NORM ".running_mean", dim, zero);
    gr_value *variance = gr_build_state(b, GR_HEAD_NORM ".running_var", dim, one);
    if (!b->training)
        return gr_batch_norm_fixed(x, mean, variance, GR_HEAD_NORM_EPS);
    gr_value *now = gr_batch_mean(x);
    follow(mean, now);
    follow(variance, gr_batch_variance(x, now));
    return gr_batch_norm(x, GR_HEAD_NORM_EPS);
}

gr_value *gr_build_head(gr_build *b, gr_value *feature)
{
    if (b->headless)
        return feature;
    if (feature && (b->head_norm || gr_build_has(b, GR_HEAD_NORM ".running_mean")))
        feature = batch_norm(b, feature);
    if (!feature)
        return NULL;
    int64_t dim = feature->shape.dim[1], classes = b->config->classes;
    gr_init weight_init, bias_init;
    gr_head_start(b->head_init, dim, classes, &weight_init, &bias_init);
    gr_value *weight = gr_build_param(b, "head.weight", GR_SHAPE(classes, dim), weight_init);
    gr_value *bias = gr_build_param(b, "head.bias", GR_SHAPE(classes), bias_init);
    return gr_linear(feature, weight, bias);
}
