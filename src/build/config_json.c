#include "build/config_json.h"

#include "base/json.h"
#include "weights/tensors.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char OWN[] = "own";

static json_t *list_json(const int *values, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        gr_json_append(&list, json_integer(values[i]));
    return list;
}

static json_t *swin_json(const gr_model_config *c)
{
    return json_pack("{s:o,s:o,s:i}", "depths", list_json(c->stage_depth, c->stages), "heads",
                     list_json(c->stage_heads, c->stages), "window", c->window);
}

static json_t *clip_json(const gr_model_config *c)
{
    return json_pack("{s:i,s:b,s:f}", "proj_dim", c->proj_dim, "feature_norm", c->normalize_feature,
                     "logit_scale", (double)c->logit_scale);
}

/* What a ViT may have; a file names those that it has. */
static const struct {
    const char *key;
    size_t offset;
} vit_flags[] = {
    {"patch_positions", offsetof(gr_model_config, patch_positions)},
    {"layer_scale", offsetof(gr_model_config, layer_scale)},
    {"swiglu", offsetof(gr_model_config, swiglu)},
    {"no_class_token", offsetof(gr_model_config, no_class_token)},
    {"distilled", offsetof(gr_model_config, distilled)},
    {"relative_bias", offsetof(gr_model_config, relative_bias)},
    {"shared_relative_bias", offsetof(gr_model_config, shared_relative_bias)},
    {"attn_norm", offsetof(gr_model_config, attn_norm)},
    {"mlp_norm", offsetof(gr_model_config, mlp_norm)},
};

enum { VIT_FLAGS = sizeof(vit_flags) / sizeof(vit_flags[0]) };

static bool *flag_of(const gr_model_config *c, int i)
{
    return (bool *)((char *)c + vit_flags[i].offset);
}

/* Empty: a plain one. */
static json_t *vit_json(const gr_model_config *c)
{
    json_t *json = json_object();
    if (c->registers)
        gr_json_set(&json, "registers", json_integer(c->registers));
    if (c->rope)
        gr_json_set(&json, "rope", json_string(gr_rope_name(c->rope)));
    for (int i = 0; i < VIT_FLAGS; i++)
        if (*flag_of(c, i))
            gr_json_set(&json, vit_flags[i].key, json_true());
    return json;
}

static json_t *config_json(const gr_model_config *c)
{
    json_t *json =
        json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:f,s:i,s:s}", "image_size", c->image_size,
                  "patch_size", c->patch_size, "dim", c->dim, "depth", c->depth, "heads", c->heads,
                  "hidden", c->hidden, "classes", c->classes, "norm_eps", (double)c->norm_eps,
                  "activation", (int)c->activation, "pool", gr_pool_name(c->pool));
    if (c->positions != GR_POSITIONS_BILINEAR_ALIGNED)
        gr_json_set(&json, "positions", json_string(gr_positions_name(c->positions)));
    json_t *vit = vit_json(c);
    if (vit && !json_object_size(vit))
        json_decref(vit);
    else
        gr_json_set(&json, "vit", vit);
    if (c->family == GR_FAMILY_SWIN)
        gr_json_set(&json, "swin", swin_json(c));
    if (c->pre_norm)
        gr_json_set(&json, "clip", clip_json(c));
    return json;
}

graft_status gr_model_config_describe(graft_log *log, gr_tensors *weights,
                                      const gr_model_config *config)
{
    json_t *json = config_json(config);
    char *text = gr_json_text(json, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(json);
    if (!text)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", GR_MODEL_KEY);
    graft_status status = gr_tensors_set_metadata(log, weights, GR_MODEL_KEY, text);
    free(text);
    if (status == GRAFT_OK && config->family == GR_FAMILY_OWN)
        status = gr_tensors_set_metadata(log, weights, GR_FAMILY_KEY, OWN);
    return status;
}

bool gr_model_is_own(const gr_tensors *tensors)
{
    const char *family = gr_tensors_metadata(tensors, GR_FAMILY_KEY);
    return family && strcmp(family, OWN) == 0;
}

/* Returns how many there are, at most GR_MAX_STAGES of which are stored. */
static int read_list(const json_t *list, int out[GR_MAX_STAGES])
{
    int count = (int)json_array_size(list);
    for (int i = 0; i < count && i < GR_MAX_STAGES; i++)
        out[i] = (int)json_integer_value(json_array_get(list, (size_t)i));
    return count;
}

static bool read_swin(json_t *json, gr_model_config *c)
{
    json_t *depths, *heads;
    c->family = GR_FAMILY_SWIN;
    if (json_unpack(json, "{s:o,s:o,s:i}", "depths", &depths, "heads", &heads, "window",
                    &c->window))
        return false;
    c->stages = read_list(depths, c->stage_depth);
    return read_list(heads, c->stage_heads) == c->stages;
}

static bool read_clip(json_t *json, gr_model_config *c)
{
    int norm;
    double scale;
    if (json_unpack(json, "{s:i,s:b,s:F}", "proj_dim", &c->proj_dim, "feature_norm", &norm,
                    "logit_scale", &scale))
        return false;
    c->pre_norm = true;
    c->normalize_feature = norm;
    c->logit_scale = (float)scale;
    return true;
}

static bool read_vit(json_t *json, gr_model_config *c)
{
    const json_t *registers = json_object_get(json, "registers");
    const char *rope = json_string_value(json_object_get(json, "rope"));
    bool good = json_is_object(json) && (!registers || json_is_integer(registers)) &&
                (!rope || gr_rope_parse(rope, &c->rope));
    c->registers = (int)json_integer_value(registers);
    for (int i = 0; i < VIT_FLAGS; i++) {
        const json_t *flag = json_object_get(json, vit_flags[i].key);
        good = good && (!flag || json_is_boolean(flag));
        *flag_of(c, i) = json_is_true(flag);
    }
    return good;
}

static bool read_json(json_t *json, gr_model_config *c)
{
    double eps;
    int activation;
    const char *pool, *positions = "bilinear-aligned";
    if (json_unpack(json, "{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:F,s:i,s:s,s?s}", "image_size",
                    &c->image_size, "patch_size", &c->patch_size, "dim", &c->dim, "depth",
                    &c->depth, "heads", &c->heads, "hidden", &c->hidden, "classes", &c->classes,
                    "norm_eps", &eps, "activation", &activation, "pool", &pool, "positions",
                    &positions))
        return false;
    c->norm_eps = (float)eps;
    c->activation = activation == GR_FUNC_QUICK_GELU || activation == GR_FUNC_GELU_TANH
                        ? (gr_func)activation
                        : GR_FUNC_GELU;
    if (!gr_pool_parse(pool, &c->pool))
        return false;
    if (!gr_positions_parse(positions, &c->positions))
        return false;
    json_t *swin = json_object_get(json, "swin"), *clip = json_object_get(json, "clip");
    json_t *vit = json_object_get(json, "vit");
    return (!vit || read_vit(vit, c)) && (!swin || read_swin(swin, c)) &&
           (!clip || read_clip(clip, c));
}

graft_status gr_model_config_described(graft_log *log, const gr_tensors *weights,
                                       gr_model_config *out)
{
    json_t *json;
    const char *text = gr_tensors_metadata(weights, GR_MODEL_KEY);
    *out = (gr_model_config){0};
    if (!text)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: no %s in its metadata; is it an adapter?",
                       gr_tensors_source(weights), GR_MODEL_KEY);
    GR_TRY(gr_json_parse(log, GR_MODEL_KEY, text, strlen(text), &json));
    bool complete = read_json(json, out);
    json_decref(json);
    if (!complete)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: %s in its metadata is incomplete",
                       gr_tensors_source(weights), GR_MODEL_KEY);
    if (gr_model_is_own(weights))
        out->family = GR_FAMILY_OWN;
    return gr_model_config_check(log, out);
}
