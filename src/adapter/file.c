#include "adapter/file.h"

#include "base/json.h"
#include "base/mem.h"
#include "build/config_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char FORMAT[] = "adapter-1";

static json_t *options_json(const gr_methods *methods)
{
    json_t *options = json_object();
    for (int i = 0; i < methods->count; i++)
        for (const graft_setting *o = methods->item[i].method->options; o && o->key; o++) {
            char key[96], room[GRAFT_SETTING_TEXT_SIZE];
            const void *config = methods->item[i].config;
            snprintf(key, sizeof(key), "%s.%s", methods->item[i].method->name, o->key);
            const char *text = o->type == GRAFT_SETTING_TEXT /* of any length; NULL: not set */
                                   ? *(const char *const *)((const char *)config + o->offset)
                                   : graft_setting_text(o, config, room);
            if (text)
                gr_json_set(&options, key, json_string(text));
        }
    return options;
}

static json_t *classes_json(const gr_class_names *classes)
{
    json_t *names = json_array();
    for (int i = 0; i < classes->count; i++)
        gr_json_append(&names, json_string(classes->name[i] ? classes->name[i] : ""));
    return json_pack("{s:o}", "names", names);
}

/* Takes `json`; NULL stands for out of memory. */
static graft_status set_json(graft_log *log, gr_tensors *adapter, const char *key, json_t *json)
{
    char *text = gr_json_text(json, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(json);
    if (!text)
        return gr_fail(log, GRAFT_ERR_MEMORY, "adapter: out of memory");
    graft_status status = gr_tensors_set_metadata(log, adapter, key, text);
    free(text);
    return status;
}

graft_status gr_adapter_describe(graft_log *log, gr_tensors *adapter, const gr_model_config *config,
                                 const gr_methods *methods, const gr_input *input,
                                 const gr_class_names *classes)
{
    char name[128], heads[16];
    gr_methods_name(methods, name, sizeof(name));
    snprintf(heads, sizeof(heads), "%d", config->heads);
    GR_TRY(gr_tensors_set_metadata(log, adapter, "graft.format", FORMAT));
    GR_TRY(gr_tensors_set_metadata(log, adapter, "graft.methods", name));
    GR_TRY(gr_tensors_set_metadata(log, adapter, "graft.heads", heads));
    GR_TRY(set_json(log, adapter, "graft.options", options_json(methods)));
    GR_TRY(gr_model_config_describe(log, adapter, config));
    GR_TRY(set_json(log, adapter, "graft.input", gr_input_json(input)));
    if (classes->count == 0)
        return GRAFT_OK;
    return set_json(log, adapter, "graft.classes", classes_json(classes));
}

static graft_status parse(graft_log *log, const gr_tensors *adapter, const char *key, json_t **out)
{
    const char *text = gr_tensors_metadata(adapter, key);
    if (!text)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: no %s in its metadata; is it an adapter?",
                       gr_tensors_source(adapter), key);
    return gr_json_parse(log, key, text, strlen(text), out);
}

static graft_status read_options(graft_log *log, const gr_tensors *adapter, gr_methods *methods)
{
    json_t *options, *value;
    const char *key;
    GR_TRY(parse(log, adapter, "graft.options", &options));
    graft_status status = GRAFT_OK;
    json_object_foreach(options, key, value)
    {
        if (status == GRAFT_OK)
            status = json_is_string(value)
                         ? gr_methods_set(log, methods, key, json_string_value(value))
                         : gr_fail(log, GRAFT_ERR_FORMAT, "%s: %s is not a text",
                                   gr_tensors_source(adapter), key);
    }
    json_decref(options);
    return status;
}

graft_status gr_adapter_input_read(graft_log *log, const gr_tensors *adapter, int image_size,
                                   gr_input *input)
{
    json_t *json;
    /* Adapters that do not tell, and what was merged of them, saw images as they lie in the file.
     */
    bool described = gr_tensors_metadata(adapter, "graft.model") != NULL;
    GR_TRY(parse(log, adapter, "graft.input", &json));
    graft_status status =
        gr_input_read_json(log, gr_tensors_source(adapter), json,
                           described ? GRAFT_EXIF_IGNORE : GRAFT_EXIF_APPLY, image_size, input);
    json_decref(json);
    return status;
}

graft_status gr_adapter_info_read(graft_log *log, const gr_tensors *adapter, gr_adapter_info *out)
{
    *out = (gr_adapter_info){0};
    const char *format = gr_tensors_metadata(adapter, "graft.format");
    const char *methods = gr_tensors_metadata(adapter, "graft.methods");
    if (!format || !methods || strcmp(format, FORMAT) != 0)
        return gr_fail(log, GRAFT_ERR_FORMAT,
                       "%s: not an adapter of this version of graft (graft.format is %s, expected "
                       "%s)",
                       gr_tensors_source(adapter), format ? format : "missing", FORMAT);
    GR_TRY(gr_tensors_check_finite(log, adapter));
    graft_status status = gr_methods_parse(log, methods, &out->methods);
    if (status == GRAFT_OK)
        status = read_options(log, adapter, out->methods);
    if (status == GRAFT_OK)
        status = gr_model_config_described(log, adapter, &out->config);
    if (status == GRAFT_OK)
        status = gr_adapter_input_read(log, adapter, out->config.image_size, &out->input);
    if (status != GRAFT_OK)
        gr_adapter_info_release(out);
    return status;
}

void gr_adapter_info_release(gr_adapter_info *info)
{
    gr_methods_destroy(info->methods);
    info->methods = NULL;
}

graft_status gr_adapter_class_names(graft_log *log, const gr_tensors *adapter, void *parent,
                                    int count, const char ***names)
{
    json_t *all = NULL;
    *names = gr_alloc_array(parent, (size_t)count, sizeof(**names));
    bool complete = *names != NULL;
    if (gr_tensors_metadata(adapter, "graft.classes"))
        GR_TRY(parse(log, adapter, "graft.classes", &all));
    for (int i = 0; i < count && complete; i++) {
        const json_t *item = json_array_get(json_object_get(all, "names"), (size_t)i);
        if (json_is_string(item))
            complete = ((*names)[i] = gr_strdup(parent, json_string_value(item))) != NULL;
    }
    json_decref(all);
    return complete ? GRAFT_OK : gr_fail(log, GRAFT_ERR_MEMORY, "adapter: out of memory");
}
