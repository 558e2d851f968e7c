#include "adapter/input.h"

#include "base/json.h"
#include "base/log.h"
#include "weights/layout.h"

#include <stdio.h>
#include <string.h>

static const graft_setting model_rows[] = {
    {"backbone", GR_SETTING(graft_model_params, backbone.path), GRAFT_SETTING_TEXT, NULL, "FILE", 0,
     0, "pretrained weights: .safetensors, its folder, or JAX .npz", .letter = 'b'},
    {"adapter", GR_SETTING(graft_model_params, adapter), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "made by graft train, or a folder of Hugging Face peft", "none, the backbone's own head",
     .letter = 'a'},
    {"heads", GR_SETTING(graft_model_params, heads), GRAFT_SETTING_INT, NULL, "N", 0, 4096,
     "attention heads of the backbone, where no file of it tells", "as the file says"},
    {"weights", GR_SETTING(graft_model_params, weights), GRAFT_SETTING_CHOICE, NULL,
     "f32|f16|bf16|int8", 0, 0,
     "frozen matrices on the device: fewer bits take less memory; arithmetic is f32"},
    {"accept-changes", GR_SETTING(graft_model_params, accept_changes), GRAFT_SETTING_BOOL, NULL,
     NULL, 0, 0, "take the adapter although it was trained on another backbone"},
    {"batch-size", GR_SETTING(graft_model_params, batch_size), GRAFT_SETTING_INT, NULL, "N", 0,
     1048576, "most images at once", "32"},
    GR_INPUT_SETTINGS(graft_model_params, NULL, NULL, NULL, NULL, "as trained", "as trained",
                      "as trained"),
    GR_MAX_PIXELS_SETTING(graft_model_params),
    GR_THREADS_SETTING(graft_model_params),
    GR_BAD_IMAGES_SETTING(graft_model_params),
    {.key = NULL},
};

gr_settings gr_model_settings = {model_rows, NULL};

const graft_setting *graft_model_setting(int index)
{
    return gr_settings_at(gr_model_settings, index);
}

static gr_interpolation interpolation_of(graft_interpolation interpolation)
{
    switch (interpolation) {
    case GRAFT_INTERPOLATION_BILINEAR:
        return GR_BILINEAR;
    case GRAFT_INTERPOLATION_BILINEAR_PLAIN:
        return GR_BILINEAR_PLAIN;
    case GRAFT_INTERPOLATION_BICUBIC:
    case GRAFT_INTERPOLATION_DEFAULT:
        break;
    }
    return GR_BICUBIC;
}

/* The name that the backbone's files say, NULL where they do not; `room` holds it. */
static const char *told_normalization(const gr_tensors *backbone, char room[32])
{
    const char *text = gr_tensors_metadata(backbone, "graft.input");
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    const char *name = json_string_value(json_object_get(json, "normalization"));
    snprintf(room, 32, "%s", name ? name : "");
    json_decref(json);
    return name ? room : NULL;
}

void gr_input_doubt(graft_log *log, const gr_tensors *backbone, const gr_input *input)
{
    char room[32], used[GRAFT_SETTING_TEXT_SIZE];
    const graft_setting *s = gr_settings_find(gr_model_settings, "normalization");
    const graft_model_params p = {.input = input->settings};
    const char *now = graft_setting_text(s, &p, used), *told = told_normalization(backbone, room);
    const char *likely = gr_tensors_metadata(backbone, GR_LIKELY_NORMALIZATION);
    if (told && now && strcmp(told, now) != 0)
        gr_log(log, GRAFT_LOG_WARN, "`normalization` %s: %s was trained with %s, as its files say",
               now, gr_tensors_source(backbone), told);
    else if (!told && likely && now && strcmp(likely, now) != 0)
        gr_log(log, GRAFT_LOG_WARN,
               "`normalization` %s: checkpoints such as %s are mostly trained with %s", now,
               gr_tensors_source(backbone), likely);
}

gr_decode_options gr_input_decoding(const graft_input_params *params)
{
    return (gr_decode_options){.ignore_exif = params->exif == GRAFT_EXIF_IGNORE,
                               .max_pixels = (int64_t)params->max_pixels};
}

graft_status gr_input_resolve(graft_log *log, const graft_input_params *params, int image_size,
                              gr_input *out)
{
    graft_input_params p = {
        .resize_to = params->resize_to,
        .exif = params->exif ? params->exif : GRAFT_EXIF_APPLY,
        .interpolation =
            params->interpolation ? params->interpolation : GRAFT_INTERPOLATION_BICUBIC,
        .resize = params->resize ? params->resize : GRAFT_RESIZE_SQUASH,
        .normalization =
            params->normalization ? params->normalization : GRAFT_NORMALIZATION_IMAGENET,
    };
    *out = (gr_input){
        .settings = p,
        .preprocess = {.size = image_size,
                       .resize_to = p.resize_to,
                       .interpolation = interpolation_of(p.interpolation),
                       .mode = p.resize == GRAFT_RESIZE_CROP ? GR_RESIZE_CROP : GR_RESIZE_SQUASH,
                       .normalization = gr_normalization_of(p.normalization)},
        .decode = gr_input_decoding(params),
    };
    return gr_preprocess_check(log, &out->preprocess);
}

graft_input_params gr_input_merge(const graft_input_params *over, const graft_input_params *under)
{
    graft_input_params p = *over;
    p.resize_to = over->resize_to ? over->resize_to : under->resize_to;
    p.interpolation = over->interpolation ? over->interpolation : under->interpolation;
    p.resize = over->resize ? over->resize : under->resize;
    p.normalization = over->normalization ? over->normalization : under->normalization;
    p.exif = over->exif ? over->exif : under->exif;
    return p;
}

const char *gr_input_text(const gr_input *input, char text[120])
{
    static const char *const keys[] = {"resize", "interpolation", "normalization"};
    graft_model_params m = {.input = input->settings};
    char value[GRAFT_SETTING_TEXT_SIZE];
    size_t used = 0;
    for (int i = 0; i < 3; i++) {
        const graft_setting *s = gr_settings_find(gr_model_settings, keys[i]);
        used += (size_t)snprintf(text + used, 120 - used, "%s%.30s", i ? ", " : "",
                                 graft_setting_text(s, &m, value));
    }
    if (input->settings.resize_to)
        snprintf(text + used, 120 - used, ", by way of %d pixels", input->settings.resize_to);
    return text;
}

/* Keys of "graft.input", which are those of the table but for "resize_to". */
static const char *const kept[] = {"interpolation", "resize", "normalization", "exif"};
enum { KEPT = sizeof(kept) / sizeof(kept[0]) };

json_t *gr_input_json(const gr_input *input)
{
    graft_model_params m = {.input = input->settings};
    char text[GRAFT_SETTING_TEXT_SIZE];
    json_t *json = json_object();
    for (int i = 0; i < KEPT; i++) {
        const graft_setting *s = gr_settings_find(gr_model_settings, kept[i]);
        gr_json_set(&json, kept[i], json_string(graft_setting_text(s, &m, text)));
    }
    if (input->settings.resize_to)
        gr_json_set(&json, "resize_to", json_integer(input->settings.resize_to));
    return json;
}

graft_status gr_input_read_json(graft_log *log, const char *source, const json_t *json,
                                graft_exif exif, int image_size, gr_input *out)
{
    graft_model_params m = {.input = {.exif = exif}};
    const json_t *resize_to = json_object_get(json, "resize_to");
    for (int i = 0; i < KEPT; i++) {
        const json_t *value = json_object_get(json, kept[i]);
        const char *text = json_string_value(value);
        char shown[256];
        if ((value && !text) || (resize_to && !json_is_integer(resize_to)))
            return gr_fail(log, GRAFT_ERR_FORMAT, "%s: graft.input in its metadata is incomplete",
                           source);
        if (!text)
            continue;
        snprintf(shown, sizeof(shown), "%s: graft.input: %s '%s'", source, kept[i], text);
        GR_TRY(
            graft_setting_set(log, gr_settings_find(gr_model_settings, kept[i]), shown, &m, text));
    }
    m.input.resize_to = (int)json_integer_value(resize_to);
    return gr_input_resolve(log, &m.input, image_size, out);
}
