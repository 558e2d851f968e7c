/* Preprocessing as transformers, timm and OpenCLIP write it down, in graft's names. */
#include "weights/sidecars.h"

#include "settings/normalizations.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool read_three(const json_t *list, double out[3])
{
    for (size_t i = 0; i < 3; i++) {
        if (!json_is_number(json_array_get(list, i)))
            return false;
        out[i] = json_number_value(json_array_get(list, i));
    }
    return json_array_size(list) == 3;
}

static bool read_normalization(const json_t *mean, const json_t *std, gr_sidecar_input *out,
                               char why[160])
{
    double m[3], s[3];
    if (!mean && !std)
        return true;
    if (!read_three(mean, m) || !read_three(std, s)) {
        snprintf(why, 160, "mean and deviation are not three numbers each");
        return false;
    }
    const gr_normalization_preset *preset = gr_normalization_preset_find(m, s);
    out->normalization = preset ? preset->name : NULL;
    if (!out->normalization)
        snprintf(why, 160, "mean %g %g %g and deviation %g %g %g", m[0], m[1], m[2], s[0], s[1],
                 s[2]);
    return out->normalization != NULL;
}

static bool read_interpolation(const char *name, gr_sidecar_input *out, char why[160])
{
    if (!name || strcmp(name, "bicubic") == 0 || strcmp(name, "bilinear") == 0) {
        out->interpolation = name;
        return true;
    }
    snprintf(why, 160, "interpolation %.60s", name);
    return false;
}

/* Pillow's numbers for its filters. */
static const char *filter_name(const json_t *resample)
{
    static const char *const names[] = {"nearest", "lanczos", "bilinear",
                                        "bicubic", "box",     "hamming"};
    json_int_t index = json_integer_value(resample);
    if (!json_is_integer(resample))
        return NULL;
    return index >= 0 && index < 6 ? names[index] : "unknown";
}

/* "size" and "crop_size" are a number, {height, width} or {shortest_edge}; 0: not told. */
static int side_of(const json_t *size, bool *short_side)
{
    const json_t *edge = json_object_get(size, "shortest_edge");
    *short_side = edge != NULL;
    const json_t *side = edge                   ? edge
                         : json_is_object(size) ? json_object_get(size, "height")
                                                : size;
    if (json_is_object(size) && !edge &&
        !json_equal(json_object_get(size, "height"), json_object_get(size, "width")))
        return -1;
    json_int_t value = json_integer_value(side);
    return json_is_integer(side) && value > 0 && value < 65536 ? (int)value : side ? -1 : 0;
}

static bool is_false(const json_t *json, const char *key)
{
    return json_is_false(json_object_get(json, key));
}

bool gr_sidecar_transformers_input(const json_t *json, gr_sidecar_input *out, char why[160])
{
    bool short_side, ignored;
    int size = side_of(json_object_get(json, "size"), &short_side);
    int crop = side_of(json_object_get(json, "crop_size"), &ignored);
    bool crops = json_is_true(json_object_get(json, "do_center_crop")) && crop;
    bool both_sides = json_is_object(json_object_get(json, "size")); /* a number is the short one */
    const json_t *factor = json_object_get(json, "rescale_factor");
    *out = (gr_sidecar_input){0};
    if (is_false(json, "do_resize") || is_false(json, "do_rescale") ||
        is_false(json, "do_normalize") ||
        (factor && fabs(json_number_value(factor) * 255.0 - 1.0) > 1e-6)) {
        snprintf(why, 160, "a step of resizing, scaling to 0..1 or normalising that is left out");
        return false;
    }
    if (size < 0 || crop < 0) {
        snprintf(why, 160, "a size that is not square");
        return false;
    }
    out->image_size = crops ? crop : size;
    if (size)
        out->resize = short_side || (crops && !both_sides) ? "crop" : "squash";
    if (crops && size > crop)
        out->resize_to = size;
    return read_interpolation(filter_name(json_object_get(json, "resample")), out, why) &&
           read_normalization(json_object_get(json, "image_mean"),
                              json_object_get(json, "image_std"), out, why);
}

bool gr_sidecar_timm_input(const json_t *json, gr_sidecar_input *out, char why[160])
{
    double part = json_number_value(json_object_get(json, "crop_pct"));
    const char *mode = json_string_value(json_object_get(json, "crop_mode"));
    *out = (gr_sidecar_input){0};
    out->image_size =
        (int)json_integer_value(json_array_get(json_object_get(json, "input_size"), 1));
    if (mode && strcmp(mode, "center") != 0 && strcmp(mode, "squash") != 0) {
        snprintf(why, 160, "crop mode %.60s", mode);
        return false;
    }
    if (part > 0.0 || mode)
        out->resize = mode && strcmp(mode, "squash") == 0 ? "squash" : "crop";
    if (part > 0.0 && part < 1.0 && out->image_size > 0)
        out->resize_to = (int)floor(out->image_size / part);
    return read_interpolation(json_string_value(json_object_get(json, "interpolation")), out,
                              why) &&
           read_normalization(json_object_get(json, "mean"), json_object_get(json, "std"), out,
                              why);
}

bool gr_sidecar_open_clip_input(const json_t *json, gr_sidecar_input *out, char why[160])
{
    const char *mode = json_string_value(json_object_get(json, "resize_mode"));
    *out = (gr_sidecar_input){0};
    out->resize = mode && strcmp(mode, "squash") == 0 ? "squash" : "crop";
    if (mode && strcmp(mode, "squash") != 0 && strcmp(mode, "shortest") != 0) {
        snprintf(why, 160, "resize mode %.60s", mode);
        return false;
    }
    return read_interpolation(json_string_value(json_object_get(json, "interpolation")), out,
                              why) &&
           read_normalization(json_object_get(json, "mean"), json_object_get(json, "std"), out,
                              why);
}
