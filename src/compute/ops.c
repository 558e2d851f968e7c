/* Operators for applications: those of ops/ops.h, behind checks of what comes in. */
#include "ops/ops.h"

#include "compute/scalars.h"
#include "ops/scalars.h"

#include <graft/ops.h>

#include <stdio.h>

/* NULL, with the graph failed, when an operand of `op` is not of the type that it computes with. */
static graft_value *typed(graft_value *value, gr_dtype dtype, const char *op)
{
    if (value && value->dtype != dtype)
        return gr_graph_fail(value->graph, GRAFT_ERR_SHAPE, "%s: %s holds %s; expected %s", op,
                             value->name, gr_dtype_name(value->dtype), gr_dtype_name(dtype));
    return value;
}

/* The operand itself, if the function that says so takes its type. */
#define CHECKED(value, dtype) typed(value, dtype, __func__ + sizeof("graft_") - 1)
#define F32(value)            CHECKED(value, GR_F32)
#define I32(value)            CHECKED(value, GR_I32)

/* An operand that may be NULL is missing only when one was given that does not fit. */
#define OPTIONAL(value) (!(value) || F32(value))

graft_value *graft_matmul(graft_value *a, graft_value *b, graft_value *bias, float alpha)
{
    return OPTIONAL(bias) ? gr_matmul(F32(a), F32(b), bias, alpha) : NULL;
}

graft_value *graft_linear(graft_value *x, graft_value *weight, graft_value *bias)
{
    return OPTIONAL(bias) ? gr_linear(F32(x), F32(weight), bias) : NULL;
}

graft_value *graft_conv2d(graft_value *x, graft_value *weight, graft_value *bias, int pad)
{
    return OPTIONAL(bias) ? gr_conv2d(F32(x), F32(weight), bias, pad) : NULL;
}

graft_value *graft_patches(graft_value *image, int64_t patch)
{
    return gr_patches(F32(image), patch);
}

graft_value *graft_add(graft_value *a, graft_value *b, float alpha)
{
    return gr_add_scaled(F32(a), F32(b), alpha);
}

graft_value *graft_mul(graft_value *a, graft_value *b)
{
    return gr_mul(F32(a), F32(b));
}

graft_value *graft_affine(graft_value *x, graft_value *scale, graft_value *shift)
{
    return gr_affine(F32(x), F32(scale), F32(shift));
}

graft_value *graft_outer_scale(graft_value *w, graft_value *scale_out, graft_value *scale_in)
{
    return gr_outer_scale(F32(w), F32(scale_out), F32(scale_in));
}

graft_value *graft_scale(graft_value *x, float alpha)
{
    return gr_scale(F32(x), alpha);
}

graft_value *graft_relu(graft_value *x)
{
    return gr_relu(F32(x));
}

graft_value *graft_gelu(graft_value *x)
{
    return gr_gelu(F32(x));
}

graft_value *graft_quick_gelu(graft_value *x)
{
    return gr_quick_gelu(F32(x));
}

graft_value *graft_rsqrt(graft_value *x, float eps)
{
    return gr_rsqrt(F32(x), eps);
}

graft_value *graft_dropout(graft_value *x, float rate, bool per_sample)
{
    if (!F32(x))
        return NULL;
    /* ids are distinct, and the same for every graph that is built alike */
    uint32_t stream = (uint32_t)gr_graph_count(x->graph);
    return gr_dropout(x, rate, stream, per_sample, gr_compute_scalars(x->graph));
}

graft_value *graft_softmax(graft_value *x, float scale)
{
    return gr_softmax(F32(x), scale);
}

graft_value *graft_layer_norm(graft_value *x, graft_value *gamma, graft_value *beta, float eps)
{
    return OPTIONAL(gamma) && OPTIONAL(beta) ? gr_layer_norm(F32(x), gamma, beta, eps) : NULL;
}

graft_value *graft_l2_normalize(graft_value *x)
{
    return gr_l2_normalize(F32(x));
}

graft_value *graft_sum(graft_value *x, int keep)
{
    return gr_sum_leading(F32(x), keep);
}

graft_value *graft_mean(graft_value *x, int keep)
{
    graft_value *sum = gr_sum_leading(F32(x), keep);
    if (!sum)
        return NULL;
    double terms = (double)gr_shape_count(&x->shape) / (double)gr_shape_count(&sum->shape);
    return gr_scale(sum, (float)(1.0 / terms));
}

graft_value *graft_batch_norm(graft_value *x, float eps)
{
    return gr_batch_norm(F32(x), eps);
}

graft_value *graft_batch_norm_fixed(graft_value *x, graft_value *mean, graft_value *variance,
                                    float eps)
{
    return gr_batch_norm_fixed(F32(x), F32(mean), F32(variance), eps);
}

graft_value *graft_batch_mean(graft_value *x)
{
    return gr_batch_mean(F32(x));
}

graft_value *graft_batch_variance(graft_value *x, graft_value *mean)
{
    return gr_batch_variance(F32(x), F32(mean));
}

/* Constant scalars by which a loss becomes the mean of so many rows. */
static graft_value *mean_over(graft_graph *graph, int64_t rows)
{
    char name[48];
    snprintf(name, sizeof(name), GR_COMPUTE_OWN "mean of %lld", (long long)rows);
    graft_value *found = gr_graph_find(graph, name);
    if (found)
        return found;
    gr_scalars *scalars = gr_graph_memory(graph, sizeof(*scalars));
    if (scalars)
        scalars->inv_count = 1.0f / (float)rows;
    return gr_graph_frozen(graph, name, GR_SHAPE(sizeof(*scalars) / sizeof(float)), GR_F32,
                           scalars);
}

static graft_value *entropy(graft_value *logits, graft_value *targets)
{
    if (!logits)
        return NULL;
    int64_t rows = logits->shape.rank ? logits->shape.dim[0] : 1;
    return gr_cross_entropy(logits, targets, mean_over(logits->graph, rows));
}

graft_value *graft_cross_entropy(graft_value *logits, graft_value *labels)
{
    return entropy(F32(logits), I32(labels));
}

graft_value *graft_soft_cross_entropy(graft_value *logits, graft_value *targets)
{
    return entropy(F32(logits), F32(targets));
}

graft_value *graft_rfft2(graft_value *x)
{
    return gr_rfft2(F32(x));
}

graft_value *graft_irfft2(graft_value *z, int64_t cols)
{
    return gr_irfft2(F32(z), cols);
}

graft_value *graft_complex_mul(graft_value *z, graft_value *filter)
{
    return gr_complex_mul(F32(z), F32(filter));
}

graft_value *graft_real_dft2(graft_value *x)
{
    return gr_real_dft2(F32(x));
}

graft_value *graft_cayley(graft_value *r)
{
    return gr_cayley(F32(r));
}

graft_value *graft_resize_rgba8(graft_value *pixels, int64_t height, int64_t width,
                                const float *mean, const float *deviation, bool bgra)
{
    if (!I32(pixels))
        return NULL;
    if (!mean || !deviation)
        return gr_graph_fail(pixels->graph, GRAFT_ERR_ARGUMENT,
                             "resize_rgba8: no mean or deviation given");
    return gr_resize_rgba8(pixels, height, width, mean, deviation, bgra);
}

/* A shape of the application's, before anything counts its elements. */
static bool has_rank(graft_value *x, const graft_shape *shape, const char *op)
{
    if (shape->rank >= 0 && shape->rank <= GRAFT_MAX_RANK)
        return true;
    gr_graph_fail(x->graph, GRAFT_ERR_SHAPE, "%s: %d axes; expected 0 to %d", op, shape->rank,
                  GRAFT_MAX_RANK);
    return false;
}

graft_value *graft_reshape(graft_value *x, graft_shape shape)
{
    return F32(x) && has_rank(x, &shape, "reshape") ? gr_reshape(x, shape) : NULL;
}

graft_value *graft_permute(graft_value *x, const int *axes)
{
    if (!F32(x))
        return NULL;
    if (!axes)
        return gr_graph_fail(x->graph, GRAFT_ERR_ARGUMENT, "permute: no axes given");
    return gr_permute(x, axes);
}

graft_value *graft_transpose(graft_value *x)
{
    return gr_transpose(F32(x));
}

graft_value *graft_slice(graft_value *x, int axis, int64_t start, int64_t length)
{
    return gr_slice(F32(x), axis, start, length);
}

graft_value *graft_concat(graft_value *const *inputs, int count, int axis)
{
    if (!inputs || count < 1)
        return NULL;
    for (int i = 0; i < count && i < GR_MAX_INPUTS; i++)
        if (!F32(inputs[i]))
            return NULL;
    return gr_concat(inputs, count, axis);
}

graft_value *graft_gather(graft_value *x, graft_value *index)
{
    return gr_gather(F32(x), I32(index));
}

graft_value *graft_scatter(graft_value *values, graft_value *index, graft_shape shape)
{
    return F32(values) && has_rank(values, &shape, "scatter")
               ? gr_scatter(values, I32(index), shape)
               : NULL;
}
