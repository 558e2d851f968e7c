/* The tensors of an adapter's modules, as Hugging Face peft has them. */
#include "adapter/peft_writer.h"

#include "base/log.h"
#include "peft/low_rank.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "vit.encoder.layer.3.attention.attention.query" */
static const char *full_name(const gr_peft_writer *w, const gr_peft_module *m,
                             char name[2 * GR_NAME_BYTES])
{
    snprintf(name, 2 * GR_NAME_BYTES, "%s%s", w->above, m->peft_name);
    return name;
}

const graft_setting *gr_peft_writer_row(const gr_peft_writer *w, const char *name)
{
    for (const graft_setting *o = w->info->methods->item[0].method->options; o && o->key; o++)
        if (strcmp(o->key, name) == 0)
            return o;
    return NULL;
}

/* An option of the method; NULL: it has none such. */
const void *gr_peft_writer_option(const gr_peft_writer *w, const char *name)
{
    const graft_setting *row = gr_peft_writer_row(w, name);
    return row ? (const char *)w->options + row->offset : NULL;
}

static graft_status add(gr_peft_writer *w, const gr_peft_module *m, const char *leaf,
                        gr_shape shape, float **values)
{
    char full[2 * GR_NAME_BYTES], name[3 * GR_NAME_BYTES];
    snprintf(name, sizeof(name), GR_PEFT_PREFIX "%s.%s", full_name(w, m, full), leaf);
    return gr_tensors_add_new(w->log, w->result, name, GR_F32, shape, (void **)values);
}

/* The adapter's tensor of a module; NULL: the module is not adapted. */
const gr_tensor *gr_peft_writer_tensor(const gr_peft_writer *w, const gr_peft_module *m,
                                       const char *leaf)
{
    char name[2 * GR_NAME_BYTES];
    snprintf(name, sizeof(name), "%s.%s", m->site.module, leaf);
    return gr_tensors_find(w->adapter, name);
}

static graft_status copy(gr_peft_writer *w, const gr_peft_module *m, const char *leaf,
                         gr_shape shape)
{
    float *values;
    GR_TRY(add(w, m, leaf, shape, &values));
    gr_tensor_to_f32(gr_peft_writer_tensor(w, m, leaf), values);
    return GRAFT_OK;
}

static graft_status note_target(gr_peft_writer *w, const gr_peft_module *m, json_t *list)
{
    char name[2 * GR_NAME_BYTES];
    return json_array_append_new(list, json_string(full_name(w, m, name))) ? gr_peft_memory(w->log)
                                                                           : GRAFT_OK;
}

/* A whole number as one: peft's ranks and most alphas are. */
static json_t *number(double value)
{
    return value == floor(value) ? json_integer((json_int_t)value) : json_real(value);
}

/* The first linear's rank and alpha are everybody's, others are listed. */
static graft_status note_rank(gr_peft_writer *w, const gr_peft_module *m, int rank, double alpha)
{
    char name[2 * GR_NAME_BYTES];
    json_t *r = json_object_get(w->config, "r"), *a = json_object_get(w->config, "lora_alpha");
    if (!r) {
        json_object_set_new(w->config, "r", json_integer(rank));
        json_object_set_new(w->config, "lora_alpha", number(alpha));
    } else if (json_integer_value(r) != rank ||
               fabs(json_number_value(a) - alpha) > 1e-6 * fabs(alpha)) {
        json_object_set_new(w->ranks, full_name(w, m, name), json_integer(rank));
        json_object_set_new(w->alphas, name, number(alpha));
    }
    return GRAFT_OK;
}

/* Lengths of the rows of the frozen weight that a module is. */
static graft_status row_norms(const gr_peft_writer *w, const gr_peft_module *m, float *norms)
{
    char name[2 * GR_NAME_BYTES];
    const gr_tensor *t;
    snprintf(name, sizeof(name), "%s.weight", m->site.tensor);
    GR_TRY(gr_tensors_get(w->log, w->backbone, name, &t));
    float *all = malloc((size_t)gr_tensor_count(t) * sizeof(*all));
    if (!all)
        return gr_peft_memory(w->log);
    gr_tensor_to_f32(t, all);
    for (int64_t o = 0; o < m->rows; o++) {
        double sum = 0.0;
        const float *row = all + (m->site.row + o) * m->in;
        for (int64_t j = 0; j < m->in; j++)
            sum += (double)row[j] * row[j];
        norms[o] = (float)sqrt(sum);
    }
    free(all);
    return GRAFT_OK;
}

static float scale_of(const gr_peft_writer *w, const gr_peft_module *m)
{
    return gr_low_rank_scale(w->options, &m->site);
}

/* Whether all parts have the same A, as those have that peft trained as one. */
static bool has_one_down(const gr_peft_writer *w, const gr_peft_module *m)
{
    const gr_tensor *a = gr_peft_writer_tensor(w, m, "lora_A.weight");
    for (size_t p = 1; p < gr_peft_module_parts(m); p++) {
        const gr_tensor *b = gr_peft_writer_tensor(w, &m[p], "lora_A.weight");
        if (!a || !b || a->size_bytes != b->size_bytes ||
            memcmp(a->data, b->data, a->size_bytes) != 0)
            return false;
    }
    return true;
}

/* One pair of factors for all parts: A's below each other (or the one that they share), B's along
 * the diagonal (or below each other), scaled alike. */
static graft_status write_factors(gr_peft_writer *w, const gr_peft_module *m, int rank, float scale,
                                  bool one_down)
{
    float *down, *up, *room;
    size_t parts = gr_peft_module_parts(m);
    int64_t rows = m->rows * (int64_t)parts, at = 0;
    GR_TRY(add(w, m, "lora_A.weight", GR_SHAPE(rank, m->in), &down));
    GR_TRY(add(w, m, "lora_B.weight", GR_SHAPE(rows, rank), &up));
    room = malloc((size_t)(m->rows * rank) * sizeof(*room));
    if (!room)
        return gr_peft_memory(w->log);
    for (size_t p = 0; p < parts; p++) {
        int r = gr_low_rank_of(w->options, &m[p].site);
        const gr_tensor *a = gr_peft_writer_tensor(w, &m[p], "lora_A.weight"),
                        *b = gr_peft_writer_tensor(w, &m[p], "lora_B.weight");
        if (!r || !a || !b)
            continue;
        gr_tensor_to_f32(a, down + at * m->in);
        gr_tensor_to_f32(b, room);
        float ratio = scale_of(w, &m[p]) == scale ? 1.0f : scale_of(w, &m[p]) / scale;
        for (int64_t o = 0; o < m->rows; o++)
            for (int j = 0; j < r; j++)
                up[((int64_t)p * m->rows + o) * rank + at + j] = ratio * room[o * r + j];
        at += one_down ? 0 : r;
    }
    free(room);
    return GRAFT_OK;
}

/* A part that is not adapted has the length that its rows have anyway. */
static graft_status write_magnitudes(gr_peft_writer *w, const gr_peft_module *m)
{
    float *values;
    size_t parts = gr_peft_module_parts(m);
    GR_TRY(add(w, m, "lora_magnitude_vector", GR_SHAPE(m->rows * (int64_t)parts), &values));
    for (size_t p = 0; p < parts; p++) {
        const gr_tensor *t = gr_peft_writer_tensor(w, &m[p], "lora_magnitude_vector");
        if (t)
            gr_tensor_to_f32(t, values + (int64_t)p * m->rows);
        else
            GR_TRY(row_norms(w, &m[p], values + (int64_t)p * m->rows));
    }
    return GRAFT_OK;
}

static graft_status write_low_rank(gr_peft_writer *w, const gr_peft_module *m)
{
    const gr_low_rank *c = w->options;
    int rank = 0;
    float scale = 0.0f;
    bool one_down = has_one_down(w, m);
    for (size_t p = 0; p < gr_peft_module_parts(m); p++) {
        int r = gr_low_rank_of(c, &m[p].site);
        scale = r && (rank == 0 || scale == 0.0f) ? scale_of(w, &m[p]) : scale;
        rank = one_down ? r : rank + r;
    }
    if (rank == 0)
        return GRAFT_OK;
    double alpha = (double)scale * (c->rslora ? sqrt((double)rank) : (double)rank);
    GR_TRY(note_rank(w, m, rank, round(alpha * 1e6) / 1e6));
    GR_TRY(note_target(w, m, w->targets));
    GR_TRY(write_factors(w, m, rank, scale, one_down));
    return strcmp(w->method, "dora") == 0 ? write_magnitudes(w, m) : GRAFT_OK;
}

static graft_status write_ia3(gr_peft_writer *w, const gr_peft_module *m)
{
    float *values;
    size_t parts = gr_peft_module_parts(m);
    const gr_tensor *first = NULL;
    for (size_t p = 0; p < parts && !first; p++)
        first = gr_peft_writer_tensor(w, &m[p], "ia3_l");
    if (!first)
        return GRAFT_OK;
    const unsigned *inputs = gr_peft_writer_option(w, "feedforward");
    bool input = inputs && *inputs & m->site.target;
    int64_t count = input ? m->in : m->rows * (int64_t)parts;
    GR_TRY(note_target(w, m, w->targets));
    if (input)
        GR_TRY(note_target(w, m, w->inputs));
    GR_TRY(add(w, m, "ia3_l", input ? GR_SHAPE(1, count) : GR_SHAPE(count, 1), &values));
    for (size_t p = 0; p < parts; p++) {
        const gr_tensor *t = gr_peft_writer_tensor(w, &m[p], "ia3_l");
        float *part = values + (int64_t)p * m->rows;
        if (t)
            gr_tensor_to_f32(t, part);
        for (int64_t o = 0; o < m->rows && !t; o++)
            part[o] = 1.0f;
    }
    return GRAFT_OK;
}

static graft_status refuse_fused(const gr_peft_writer *w, const gr_peft_module *m, const char *why)
{
    return gr_fail(
        w->log, GRAFT_ERR_UNSUPPORTED,
        "%s: %s adapts q, k and v of timm's %s as one linear in peft, %s; leave them out "
        "of %s.targets, or use the backbone's transformers checkpoint",
        m->site.module, w->method, m->peft_name, why, w->method);
}

/* Tensors that stay as they are; where the three are one there is no such adapter. */
static graft_status write_plain(gr_peft_writer *w, const gr_peft_module *m,
                                const char *const leaves[], const char *why)
{
    for (size_t p = 0; p < gr_peft_module_parts(m); p++)
        if (m->fused && gr_peft_writer_tensor(w, &m[p], leaves[0]))
            return refuse_fused(w, &m[p], why);
    if (!gr_peft_writer_tensor(w, m, leaves[0]))
        return GRAFT_OK;
    GR_TRY(note_target(w, m, w->targets));
    for (int i = 0; leaves[i]; i++)
        GR_TRY(copy(w, m, leaves[i], gr_peft_writer_tensor(w, m, leaves[i])->shape));
    return GRAFT_OK;
}

graft_status gr_peft_write_module(gr_peft_writer *w, const gr_peft_module *m)
{
    if (!*m->peft_name && gr_peft_writer_tensor(w, m, gr_peft_lead(w->method)))
        return gr_fail(
            w->log, GRAFT_ERR_UNSUPPORTED,
            "%s: no torch.nn.Linear of its own in a model of the layout %s, so that peft "
            "cannot adapt it; use the backbone's timm or transformers checkpoint, or leave "
            "it out of %s.targets",
            m->site.module, w->match.layout->name, w->method);
    if (!*m->peft_name)
        return GRAFT_OK;
    static const char *const vera[] = {"vera_lambda_d", "vera_lambda_b", NULL};
    static const char *const boft[] = {"boft_R", "boft_s", NULL};
    static const char *const fourierft[] = {"fourierft_spectrum", NULL};
    if (strcmp(w->method, "ia3") == 0)
        return write_ia3(w, m);
    if (strcmp(w->method, "vera") == 0)
        return write_plain(w, m, vera, "with one lambda_d");
    if (strcmp(w->method, "boft") == 0)
        return write_plain(w, m, boft, "with one rotation");
    if (strcmp(w->method, "fourierft") == 0)
        return write_plain(w, m, fourierft, "with one spectrum");
    return write_low_rank(w, m);
}
