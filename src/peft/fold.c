#include "peft/fold.h"

#include "weights/tensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

graft_status gr_fold_tensor(graft_log *log, const struct gr_tensors *adapter, const char *module,
                            const char *name, gr_shape shape, float **out)
{
    char full[256];
    const gr_tensor *tensor;
    snprintf(full, sizeof(full), "%s.%s", module, name);
    GR_TRY(gr_tensors_get_shaped(log, adapter, full, shape, &tensor));
    *out = malloc((size_t)gr_shape_count(&shape) * sizeof(**out));
    if (!*out)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", full);
    gr_tensor_to_f32(tensor, *out);
    return GRAFT_OK;
}

void gr_fold_release(float **values)
{
    free(*values);
    *values = NULL;
}

graft_status gr_fold_scale_shift(graft_log *log, const struct gr_tensors *adapter, const char *name,
                                 const gr_fold_site *site)
{
    float *scale = NULL, *shift = NULL;
    graft_status status =
        gr_fold_tensor(log, adapter, name, "ssf.scale", GR_SHAPE(site->out), &scale);
    if (status == GRAFT_OK)
        status = gr_fold_tensor(log, adapter, name, "ssf.shift", GR_SHAPE(site->out), &shift);
    for (int64_t o = 0; o < site->out && status == GRAFT_OK; o++) {
        for (int64_t j = 0; j < site->in; j++)
            site->weight[o * site->in + j] *= scale[o];
        site->bias[o] = scale[o] * site->bias[o] + shift[o];
    }
    gr_fold_release(&scale);
    gr_fold_release(&shift);
    return status;
}

graft_status gr_fold_product(graft_log *log, const gr_fold_site *site, const float *up,
                             const float *down, int64_t r, int64_t stride, double scale)
{
    double *row = malloc((size_t)site->in * sizeof(*row));
    if (!row)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", site->module);
    for (int64_t o = 0; o < site->out; o++) {
        float *weight = site->weight + o * site->in;
        for (int64_t j = 0; j < site->in; j++)
            row[j] = 0.0;
        for (int64_t k = 0; k < r; k++)
            for (int64_t j = 0; j < site->in; j++)
                row[j] += (double)up[o * r + k] * down[k * stride + j];
        for (int64_t j = 0; j < site->in; j++)
            weight[j] += (float)(scale * row[j]);
    }
    free(row);
    return GRAFT_OK;
}

graft_status gr_fold_head_norm(graft_log *log, const struct gr_tensors *adapter, int64_t classes,
                               int64_t dim, float *weight, float *bias)
{
    float *mean = NULL, *variance = NULL;
    if (!gr_tensors_find(adapter, GR_HEAD_NORM ".running_mean"))
        return GRAFT_OK;
    graft_status status =
        gr_fold_tensor(log, adapter, GR_HEAD_NORM, "running_mean", GR_SHAPE(dim), &mean);
    if (status == GRAFT_OK)
        status =
            gr_fold_tensor(log, adapter, GR_HEAD_NORM, "running_var", GR_SHAPE(dim), &variance);
    for (int64_t c = 0; c < classes && status == GRAFT_OK; c++)
        for (int64_t j = 0; j < dim; j++) {
            weight[c * dim + j] /= sqrtf(variance[j] + GR_HEAD_NORM_EPS);
            bias[c] -= weight[c * dim + j] * mean[j];
        }
    gr_fold_release(&mean);
    gr_fold_release(&variance);
    return status;
}
