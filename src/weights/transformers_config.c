#include "weights/transformers_config.h"

#include "base/json.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *json, *key;
} settings[] = {
    {"num_attention_heads", "graft.heads"},
    {"layer_norm_eps", "graft.norm_eps"},
    {"hidden_act", "graft.activation"},
    {"image_size", "graft.image_size"},
};

static bool is_known(const json_t *config)
{
    static const char *const types[] = {"vit",  "deit", "vit_mae",
                                        "swin", "clip", "clip_vision_model"};
    const char *type = json_string_value(json_object_get(config, "model_type"));
    for (size_t i = 0; type && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

static graft_status set(graft_log *log, gr_tensors *tensors, const char *key, const json_t *value)
{
    char text[64];
    if (json_is_string(value))
        return gr_tensors_set_metadata(log, tensors, key, json_string_value(value));
    if (!json_is_number(value))
        return GRAFT_OK;
    snprintf(text, sizeof(text), "%.17g", json_number_value(value));
    return gr_tensors_set_metadata(log, tensors, key, text);
}

static graft_status set_all(graft_log *log, gr_tensors *tensors, const json_t *config)
{
    if (!is_known(config))
        return GRAFT_OK;
    const json_t *vision = json_object_get(config, "vision_config"); /* of CLIP */
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        GR_TRY(set(log, tensors, settings[i].key,
                   json_object_get(vision ? vision : config, settings[i].json)));
    return GRAFT_OK;
}

static graft_status read_file(graft_log *log, const char *path, gr_tensors *tensors)
{
    json_t *config;
    if (!gr_file_exists(path))
        return GRAFT_OK;
    GR_TRY(gr_json_read(log, path, &config));
    graft_status status = set_all(log, tensors, config);
    json_decref(config);
    return status;
}

graft_status gr_transformers_config_read(graft_log *log, const char *path, gr_tensors *tensors)
{
    void *memory = gr_alloc(NULL, 1);
    char *directory =
        gr_file_is_directory(path) ? gr_strdup(memory, path) : gr_path_directory(memory, path);
    char *file = directory ? gr_path_join(memory, directory, "config.json") : NULL;
    graft_status status = file ? read_file(log, file, tensors)
                               : gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    gr_free(memory);
    return status;
}
