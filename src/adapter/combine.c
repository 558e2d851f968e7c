/* Several adapters as one: their tensors side by side, the metadata merged. */
#include "adapter/adapter.h"
#include "adapter/fingerprint.h"
#include "base/json.h"
#include "base/mem.h"
#include "build/config_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct combination {
    graft_log *log;
    graft_adapter *const *adapters;
    int count;
    gr_tensors *tensors;
    json_t *options;
    char methods[256];
} combination;

static bool is_head(const char *name)
{
    return strncmp(name, "head.", 5) == 0;
}

static graft_status add_tensors(combination *c, const graft_adapter *a, bool last)
{
    for (size_t i = 0; i < gr_tensors_count(a->tensors); i++) {
        const gr_tensor *t = gr_tensors_at(a->tensors, i);
        void *values;
        if (is_head(t->name) && !last)
            continue;
        if (gr_tensors_find(c->tensors, t->name))
            return gr_fail(c->log, GRAFT_ERR_ARGUMENT, "%s: trained by two of the adapters",
                           t->name);
        GR_TRY(gr_tensors_add_new(c->log, c->tensors, t->name, t->dtype, t->shape, &values));
        memcpy(values, t->data, t->size_bytes);
    }
    return GRAFT_OK;
}

/* "lora+ssf"; a name that is there twice is for gr_methods_parse to refuse. */
static graft_status add_methods(combination *c, const graft_adapter *a)
{
    size_t used = strlen(c->methods);
    int length =
        snprintf(c->methods + used, sizeof(c->methods) - used, "%s%s", used ? "+" : "", a->methods);
    if (used + (size_t)length >= sizeof(c->methods))
        return gr_fail(c->log, GRAFT_ERR_ARGUMENT, "adapters: too many methods together");
    json_t *options;
    const char *text = gr_tensors_metadata(a->tensors, "graft.options");
    GR_TRY(gr_json_parse(c->log, "graft.options", text, strlen(text), &options));
    bool added = json_object_update(c->options, options) == 0;
    json_decref(options);
    return added ? GRAFT_OK : gr_fail(c->log, GRAFT_ERR_MEMORY, "adapters: out of memory");
}

graft_status gr_adapter_check_backbone(graft_log *log, const graft_adapter *a,
                                       const graft_adapter *last)
{
    const char *here = gr_tensors_metadata(a->tensors, GR_FINGERPRINT_KEY);
    const char *there = gr_tensors_metadata(last->tensors, GR_FINGERPRINT_KEY);
    gr_model_config x = a->info.config, y = last->info.config;
    bool same = x.family == y.family && x.dim == y.dim && x.depth == y.depth &&
                x.hidden == y.hidden && x.patch_size == y.patch_size && x.pool == y.pool &&
                x.proj_dim == y.proj_dim;
    if (same && (!here || !there || strcmp(here, there) == 0))
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: was trained on another backbone than %s",
                   gr_tensors_source(a->tensors), gr_tensors_source(last->tensors));
}

/* The rest of the metadata is the last one's. */
static graft_status describe(combination *c)
{
    const gr_tensors *last = c->adapters[c->count - 1]->tensors;
    for (size_t i = 0; i < gr_tensors_metadata_count(last); i++) {
        const char *key, *value;
        gr_tensors_metadata_at(last, i, &key, &value);
        GR_TRY(gr_tensors_set_metadata(c->log, c->tensors, key, value));
    }
    char *options = gr_json_text(c->options, JSON_COMPACT | JSON_SORT_KEYS);
    if (!options)
        return gr_fail(c->log, GRAFT_ERR_MEMORY, "adapters: out of memory");
    graft_status status = gr_tensors_set_metadata(c->log, c->tensors, "graft.options", options);
    free(options);
    GR_TRY(status);
    GR_TRY(gr_tensors_set_source(c->log, c->tensors, c->methods));
    return gr_tensors_set_metadata(c->log, c->tensors, "graft.methods", c->methods);
}

static graft_status combine(combination *c)
{
    for (int i = 0; i < c->count; i++) {
        GR_TRY(gr_adapter_check_backbone(c->log, c->adapters[i], c->adapters[c->count - 1]));
        GR_TRY(add_methods(c, c->adapters[i]));
    }
    gr_methods *methods;
    GR_TRY(gr_methods_parse(c->log, c->methods, &methods));
    graft_status status =
        gr_methods_check(c->log, methods, &c->adapters[c->count - 1]->info.config);
    gr_methods_destroy(methods);
    for (int i = 0; i < c->count && status == GRAFT_OK; i++)
        status = add_tensors(c, c->adapters[i], i + 1 == c->count);
    return status == GRAFT_OK ? describe(c) : status;
}

graft_status graft_adapter_combine(graft_log *log, graft_adapter *const *adapters, int count,
                                   graft_adapter **out)
{
    *out = NULL;
    for (int i = 0; i < count; i++)
        if (!adapters[i])
            return gr_fail(log, GRAFT_ERR_ARGUMENT, "adapters: number %d is NULL", i + 1);
    if (count < 1)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "adapters: give at least one");
    combination c = {.log = log, .adapters = adapters, .count = count};
    c.tensors = gr_tensors_create();
    c.options = json_object();
    graft_status status = c.tensors && c.options
                              ? combine(&c)
                              : gr_fail(log, GRAFT_ERR_MEMORY, "adapters: out of memory");
    json_decref(c.options);
    if (status == GRAFT_OK)
        return gr_adapter_create(log, &c.tensors, out);
    gr_tensors_destroy(&c.tensors);
    return status;
}
