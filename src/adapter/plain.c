#include "adapter/plain.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct plain {
    graft_log *log;
    const gr_tensors *in;
    gr_tensors *out;
    gr_model_config *config;
    const gr_plain_params *params;
} plain;

static graft_status no_memory(const plain *p)
{
    return gr_fail(p->log, GRAFT_ERR_MEMORY, "merge: out of memory");
}

static const float *values_of(const plain *p, const char *name)
{
    const gr_tensor *t = gr_tensors_find(p->in, name);
    return t ? t->data : NULL;
}

static graft_status add_zeros(const plain *p, const char *name, gr_shape shape)
{
    void *zeros;
    return gr_tensors_add_new(p->log, p->out, name, GR_F32, shape, &zeros);
}

/* CLIP's projection and the head after it are one linear: [k, p] [p, d] -> [k, d]. */
static graft_status add_projected_head(const plain *p, const gr_tensor *head, const char *name)
{
    const gr_tensor *proj;
    GR_TRY(gr_tensors_get(p->log, p->in, "proj.weight", &proj));
    const float *h = head->data, *w = proj->data;
    int64_t classes = head->shape.dim[0], inner = head->shape.dim[1], dim = proj->shape.dim[1];
    double *row = gr_alloc_array(NULL, (size_t)dim, sizeof(*row));
    void *values;
    if (!row)
        return no_memory(p);
    graft_status status =
        gr_tensors_add_new(p->log, p->out, name, GR_F32, GR_SHAPE(classes, dim), &values);
    for (int64_t k = 0; k < classes && status == GRAFT_OK; k++) {
        memset(row, 0, (size_t)dim * sizeof(*row));
        for (int64_t i = 0; i < inner; i++)
            for (int64_t j = 0; j < dim; j++)
                row[j] += (double)h[k * inner + i] * (double)w[i * dim + j];
        for (int64_t j = 0; j < dim; j++)
            ((float *)values)[k * dim + j] = (float)row[j];
    }
    gr_free(row);
    return status;
}

/* The linear of both class tokens [k, 2 d] as two heads whose mean it is. */
static graft_status add_heads(const plain *p, const gr_tensor *head)
{
    static const char *const names[] = {"head_cls", "head_dist"};
    const int64_t classes = head->shape.dim[0], dim = head->shape.dim[1] / 2;
    const float *joint = head->data;
    for (int part = 0; part < 2; part++) {
        char name[32];
        void *values;
        snprintf(name, sizeof(name), "%s.weight", names[part]);
        GR_TRY(gr_tensors_add_new(p->log, p->out, name, GR_F32, GR_SHAPE(classes, dim), &values));
        for (int64_t i = 0; i < classes * dim; i++)
            ((float *)values)[i] = 2.0f * joint[(i / dim * 2 + part) * dim + i % dim];
        snprintf(name, sizeof(name), "%s.bias", names[part]);
        GR_TRY(gr_tensors_add(p->log, p->out, name, GR_F32, GR_SHAPE(classes),
                              values_of(p, "head.bias")));
    }
    return GRAFT_OK;
}

/* Positions with a row for the class token, and with the bias of the patches in theirs. */
static graft_status add_positions(const plain *p, const gr_tensor *pos, const float *bias)
{
    bool gains_row =
        p->params->class_position && p->config->patch_positions && !p->config->no_class_token;
    int64_t rows = pos->shape.dim[1], dim = pos->shape.dim[2], first = gains_row ? 1 : 0;
    void *data;
    if (!gains_row && !bias)
        return gr_tensors_add(p->log, p->out, pos->name, pos->dtype, pos->shape, pos->data);
    GR_TRY(gr_tensors_add_new(p->log, p->out, pos->name, GR_F32, GR_SHAPE(1, first + rows, dim),
                              &data));
    float *values = data;
    memcpy(values + first * dim, pos->data, pos->size_bytes);
    for (int64_t i = p->config->patch_positions ? first : gr_model_class_tokens(p->config);
         i < first + rows && bias; i++)
        for (int64_t j = 0; j < dim; j++)
            values[i * dim + j] += bias[j];
    return GRAFT_OK;
}

/* a [n, n], symmetric and positive definite, becomes the lower factor of its product with its
 * transpose (Cholesky). False: it is not definite. */
static bool factor(double *a, int64_t n)
{
    for (int64_t j = 0; j < n; j++) {
        for (int64_t i = j; i < n; i++) {
            double sum = a[i * n + j];
            for (int64_t k = 0; k < j; k++)
                sum -= a[i * n + k] * a[j * n + k];
            if (i == j && !(sum > 1e-12 * fabs(a[i * n + j])))
                return false;
            a[i * n + j] = i == j ? sqrt(sum) : sum / a[j * n + j];
        }
    }
    return true;
}

/* z: L L^T z = b, in place. */
static void solve(const double *l, int64_t n, double *z)
{
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < i; k++)
            z[i] -= l[i * n + k] * z[k];
        z[i] /= l[i * n + i];
    }
    for (int64_t i = n; i-- > 0;) {
        for (int64_t k = i + 1; k < n; k++)
            z[i] -= l[k * n + i] * z[k];
        z[i] /= l[i * n + i];
    }
}

/* The shortest shift [in] with w shift = bias, w [out, in]: w^T (w w^T)^-1 bias. False: there is
 * none, or no memory. */
static bool shift_for(const float *w, const float *bias, int64_t out, int64_t in, float *shift)
{
    double *a = gr_alloc_array(NULL, (size_t)(out * out), sizeof(*a));
    double *z = a ? gr_alloc_array(a, (size_t)out, sizeof(*z)) : NULL;
    for (int64_t i = 0; i < out && z; i++) {
        z[i] = (double)bias[i];
        for (int64_t j = 0; j <= i; j++) {
            double sum = 0.0;
            for (int64_t k = 0; k < in; k++)
                sum += (double)w[i * in + k] * (double)w[j * in + k];
            a[i * out + j] = sum;
        }
    }
    bool found = z && factor(a, out);
    if (found)
        solve(a, out, z);
    for (int64_t k = 0; k < in && found; k++) {
        double sum = 0.0;
        for (int64_t i = 0; i < out; i++)
            sum += (double)w[i * in + k] * z[i];
        shift[k] = (float)sum;
    }
    gr_free(a);
    return found;
}

/* The bias of a norm, with what that of the linear w [out, in] after it comes to. */
static graft_status add_shifted(const plain *p, const gr_tensor *t, const gr_tensor *w,
                                const float *bias)
{
    void *data;
    GR_TRY(gr_tensors_add_new(p->log, p->out, t->name, GR_F32, t->shape, &data));
    float *values = data;
    if (!shift_for(w->data, bias, w->shape.dim[0], w->shape.dim[1], values))
        return gr_fail(p->log, GRAFT_ERR_UNSUPPORTED,
                       "%s: cannot take the bias of the linear after it, which libraries have "
                       "without one: its weight has not full rank",
                       t->name);
    for (int64_t i = 0; i < t->shape.dim[0]; i++)
        values[i] += ((const float *)t->data)[i];
    return GRAFT_OK;
}

/* "layers.0.downsample.norm.bias". */
static graft_status add_merging_norm(const plain *p, const gr_tensor *t)
{
    char name[160];
    int stem = (int)(strlen(t->name) - strlen("norm.bias"));
    const gr_tensor *w;
    snprintf(name, sizeof(name), "%.*sreduction.bias", stem, t->name);
    const float *bias = values_of(p, name);
    if (!bias)
        return gr_tensors_add(p->log, p->out, t->name, t->dtype, t->shape, t->data);
    snprintf(name, sizeof(name), "%.*sreduction.weight", stem, t->name);
    GR_TRY(gr_tensors_get(p->log, p->in, name, &w));
    return add_shifted(p, t, w, bias);
}

/* The head as a projection, and the last norm's bias with the head's. */
static graft_status add_projection_head(const plain *p)
{
    const gr_tensor *head, *norm, *projection;
    GR_TRY(gr_tensors_get(p->log, p->in, "head.weight", &head));
    GR_TRY(gr_tensors_get(p->log, p->in, "norm.bias", &norm));
    if (p->config->proj_dim)
        GR_TRY(add_projected_head(p, head, "proj.weight"));
    else
        GR_TRY(gr_tensors_add(p->log, p->out, "proj.weight", head->dtype, head->shape, head->data));
    GR_TRY(gr_tensors_get(p->log, p->out, "proj.weight", &projection));
    return add_shifted(p, norm, projection, values_of(p, "head.bias"));
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static graft_status add(const plain *p, const gr_tensor *t)
{
    const gr_model_config *c = p->config;
    bool clip_bias = c->pre_norm && strcmp(t->name, "patch_embed.proj.bias") == 0;
    if (clip_bias || strcmp(t->name, "proj.weight") == 0 || ends_with(t->name, ".reduction.bias"))
        return GRAFT_OK;
    if (p->params->projection_head &&
        (strncmp(t->name, "head.", 5) == 0 || strcmp(t->name, "norm.bias") == 0))
        return GRAFT_OK;
    if (strcmp(t->name, "head.weight") == 0 && c->proj_dim)
        return add_projected_head(p, t, t->name);
    if (c->distilled && strncmp(t->name, "head.", 5) == 0)
        return strcmp(t->name, "head.weight") == 0 ? add_heads(p, t) : GRAFT_OK;
    if (strcmp(t->name, "pos_embed") == 0)
        return add_positions(p, t, c->pre_norm ? values_of(p, "patch_embed.proj.bias") : NULL);
    if (ends_with(t->name, ".downsample.norm.bias"))
        return add_merging_norm(p, t);
    return gr_tensors_add(p->log, p->out, t->name, t->dtype, t->shape, t->data);
}

/* Libraries have a bias in all blocks or in none, and one of the patches unless it is CLIP. */
static graft_status add_missing_biases(const plain *p)
{
    char name[160];
    bool any = false;
    size_t count = gr_tensors_count(p->in);
    for (size_t i = 0; i < count; i++)
        any |= ends_with(gr_tensors_at(p->in, i)->name, ".attn.qkv.bias");
    for (size_t i = 0; i < count && any; i++) {
        const gr_tensor *t = gr_tensors_at(p->in, i);
        snprintf(name, sizeof(name), "%.*sbias", (int)(strlen(t->name) - strlen("weight")),
                 t->name);
        if (ends_with(t->name, ".attn.qkv.weight") && !gr_tensors_find(p->in, name))
            GR_TRY(add_zeros(p, name, GR_SHAPE(t->shape.dim[0])));
    }
    if (p->config->pre_norm || gr_tensors_find(p->in, "patch_embed.proj.bias"))
        return GRAFT_OK;
    return add_zeros(p, "patch_embed.proj.bias", GR_SHAPE(p->config->dim));
}

graft_status gr_plain(graft_log *log, const gr_tensors *merged, gr_model_config *config,
                      const gr_plain_params *params, gr_tensors *out)
{
    plain p = {log, merged, out, config, params};
    for (size_t i = 0; i < gr_tensors_count(merged); i++)
        GR_TRY(add(&p, gr_tensors_at(merged, i)));
    if (params->projection_head)
        GR_TRY(add_projection_head(&p));
    GR_TRY(add_missing_biases(&p));
    config->proj_dim = 0;
    config->patch_positions = config->patch_positions && !params->class_position;
    return GRAFT_OK;
}
