/* The tensors of the modules in a folder of Hugging Face peft, as graft has them. */
#include "adapter/peft_reader.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The tensor of a module, which is then used; NULL: none. */
static const gr_tensor *take(gr_peft_reader *r, const gr_peft_module *m, const char *leaf)
{
    char name[4 * GR_NAME_BYTES];
    snprintf(name, sizeof(name), "%s%s.%s", r->above, m->peft_name, leaf);
    const gr_tensor *t = gr_tensors_find(r->file, name);
    gr_peft_mark_used(r, t);
    return t;
}

/* Shape and presence are checked: what follows reads them as they must be. */
static graft_status take_shaped(gr_peft_reader *r, const gr_peft_module *m, const char *leaf,
                                gr_shape shape, const gr_tensor **out)
{
    char name[4 * GR_NAME_BYTES];
    snprintf(name, sizeof(name), "%s%s.%s", r->above, m->peft_name, leaf);
    take(r, m, leaf);
    return gr_tensors_get_shaped(r->log, r->file, name, shape, out);
}

/* Rows of a tensor as one of graft, under the module's name. */
static graft_status add(gr_peft_reader *r, const gr_peft_module *m, const char *leaf,
                        gr_shape shape, const gr_tensor *from, int64_t first)
{
    char name[2 * GR_NAME_BYTES];
    void *values;
    snprintf(name, sizeof(name), "%s.%s", m->site.module, leaf);
    GR_TRY(gr_tensors_add_new(r->log, r->result, name, GR_F32, shape, &values));
    float *all = malloc((size_t)gr_tensor_count(from) * sizeof(*all));
    if (!all)
        return gr_peft_memory(r->log);
    gr_tensor_to_f32(from, all);
    memcpy(values, all + first, (size_t)gr_shape_count(&shape) * sizeof(float));
    free(all);
    return GRAFT_OK;
}

static graft_status append(gr_peft_reader *r, char **pattern, const char *module, double value)
{
    *pattern = gr_printf(r->source, "%s%s%s=%.9g", *pattern ? *pattern : "", *pattern ? "," : "",
                         module, value);
    return *pattern ? GRAFT_OK : gr_peft_memory(r->log);
}

/* Rank and alpha of a module, where they are not everybody's. */
static graft_status note_rank(gr_peft_reader *r, const gr_peft_module *m, int64_t rank)
{
    double common = json_number_value(json_object_get(r->config, "lora_alpha")), alpha;
    bool wrapped = strncmp(r->above, GR_PEFT_PREFIX, strlen(GR_PEFT_PREFIX)) == 0;
    const char *above = r->above + (wrapped ? strlen(GR_PEFT_PREFIX) : 0);
    const char *full = gr_printf(r->source, "%s%s", above, m->peft_name);
    if (!full)
        return gr_peft_memory(r->log);
    GR_TRY(gr_peft_pattern(r->log, r->source, json_object_get(r->config, "alpha_pattern"), full,
                           common, &alpha));
    if (rank != json_integer_value(json_object_get(r->config, "r")))
        GR_TRY(append(r, &r->ranks, m->site.module, (double)rank));
    return alpha != common ? append(r, &r->alphas, m->site.module, alpha) : GRAFT_OK;
}

static graft_status read_low_rank(gr_peft_reader *r, const gr_peft_module *m)
{
    const gr_tensor *a = take(r, m, "lora_A.weight"), *b, *magnitude = NULL;
    size_t parts = gr_peft_module_parts(m);
    int64_t rows = m->rows * (int64_t)parts;
    if (!a) {
        for (size_t p = 0; p < parts; p++)
            GR_TRY(append(r, &r->ranks, m[p].site.module, 0.0));
        return GRAFT_OK;
    }
    int64_t rank = a->shape.dim[0];
    GR_TRY(take_shaped(r, m, "lora_A.weight", GR_SHAPE(rank, m->in), &a));
    GR_TRY(take_shaped(r, m, "lora_B.weight", GR_SHAPE(rows, rank), &b));
    if (strcmp(gr_peft_reader_method(r), "dora") == 0)
        GR_TRY(take_shaped(r, m, "lora_magnitude_vector", GR_SHAPE(rows), &magnitude));
    for (size_t p = 0; p < parts; p++) {
        int64_t row = (int64_t)p * m->rows;
        r->targets |= m[p].site.target;
        GR_TRY(note_rank(r, &m[p], rank));
        GR_TRY(add(r, &m[p], "lora_A.weight", a->shape, a, 0));
        GR_TRY(add(r, &m[p], "lora_B.weight", GR_SHAPE(m->rows, rank), b, row * rank));
        if (magnitude)
            GR_TRY(add(r, &m[p], "lora_magnitude_vector", GR_SHAPE(m->rows), magnitude, row));
    }
    return GRAFT_OK;
}

static graft_status set(gr_peft_reader *r, const char *option, const char *text)
{
    char key[64];
    snprintf(key, sizeof(key), "%s.%s", gr_peft_reader_method(r), option);
    return gr_methods_set(r->log, r->methods, key, text);
}

static graft_status set_flags(gr_peft_reader *r, const char *option, unsigned targets)
{
    static const char *const names[] = {"q", "k", "v", "proj", "fc1", "fc2"};
    char text[64] = "";
    for (size_t i = 0; i < 6; i++)
        if (targets & (1u << i))
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? "," : "",
                     names[i]);
    return *text ? set(r, option, text) : GRAFT_OK;
}

/* The options that the tensors of a module tell; the same for all of them, which reading them
 * checks. */
static graft_status set_number(gr_peft_reader *r, const char *option, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    return set(r, option, text);
}

static graft_status refuse_fused(const gr_peft_reader *r, const gr_peft_module *m)
{
    return gr_fail(
        r->log, GRAFT_ERR_UNSUPPORTED,
        "%s: %s%s: %s of q, k and v as one linear is none of each of them; merge it with "
        "peft, model.merge_and_unload(), and save the model",
        r->path, r->above, m->peft_name, gr_peft_reader_method(r));
}

static graft_status read_ia3(gr_peft_reader *r, const gr_peft_module *m, const gr_tensor *l,
                             unsigned *inputs)
{
    size_t parts = gr_peft_module_parts(m);
    int64_t rows = m->rows * (int64_t)parts;
    bool input = l->shape.rank == 2 && l->shape.dim[0] == 1;
    if (input && m->site.target & GR_TARGET_QKV)
        return gr_fail(r->log, GRAFT_ERR_UNSUPPORTED,
                       "%s: %s is among the feedforward_modules: q, k and v have one input here; "
                       "merge it with peft, model.merge_and_unload(), and save the model",
                       r->source, m->peft_name);
    GR_TRY(take_shaped(r, m, "ia3_l", input ? GR_SHAPE(1, m->in) : GR_SHAPE(rows, 1), &l));
    *inputs |= input ? m->site.target : 0;
    for (size_t p = 0; p < parts; p++)
        GR_TRY(add(r, &m[p], "ia3_l", GR_SHAPE(input ? m->in : m->rows), l, (int64_t)p * m->rows));
    return GRAFT_OK;
}

static graft_status read_vera(gr_peft_reader *r, const gr_peft_module *m)
{
    const gr_tensor *b, *d;
    int64_t rank = json_integer_value(json_object_get(r->config, "r"));
    if (m->fused)
        return refuse_fused(r, m);
    GR_TRY(take_shaped(r, m, "vera_lambda_b", GR_SHAPE(m->rows), &b));
    GR_TRY(take_shaped(r, m, "vera_lambda_d", GR_SHAPE(rank), &d));
    GR_TRY(add(r, m, "vera_lambda_b", b->shape, b, 0));
    return add(r, m, "vera_lambda_d", d->shape, d, 0);
}

/* One rotation of the input serves all three, each of which has rows of the scales. */
static graft_status read_boft(gr_peft_reader *r, const gr_peft_module *m)
{
    const gr_tensor *rotation = take(r, m, "boft_R"), *s;
    size_t parts = gr_peft_module_parts(m);
    GR_TRY(take_shaped(r, m, "boft_s", GR_SHAPE(m->rows * (int64_t)parts, 1), &s));
    if (!rotation || rotation->shape.rank != 4)
        return take_shaped(r, m, "boft_R", GR_SHAPE(1, 1, 1, 1), &rotation);
    GR_TRY(set_number(r, "n_butterfly_factor", rotation->shape.dim[0]));
    GR_TRY(set_number(r, "block_size", rotation->shape.dim[3]));
    take(r, m, "boft_P"); /* permutations, which follow from the two */
    for (size_t p = 0; p < parts; p++) {
        GR_TRY(add(r, &m[p], "boft_R", rotation->shape, rotation, 0));
        GR_TRY(add(r, &m[p], "boft_s", GR_SHAPE(m->rows, 1), s, (int64_t)p * m->rows));
    }
    return GRAFT_OK;
}

static graft_status read_other(gr_peft_reader *r, const gr_peft_module *m, const gr_tensor *lead,
                               unsigned *inputs)
{
    for (size_t p = 0; p < gr_peft_module_parts(m); p++)
        r->targets |= m[p].site.target;
    if (strcmp(gr_peft_reader_method(r), "ia3") == 0)
        return read_ia3(r, m, lead, inputs);
    if (strcmp(gr_peft_reader_method(r), "vera") == 0)
        return read_vera(r, m);
    if (strcmp(gr_peft_reader_method(r), "boft") == 0)
        return read_boft(r, m);
    return m->fused ? refuse_fused(r, m) : add(r, m, "fourierft_spectrum", lead->shape, lead, 0);
}

/* Methods other than LoRA adapt a linear in all blocks or in none. */
static graft_status check_all_blocks(const gr_peft_reader *r)
{
    for (size_t i = 0; i < r->modules.count; i++) {
        const gr_peft_module *m = &r->modules.items[i];
        char name[2 * GR_NAME_BYTES];
        snprintf(name, sizeof(name), "%s.%s", m->site.module,
                 gr_peft_lead(gr_peft_reader_method(r)));
        if (m->site.target & r->targets && !gr_tensors_find(r->result, name))
            return gr_fail(
                r->log, GRAFT_ERR_UNSUPPORTED,
                "%s: %s%s has no adapter, and others of its kind have: graft's %s adapts "
                "a linear in all blocks, only lora and dora take some; merge it with "
                "peft, model.merge_and_unload(), and save the model",
                r->path, r->above, m->peft_name, gr_peft_reader_method(r));
    }
    return GRAFT_OK;
}

graft_status gr_peft_read_modules(gr_peft_reader *r)
{
    const char *lead = gr_peft_lead(gr_peft_reader_method(r));
    bool low_rank = strcmp(lead, "lora_A.weight") == 0;
    unsigned inputs = 0;
    const gr_peft_module *m;
    for (size_t i = 0; i < r->modules.count; i += gr_peft_module_parts(m)) {
        m = &r->modules.items[i];
        const gr_tensor *t = take(r, m, lead);
        if (low_rank)
            GR_TRY(read_low_rank(r, m));
        else if (t)
            GR_TRY(read_other(r, m, t, &inputs));
    }
    GR_TRY(set_flags(r, "targets", r->targets));
    GR_TRY(gr_peft_config_options(r->log, r->source, r->config, r->methods));
    if (strcmp(gr_peft_reader_method(r), "ia3") == 0 && inputs)
        GR_TRY(set_flags(r, "feedforward", inputs));
    if (strcmp(gr_peft_reader_method(r), "vera") == 0)
        GR_TRY(set_number(r, "r", json_integer_value(json_object_get(r->config, "r"))));
    if (!low_rank)
        return check_all_blocks(r);
    char alpha[32];
    snprintf(alpha, sizeof(alpha), "%.9g",
             json_number_value(json_object_get(r->config, "lora_alpha")));
    GR_TRY(set_number(r, "r", json_integer_value(json_object_get(r->config, "r"))));
    GR_TRY(set(r, "alpha", alpha));
    if (r->ranks)
        GR_TRY(set(r, "rank_pattern", r->ranks));
    return r->alphas ? set(r, "alpha_pattern", r->alphas) : GRAFT_OK;
}
