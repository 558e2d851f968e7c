#include "weights/sidecars.h"

#include "base/json.h"
#include "base/mem.h"
#include "weights/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
    graft_log *log;
    gr_tensors *tensors;
    const char *directory;
    const char *file; /* that is being read, such as "config.json" */
    void *memory;     /* parent of texts */
    char heard[256];
} reader;

/* Remembers for the closing line what a file told. */
static void hear(reader *r, const char *what)
{
    size_t used = strlen(r->heard);
    snprintf(r->heard + used, sizeof(r->heard) - used, "%s%s of %s", used ? ", " : "", what,
             r->file);
}

static graft_status set_text(reader *r, const char *key, const char *text)
{
    return gr_tensors_set_metadata_from(r->log, r->tensors, key, text, r->file);
}

static graft_status set_value(reader *r, const char *key, const json_t *value)
{
    char text[64];
    if (json_is_string(value))
        return set_text(r, key, json_string_value(value));
    if (!json_is_number(value))
        return GRAFT_OK;
    snprintf(text, sizeof(text), "%.17g", json_number_value(value));
    return set_text(r, key, text);
}

/* Takes `json`; NULL stands for out of memory. */
static graft_status set_json(reader *r, const char *key, json_t *json)
{
    char *text = gr_json_text(json, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(json);
    if (!text)
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "%s: out of memory", key);
    graft_status status = set_text(r, key, text);
    free(text);
    return status;
}

/* NULL without an error: there is no such file. */
static graft_status read_json(reader *r, const char *name, json_t **json)
{
    char *path = gr_path_join(r->memory, r->directory, name);
    r->file = name;
    *json = NULL;
    if (!path)
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "%s: no memory", name);
    return gr_file_exists(path) ? gr_json_read(r->log, path, json) : GRAFT_OK;
}

/* ---- How images become input ------------------------------------------------------------- */

typedef bool input_reader(const json_t *json, gr_sidecar_input *out, char why[160]);

static json_t *input_json(const gr_sidecar_input *in)
{
    json_t *json = json_object();
    int failed = json ? 0 : -1;
    if (json && in->interpolation)
        failed |= json_object_set_new(json, "interpolation", json_string(in->interpolation));
    if (json && in->resize)
        failed |= json_object_set_new(json, "resize", json_string(in->resize));
    if (json && in->normalization)
        failed |= json_object_set_new(json, "normalization", json_string(in->normalization));
    if (json && in->resize_to)
        failed |= json_object_set_new(json, "resize_to", json_integer(in->resize_to));
    if (failed)
        json_decref(json);
    return failed ? NULL : json;
}

static graft_status set_input(reader *r, const json_t *json, input_reader *read)
{
    gr_sidecar_input input;
    char why[160];
    if (!json)
        return GRAFT_OK;
    if (!read(json, &input, why)) {
        gr_log(r->log, GRAFT_LOG_WARN,
               "%s/%s: %s: graft has no name for that, the file's preprocessing is not used; see "
               "the input settings",
               r->directory, r->file, why);
        return GRAFT_OK;
    }
    if (!input.interpolation && !input.resize && !input.normalization)
        return GRAFT_OK;
    hear(r, "preprocessing");
    return set_json(r, "graft.input", input_json(&input));
}

/* ---- Names of classes -------------------------------------------------------------------- */

/* {"0": "tench", ..}; empty when it names nothing: transformers writes LABEL_0 where nobody did.
 * NULL: out of memory. */
static json_t *names_of(const json_t *id2label)
{
    size_t count = json_object_size(id2label);
    json_t *names = json_array();
    for (size_t i = 0; names && i < count; i++) {
        char key[24], unnamed[32];
        snprintf(key, sizeof(key), "%zu", i);
        snprintf(unnamed, sizeof(unnamed), "LABEL_%zu", i);
        json_t *name = json_object_get(id2label, key);
        if (!json_is_string(name) || strcmp(json_string_value(name), unnamed) == 0) {
            json_array_clear(names);
            return names;
        }
        gr_json_append(&names, json_incref(name));
    }
    return names;
}

/* Takes `names`; NULL stands for out of memory. */
static graft_status set_classes(reader *r, json_t *names)
{
    if (names && json_array_size(names) == 0) {
        json_decref(names);
        return GRAFT_OK;
    }
    hear(r, "names of classes");
    return set_json(r, "graft.classes", json_pack("{s:o}", "names", names));
}

/* ---- One library's files ----------------------------------------------------------------- */

static bool is_transformers(const json_t *config)
{
    static const char *const types[] = {"vit",
                                        "deit",
                                        "vit_mae",
                                        "dinov2",
                                        "dinov2_with_registers",
                                        "dinov3_vit",
                                        "beit",
                                        "siglip",
                                        "siglip_vision_model",
                                        "data2vec-vision",
                                        "swin",
                                        "clip",
                                        "clip_vision_model"};
    const char *type = json_string_value(json_object_get(config, "model_type"));
    for (size_t i = 0; type && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

/* CLIP's image encoder as a classifier: its projection is as wide as there are labels. */
static bool has_projection_head(const json_t *config)
{
    const char *type = json_string_value(json_object_get(config, "model_type"));
    const json_t *labels = json_object_get(config, "id2label");
    return type && strcmp(type, "clip_vision_model") == 0 && labels &&
           (json_int_t)json_object_size(labels) ==
               json_integer_value(json_object_get(config, "projection_dim"));
}

static graft_status set_transformers(reader *r, const json_t *config)
{
    static const struct {
        const char *json, *key;
    } settings[] = {
        {"num_attention_heads", "graft.heads"},
        {"layer_norm_eps", "graft.norm_eps"},
        {"hidden_act", "graft.activation"},
        {"image_size", "graft.image_size"},
    };
    const json_t *vision = json_object_get(config, "vision_config"); /* of CLIP */
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        GR_TRY(set_value(r, settings[i].key,
                         json_object_get(vision ? vision : config, settings[i].json)));
    if (has_projection_head(config))
        GR_TRY(set_text(r, GR_HEAD_KEY, "projection"));
    hear(r, "geometry");
    return set_classes(r, names_of(json_object_get(config, "id2label")));
}

static graft_status read_transformers(reader *r)
{
    json_t *config, *preprocessor;
    GR_TRY(read_json(r, "config.json", &config));
    graft_status status = GRAFT_OK;
    if (is_transformers(config))
        status = set_transformers(r, config);
    json_decref(config);
    GR_TRY(status);
    GR_TRY(read_json(r, "preprocessor_config.json", &preprocessor));
    status = set_input(r, preprocessor, gr_sidecar_transformers_input);
    json_decref(preprocessor);
    return status;
}

/* Before there was a "pretrained_cfg", the object itself held what it holds. */
static const json_t *pretrained_cfg(const json_t *config)
{
    const json_t *cfg = json_object_get(config, "pretrained_cfg");
    return cfg ? cfg : config;
}

/* What arguments tell beside the name of a model; the names of CLIP's towers say two things that
 * are no arguments. */
static graft_status set_timm_geometry(reader *r, const json_t *config)
{
    static const char *const with_tanh[] = {"patch32_siglip", "large_patch16_siglip_512",
                                            "large_patch16_siglip_gap_512", "so400m_patch16_siglip",
                                            "giantopt_patch16_siglip"};
    const char *name = json_string_value(json_object_get(config, "architecture"));
    const json_t *arguments = json_object_get(config, "model_args");
    if (strstr(name, "_clip_")) {
        GR_TRY(set_text(r, "graft.norm_eps", "1e-5"));
        GR_TRY(set_text(r, "graft.activation", strstr(name, "quickgelu") ? "quick_gelu" : "gelu"));
    }
    for (size_t i = 0; i < sizeof(with_tanh) / sizeof(with_tanh[0]); i++)
        if (strstr(name, with_tanh[i]))
            GR_TRY(set_text(r, "graft.activation", "gelu_tanh"));
    GR_TRY(set_value(r, "graft.heads", json_object_get(arguments, "num_heads")));
    GR_TRY(set_value(r, "graft.activation", json_object_get(arguments, "act_layer")));
    const json_t *size = json_object_get(arguments, "img_size"), *cfg = pretrained_cfg(config);
    return set_value(r, "graft.image_size",
                     size ? size : json_array_get(json_object_get(cfg, "input_size"), 1));
}

static graft_status set_timm(reader *r, const json_t *config)
{
    const json_t *labels = json_object_get(config, "label_names");
    const char *pool = json_string_value(json_object_get(config, "global_pool"));
    if (!json_is_string(json_object_get(config, "architecture")))
        return GRAFT_OK;
    GR_TRY(set_timm_geometry(r, config));
    if (pool && (strcmp(pool, "token") == 0 || strcmp(pool, "avg") == 0)) {
        hear(r, "pooling");
        bool normed =
            json_is_false(json_object_get(json_object_get(config, "model_args"), "fc_norm"));
        GR_TRY(set_text(r, "graft.pool",
                        strcmp(pool, "token") == 0 ? "cls"
                        : normed                   ? "normed-avg"
                                                   : "avg"));
    }
    GR_TRY(set_input(r, pretrained_cfg(config), gr_sidecar_timm_input));
    return json_is_array(labels) ? set_classes(r, json_incref((json_t *)labels)) : GRAFT_OK;
}

static graft_status read_timm(reader *r)
{
    json_t *config;
    GR_TRY(read_json(r, "config.json", &config));
    graft_status status = set_timm(r, config);
    json_decref(config);
    return status;
}

static graft_status set_open_clip(reader *r, const json_t *config)
{
    const json_t *model = json_object_get(config, "model_cfg");
    const json_t *vision = json_object_get(model, "vision_cfg");
    json_int_t width = json_integer_value(json_object_get(vision, "width"));
    json_int_t head = json_integer_value(json_object_get(vision, "head_width"));
    char heads[24];
    if (!vision)
        return GRAFT_OK;
    if (width > 0) { /* OpenCLIP's default is 64 */
        snprintf(heads, sizeof(heads), "%lld", (long long)(width / (head > 0 ? head : 64)));
        GR_TRY(set_text(r, "graft.heads", heads));
    }
    GR_TRY(set_text(r, "graft.activation",
                    json_is_true(json_object_get(model, "quick_gelu")) ? "quick_gelu" : "gelu"));
    hear(r, "geometry");
    return set_input(r, json_object_get(config, "preprocess_cfg"), gr_sidecar_open_clip_input);
}

static graft_status read_open_clip(reader *r)
{
    json_t *config;
    GR_TRY(read_json(r, "open_clip_config.json", &config));
    graft_status status = set_open_clip(r, config);
    json_decref(config);
    return status;
}

graft_status gr_sidecars_read(graft_log *log, const char *path, gr_sidecars kind,
                              gr_tensors *tensors)
{
    static graft_status (*const readers[])(reader * r) = {
        [GR_SIDECARS_TRANSFORMERS] = read_transformers,
        [GR_SIDECARS_TIMM] = read_timm,
        [GR_SIDECARS_OPEN_CLIP] = read_open_clip,
    };
    if (kind == GR_SIDECARS_NONE)
        return GRAFT_OK;
    reader r = {.log = log, .tensors = tensors, .memory = gr_alloc(NULL, 1)};
    r.directory =
        gr_file_is_directory(path) ? gr_strdup(r.memory, path) : gr_path_directory(r.memory, path);
    graft_status status =
        r.directory ? readers[kind](&r) : gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    if (status == GRAFT_OK && r.heard[0])
        gr_log(log, GRAFT_LOG_INFO, "%s: %s", r.directory, r.heard);
    gr_free(r.memory);
    return status;
}
