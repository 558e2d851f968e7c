/* Reading a case: geometry, methods and tensors. */
#include "golden.h"

#include "base/json.h"
#include "base/mem.h"
#include "weights/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static graft_status malformed(graft_log *log, const golden_case *c, const char *what)
{
    return gr_fail(log, GRAFT_ERR_FORMAT, "%s/config.json: %s", c->path, what);
}

static graft_status read_config(graft_log *log, golden_case *c)
{
    char *path = gr_path_join(NULL, c->path, "config.json");
    graft_status status = path ? gr_json_read(log, path, &c->config) : GRAFT_ERR_MEMORY;
    gr_free(path);
    return status;
}

/* The case's own file, or the one in the folder above that its cases share. */
static char *tensor_path(const golden_case *c, const char *name)
{
    char *own = gr_path_join(NULL, c->path, name);
    if (!own || gr_file_exists(own))
        return own;
    char *above = gr_path_directory(own, c->path);
    char *shared = above ? gr_path_join(NULL, above, name) : NULL;
    gr_free(own);
    return shared;
}

static graft_status read_tensors(graft_log *log, const golden_case *c, const char *name,
                                 gr_tensors **out)
{
    char *path = tensor_path(c, name);
    *out = gr_tensors_create();
    graft_status status = path && *out ? GRAFT_OK : GRAFT_ERR_MEMORY;
    if (status == GRAFT_OK)
        status = gr_tensors_set_source(log, *out, path);
    if (status == GRAFT_OK)
        status = gr_safetensors_read(log, path, *out);
    gr_free(path);
    return status;
}

static int integer(const golden_case *c, const char *key)
{
    return (int)json_integer_value(json_object_get(c->config, key));
}

static bool says(const golden_case *c, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(c->config, key));
    return value && strcmp(value, text) == 0;
}

/* The numbers of a list; how many there are. */
static int integers(const golden_case *c, const char *key, int out[GR_MAX_STAGES])
{
    const json_t *list = json_object_get(c->config, key);
    int count = (int)json_array_size(list);
    for (int i = 0; i < count && i < GR_MAX_STAGES; i++)
        out[i] = (int)json_integer_value(json_array_get(list, (size_t)i));
    return count;
}

static graft_status read_swin(graft_log *log, golden_case *c)
{
    gr_model_config *g = &c->geometry;
    g->family = GR_FAMILY_SWIN;
    g->window = integer(c, "window");
    g->stages = integers(c, "depths", g->stage_depth);
    if (integers(c, "heads", g->stage_heads) != g->stages || g->stages > GR_MAX_STAGES)
        return malformed(log, c, "depths, heads: expected as many of one as of the other");
    g->heads = g->stage_heads[0];
    for (int i = 0; i < g->stages; i++)
        g->depth += g->stage_depth[i];
    return GRAFT_OK;
}

static graft_status read_clip(graft_log *log, golden_case *c)
{
    gr_model_config *g = &c->geometry;
    g->pre_norm = true;
    g->proj_dim = integer(c, "proj_dim");
    g->normalize_feature = json_is_true(json_object_get(c->config, "feature_norm"));
    g->logit_scale = (float)json_number_value(json_object_get(c->config, "logit_scale"));
    if (g->normalize_feature && g->logit_scale == 0.0f)
        return malformed(log, c, "logit_scale: expected beside feature_norm");
    return GRAFT_OK;
}

static graft_status read_geometry(graft_log *log, golden_case *c)
{
    if (!says(c, "format", "vit-peft-golden-1"))
        return malformed(log, c, "format: expected \"vit-peft-golden-1\"");
    double ratio = json_number_value(json_object_get(c->config, "mlp_ratio"));
    c->batch_size = integer(c, "batch");
    c->geometry = (gr_model_config){
        .image_size = integer(c, "img_size"),
        .patch_size = integer(c, "patch_size"),
        .dim = integer(c, "dim"),
        .depth = integer(c, "depth"),
        .heads = integer(c, "heads"),
        .hidden = (int)lround(ratio * integer(c, "dim")),
        .classes = integer(c, "classes"),
        .norm_eps = (float)json_number_value(json_object_get(c->config, "ln_eps")),
        .activation = says(c, "gelu", "quick") ? GR_FUNC_QUICK_GELU : GR_FUNC_GELU,
        .pool = says(c, "pool", "avg") ? GR_POOL_AVG : GR_POOL_CLS,
    };
    if (c->batch_size < 1)
        return malformed(log, c, "batch: expected a positive number");
    if (says(c, "backbone", "swin"))
        GR_TRY(read_swin(log, c));
    else if (says(c, "backbone", "clip"))
        GR_TRY(read_clip(log, c));
    else if (!says(c, "backbone", "vit"))
        return malformed(log, c, "backbone: expected \"vit\", \"swin\" or \"clip\"");
    return gr_model_config_check(log, &c->geometry);
}

/* "a+b" of the methods' names. */
static char *method_list(const golden_case *c, void *parent)
{
    char *list = NULL;
    size_t i;
    json_t *method;
    json_array_foreach(json_object_get(c->config, "methods"), i, method)
    {
        const char *name = json_string_value(json_object_get(method, "name"));
        list = gr_printf(parent, "%s%s%s", list ? list : "", list ? "+" : "", name ? name : "?");
    }
    return list;
}

/* ["attn.q", "mlp.fc1"] -> "q,fc1" */
static char *target_list(void *parent, json_t *targets)
{
    char *list = gr_strdup(parent, "");
    size_t i;
    json_t *target;
    json_array_foreach(targets, i, target)
    {
        const char *name = json_string_value(target);
        const char *dot = name ? strchr(name, '.') : NULL;
        list = gr_printf(parent, "%s%s%s", list ? list : "", i ? "," : "", dot ? dot + 1 : "?");
    }
    return list;
}

static graft_status set_option(graft_log *log, golden_case *c, const char *method,
                               const char *field, json_t *value)
{
    /* Implied by other options. */
    if (strcmp(field, "name") == 0 || (strcmp(method, "lora") == 0 && !strcmp(field, "scaling")))
        return GRAFT_OK;
    const char *option = strcmp(field, "bottleneck") == 0 ? "h" : field;
    char *key = gr_printf(NULL, "%s.%s", method, option), *text = NULL;
    if (json_is_array(value))
        text = target_list(key, value);
    else if (json_is_boolean(value))
        text = gr_strdup(key, json_is_true(value) ? "1" : "0");
    else if (json_is_string(value))
        text = gr_strdup(key, json_string_value(value));
    else
        text = gr_printf(key, "%.17g", json_number_value(value));
    graft_status status = key && text ? GRAFT_OK : GRAFT_ERR_MEMORY;
    if (status == GRAFT_OK)
        status = gr_methods_set(log, c->methods, key, text);
    gr_free(key);
    return status;
}

/* Nothing is random in a case. */
static graft_status switch_dropout_off(graft_log *log, golden_case *c)
{
    for (int i = 0; i < c->methods->count; i++) {
        const gr_method *m = c->methods->item[i].method;
        for (const graft_setting *o = m->options; o && o->key; o++) {
            char key[96];
            snprintf(key, sizeof(key), "%s.%s", m->name, o->key);
            if (strstr(o->key, "drop"))
                GR_TRY(gr_methods_set(log, c->methods, key, "0"));
        }
    }
    return GRAFT_OK;
}

static graft_status read_methods(graft_log *log, golden_case *c)
{
    void *scratch = gr_alloc(NULL, 1);
    char *list = scratch ? method_list(c, scratch) : NULL;
    graft_status status = list ? gr_methods_parse(log, list, &c->methods)
                               : malformed(log, c, "methods: expected a list");
    gr_free(scratch);
    GR_TRY(status);
    size_t i;
    json_t *method, *value;
    const char *field;
    json_array_foreach(json_object_get(c->config, "methods"), i, method)
    {
        const char *name = json_string_value(json_object_get(method, "name"));
        json_object_foreach(method, field, value) GR_TRY(set_option(log, c, name, field, value));
    }
    return switch_dropout_off(log, c);
}

static graft_status read_batch(graft_log *log, golden_case *c)
{
    const gr_tensor *images, *labels;
    int64_t n = c->batch_size, size = c->geometry.image_size;
    GR_TRY(gr_tensors_get_shaped(log, c->batch, "images", GR_SHAPE(n, 3, size, size), &images));
    GR_TRY(gr_tensors_get_shaped(log, c->batch, "labels", GR_SHAPE(n), &labels));
    c->images = malloc((size_t)gr_tensor_count(images) * sizeof(*c->images));
    c->labels = malloc((size_t)n * sizeof(*c->labels));
    int64_t *wide = malloc((size_t)n * sizeof(*wide));
    graft_status status = c->images && c->labels && wide ? GRAFT_OK : GRAFT_ERR_MEMORY;
    if (status == GRAFT_OK)
        status = gr_tensor_to_i64(log, labels, wide);
    if (status == GRAFT_OK) {
        gr_tensor_to_f32(images, c->images);
        for (int64_t i = 0; i < n; i++)
            c->labels[i] = (int32_t)wide[i];
    }
    free(wide);
    return status;
}

graft_status golden_open(graft_log *log, const char *path, golden_case *c)
{
    const char *slash = strrchr(path, '/');
    *c = (golden_case){.path = path, .name = slash ? slash + 1 : path};
    GR_TRY(read_config(log, c));
    GR_TRY(read_geometry(log, c));
    GR_TRY(read_methods(log, c));
    GR_TRY(read_tensors(log, c, "backbone.safetensors", &c->backbone));
    GR_TRY(read_tensors(log, c, "adapter_init.safetensors", &c->adapter));
    GR_TRY(read_tensors(log, c, "batch.safetensors", &c->batch));
    GR_TRY(read_tensors(log, c, "expected.safetensors", &c->expected));
    return read_batch(log, c);
}

void golden_close(golden_case *c)
{
    json_decref(c->config);
    gr_methods_destroy(c->methods);
    gr_tensors_destroy(&c->backbone);
    gr_tensors_destroy(&c->adapter);
    gr_tensors_destroy(&c->batch);
    gr_tensors_destroy(&c->expected);
    free(c->images);
    free(c->labels);
    *c = (golden_case){0};
}
