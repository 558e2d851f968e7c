/* A weighted sum of adapters whose updates are low-rank: the factors one beside the other. */
#include "adapter/adapter.h"
#include "base/json.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOWN ".lora_A.weight"
#define UP   ".lora_B.weight"

/* The most that `lora.r` takes, and bytes of the name of a module. */
enum { MOST_RANK = 4096, MODULE = 200 };

typedef struct weighted {
    graft_log *log;
    graft_adapter *const *adapters;
    const float *weights;
    int count;
    bool same_classes;
    int64_t rank; /* of the sum, at every module */
    gr_tensors *tensors;
} weighted;

static const graft_adapter *last_of(const weighted *w)
{
    return w->adapters[w->count - 1];
}

static bool ends_with(const char *name, const char *end)
{
    size_t a = strlen(name), b = strlen(end);
    return a > b && strcmp(name + a - b, end) == 0;
}

static bool is_head(const char *name)
{
    return strncmp(name, "head.", 5) == 0;
}

static bool same_classes(const graft_adapter *a, const graft_adapter *b)
{
    bool same = a->info.config.classes == b->info.config.classes;
    for (int i = 0; same && i < a->info.config.classes; i++) {
        const char *x = graft_adapter_class_name(a, i), *y = graft_adapter_class_name(b, i);
        same = !x == !y && (!x || strcmp(x, y) == 0);
    }
    return same;
}

/* The method whose tensors are factors; NULL: there is only a head. */
static const gr_method *low_rank_of(const graft_adapter *a, const void **config)
{
    for (int i = 0; i < a->info.methods->count; i++)
        if (a->info.methods->item[i].method->low_rank_scale) {
            *config = a->info.methods->item[i].config;
            return a->info.methods->item[i].method;
        }
    return NULL;
}

/* "lora.targets" and the like, as the adapter has it. */
static graft_status read_options(const weighted *w, const graft_adapter *a, json_t **options)
{
    const char *text = gr_tensors_metadata(a->tensors, "graft.options");
    return gr_json_parse(w->log, "graft.options", text, strlen(text), options);
}

static graft_status check_adapter(weighted *w, int index)
{
    const graft_adapter *a = w->adapters[index], *last = last_of(w);
    if (!isfinite(w->weights[index]))
        return gr_fail(w->log, GRAFT_ERR_ARGUMENT, "adapters: weight %g of number %d is not finite",
                       (double)w->weights[index], index + 1);
    if (strcmp(a->methods, last->methods) != 0)
        return gr_fail(w->log, GRAFT_ERR_ARGUMENT,
                       "%s: was trained by %s, %s by %s; a weighted sum is of one method",
                       gr_tensors_source(a->tensors), a->methods, gr_tensors_source(last->tensors),
                       last->methods);
    w->same_classes &= same_classes(a, last);
    return gr_adapter_check_backbone(w->log, a, last);
}

/* What the factors of an adapter add up to is linear; what other tensors do is not. */
static graft_status check_tensors(weighted *w, const graft_adapter *a)
{
    for (size_t i = 0; i < gr_tensors_count(a->tensors); i++) {
        const gr_tensor *t = gr_tensors_at(a->tensors, i);
        bool factor = ends_with(t->name, DOWN) || ends_with(t->name, UP);
        if (!factor && !is_head(t->name))
            return gr_fail(w->log, GRAFT_ERR_UNSUPPORTED,
                           "%s: has no weighted sum that is an adapter of %s; only low-rank "
                           "updates (lora) and heads have",
                           t->name, a->methods);
        if (t->dtype != GR_F32)
            return gr_fail(w->log, GRAFT_ERR_UNSUPPORTED, "%s: expected elements of F32", t->name);
    }
    return GRAFT_OK;
}

/* The rank of adapter `a` at a module, 0 where it has no factors there. */
static int64_t rank_at(const graft_adapter *a, const char *module)
{
    char name[MODULE + 16];
    snprintf(name, sizeof(name), "%.*s" DOWN, MODULE - 1, module);
    const gr_tensor *t = gr_tensors_find(a->tensors, name);
    return t ? t->shape.dim[0] : 0;
}

static void module_of(const char *name, char module[MODULE])
{
    snprintf(module, MODULE, "%.*s", (int)(strlen(name) - strlen(DOWN)), name);
}

/* The largest sum of ranks of any module. */
static graft_status find_rank(weighted *w)
{
    for (int i = 0; i < w->count; i++)
        for (size_t k = 0; k < gr_tensors_count(w->adapters[i]->tensors); k++) {
            const gr_tensor *t = gr_tensors_at(w->adapters[i]->tensors, k);
            char module[MODULE];
            int64_t rank = 0;
            if (!ends_with(t->name, DOWN))
                continue;
            module_of(t->name, module);
            for (int j = 0; j < w->count; j++)
                rank += rank_at(w->adapters[j], module);
            w->rank = rank > w->rank ? rank : w->rank;
        }
    if (w->rank <= MOST_RANK)
        return GRAFT_OK;
    return gr_fail(w->log, GRAFT_ERR_ARGUMENT, "adapters: ranks add up to %lld; the most is %d",
                   (long long)w->rank, MOST_RANK);
}

static const gr_tensor *factor_of(const graft_adapter *a, const char *module, const char *end)
{
    char name[MODULE + 16];
    snprintf(name, sizeof(name), "%.*s%.14s", MODULE - 1, module, end);
    return gr_tensors_find(a->tensors, name);
}

static bool is_matrix(const gr_tensor *t, int64_t rows, int64_t cols)
{
    return t && t->shape.rank == 2 && t->shape.dim[0] == rows && t->shape.dim[1] == cols;
}

/* Files may say anything: each adapter has both factors of a module, of one size, or none. */
static graft_status check_module(const weighted *w, const char *module, int64_t in, int64_t out)
{
    for (int i = 0; i < w->count; i++) {
        const gr_tensor *down = factor_of(w->adapters[i], module, DOWN);
        const gr_tensor *up = factor_of(w->adapters[i], module, UP);
        int64_t rank = down ? down->shape.dim[0] : 0;
        if ((down || up) && (!is_matrix(down, rank, in) || !is_matrix(up, out, rank)))
            return gr_fail(w->log, GRAFT_ERR_SHAPE,
                           "%s: %s has other factors than [r, %lld] and "
                           "[%lld, r]",
                           gr_tensors_source(w->adapters[i]->tensors), module, (long long)in,
                           (long long)out);
    }
    return GRAFT_OK;
}

/* Rows of A below each other, columns of B beside each other, times weight and scale; the rest of
 * the rank is zero. */
static void fill_factors(const weighted *w, const char *module, int64_t in, int64_t out,
                         float *down, float *up)
{
    int64_t first = 0;
    for (int i = 0; i < w->count; i++) {
        const graft_adapter *a = w->adapters[i];
        int64_t rank = rank_at(a, module);
        const void *config = NULL;
        const gr_method *method = low_rank_of(a, &config);
        if (!rank || !method)
            continue;
        const float *from_down = factor_of(a, module, DOWN)->data;
        const float *from_up = factor_of(a, module, UP)->data;
        float scale = w->weights[i] * method->low_rank_scale(config, module, (int)rank);
        memcpy(down + first * in, from_down, (size_t)(rank * in) * sizeof(*down));
        for (int64_t o = 0; o < out; o++)
            for (int64_t r = 0; r < rank; r++)
                up[o * w->rank + first + r] = scale * from_up[o * rank + r];
        first += rank;
    }
}

/* Adds both factors of a module, unless another adapter had it. */
static graft_status add_module(weighted *w, const gr_tensor *t, const graft_adapter *a)
{
    char module[MODULE], name[MODULE + 16];
    void *down, *up;
    module_of(t->name, module);
    if (gr_tensors_find(w->tensors, t->name))
        return GRAFT_OK;
    snprintf(name, sizeof(name), "%.*s" UP, MODULE - 1, module);
    const gr_tensor *other = gr_tensors_find(a->tensors, name);
    int64_t in = t->shape.dim[1], out = other ? other->shape.dim[0] : 0;
    GR_TRY(check_module(w, module, in, out));
    GR_TRY(gr_tensors_add_new(w->log, w->tensors, t->name, GR_F32, GR_SHAPE(w->rank, in), &down));
    GR_TRY(gr_tensors_add_new(w->log, w->tensors, name, GR_F32, GR_SHAPE(out, w->rank), &up));
    memset(down, 0, (size_t)(w->rank * in) * sizeof(float));
    memset(up, 0, (size_t)(out * w->rank) * sizeof(float));
    fill_factors(w, module, in, out, down, up);
    return GRAFT_OK;
}

/* A tensor of the head: the sum where all name the same classes, or the last one's. */
static graft_status add_head(weighted *w, const gr_tensor *t)
{
    void *values;
    GR_TRY(gr_tensors_add_new(w->log, w->tensors, t->name, t->dtype, t->shape, &values));
    if (!w->same_classes) {
        memcpy(values, t->data, t->size_bytes);
        return GRAFT_OK;
    }
    float *sum = values;
    size_t count = t->size_bytes / sizeof(float);
    memset(sum, 0, t->size_bytes);
    for (int i = 0; i < w->count; i++) {
        const gr_tensor *part = gr_tensors_find(w->adapters[i]->tensors, t->name);
        if (!part || part->size_bytes != t->size_bytes)
            return gr_fail(w->log, GRAFT_ERR_SHAPE, "%s: is not in all adapters alike", t->name);
        for (size_t k = 0; k < count; k++)
            sum[k] += w->weights[i] * ((const float *)part->data)[k];
    }
    return GRAFT_OK;
}

static graft_status add_tensors(weighted *w)
{
    for (int i = 0; i < w->count; i++)
        for (size_t k = 0; k < gr_tensors_count(w->adapters[i]->tensors); k++) {
            const gr_tensor *t = gr_tensors_at(w->adapters[i]->tensors, k);
            if (ends_with(t->name, DOWN))
                GR_TRY(add_module(w, t, w->adapters[i]));
            else if (is_head(t->name) && i + 1 == w->count)
                GR_TRY(add_head(w, t));
        }
    return GRAFT_OK;
}

/* Weights and scales are in the factors: the scale of the sum is 1. */
static graft_status write_options(weighted *w, const gr_method *method, json_t *options)
{
    static const char *const kept[] = {"targets", "dropout"};
    char key[64], rank[24];
    json_t *made = json_object();
    for (int i = 0; i < 2; i++) {
        snprintf(key, sizeof(key), "%s.%s", method->name, kept[i]);
        json_object_set(made, key, json_object_get(options, key));
    }
    snprintf(rank, sizeof(rank), "%lld", (long long)w->rank);
    snprintf(key, sizeof(key), "%s.r", method->name);
    json_object_set_new(made, key, json_string(rank));
    snprintf(key, sizeof(key), "%s.alpha", method->name);
    json_object_set_new(made, key, json_string(rank));
    char *text = gr_json_text(made, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(made);
    if (!text)
        return gr_fail(w->log, GRAFT_ERR_MEMORY, "adapters: out of memory");
    graft_status status = gr_tensors_set_metadata(w->log, w->tensors, "graft.options", text);
    free(text);
    return status;
}

/* Factors stand at the same linears, so that the sum's do. */
static graft_status check_targets(weighted *w, const gr_method *method, json_t *last)
{
    char key[64];
    snprintf(key, sizeof(key), "%s.targets", method->name);
    for (int i = 0; i < w->count; i++) {
        json_t *options;
        GR_TRY(read_options(w, w->adapters[i], &options));
        bool same = json_equal(json_object_get(options, key), json_object_get(last, key));
        json_decref(options);
        if (!same)
            return gr_fail(w->log, GRAFT_ERR_ARGUMENT, "%s: differs between the adapters", key);
    }
    return GRAFT_OK;
}

static graft_status describe(weighted *w)
{
    const gr_tensors *last = last_of(w)->tensors;
    const void *config;
    const gr_method *method = low_rank_of(last_of(w), &config);
    for (size_t i = 0; i < gr_tensors_metadata_count(last); i++) {
        const char *key, *value;
        gr_tensors_metadata_at(last, i, &key, &value);
        GR_TRY(gr_tensors_set_metadata(w->log, w->tensors, key, value));
    }
    GR_TRY(gr_tensors_set_source(w->log, w->tensors, "a weighted sum"));
    if (!method)
        return GRAFT_OK;
    json_t *options;
    GR_TRY(read_options(w, last_of(w), &options));
    graft_status status = check_targets(w, method, options);
    if (status == GRAFT_OK)
        status = write_options(w, method, options);
    json_decref(options);
    return status;
}

static graft_status combine(weighted *w)
{
    for (int i = 0; i < w->count; i++) {
        GR_TRY(check_adapter(w, i));
        GR_TRY(check_tensors(w, w->adapters[i]));
    }
    GR_TRY(find_rank(w));
    GR_TRY(add_tensors(w));
    return describe(w);
}

graft_status graft_adapter_combine_weighted(graft_log *log, graft_adapter *const *adapters,
                                            const float *weights, int count, graft_adapter **out)
{
    *out = NULL;
    if (count < 1 || !adapters || !weights)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "adapters: give at least one, with its weight");
    for (int i = 0; i < count; i++)
        if (!adapters[i])
            return gr_fail(log, GRAFT_ERR_ARGUMENT, "adapters: number %d is NULL", i + 1);
    weighted w = {
        .log = log, .adapters = adapters, .weights = weights, .count = count, .same_classes = true};
    w.tensors = gr_tensors_create();
    if (!w.tensors)
        return gr_fail(log, GRAFT_ERR_MEMORY, "adapters: out of memory");
    graft_status status = combine(&w);
    if (status == GRAFT_OK)
        return gr_adapter_create(log, &w.tensors, out);
    gr_tensors_destroy(&w.tensors);
    return status;
}
