/* How images become network input: its settings, and what adapter files keep of them. */
#ifndef GR_INPUT_H
#define GR_INPUT_H

#include <graft/model.h>

#include "data/preprocess.h"
#include "settings/settings.h"

struct gr_tensors;

/* clang-format off */

/* Rows of a struct that has a graft_input_params `input`. The values that the parameters start with
 * (NULL: none), and what they stand for while there is none. */
#define GR_INPUT_SETTINGS(type, squash, bicubic, imagenet, apply, no_size, no_resize_to, no_choice) \
    {"image-size", GR_SETTING(type, input.image_size), GRAFT_SETTING_INT, NULL, "PIXELS", 0, 8192,  \
     "side of the input", no_size, .role = GRAFT_SETTING_TASK},                                     \
    {"resize", GR_SETTING(type, input.resize), GRAFT_SETTING_CHOICE, squash, "|squash|crop", 0, 0,  \
     "both sides at once, or the short side, then the centre", no_choice},                          \
    {"resize-to", GR_SETTING(type, input.resize_to), GRAFT_SETTING_INT, NULL, "PIXELS", 0, 8192,    \
     "side after the resize, before the crop", no_resize_to},                                       \
    {"interpolation", GR_SETTING(type, input.interpolation), GRAFT_SETTING_CHOICE, bicubic,         \
     "|bicubic|bilinear|bilinear-plain", 0, 0, "how images are resized", no_choice},                \
    {"normalization", GR_SETTING(type, input.normalization), GRAFT_SETTING_CHOICE, imagenet,        \
     "|imagenet|half|clip", 0, 0, "mean and deviation of the input", no_choice},                    \
    {"exif", GR_SETTING(type, input.exif), GRAFT_SETTING_CHOICE, apply, "|apply|ignore", 0, 0,      \
     "turn images as their EXIF data says, or leave them as they lie in the file", no_choice}

#define GR_BAD_IMAGES_SETTING(type)                                                                 \
    {"bad-images", GR_SETTING(type, input.bad_images), GRAFT_SETTING_CHOICE, NULL, "fail|skip",     \
     0, 0, "images that cannot be read are an error, or left out once all have been tried",         \
     .role = GRAFT_SETTING_TASK}

#define GR_MAX_PIXELS_SETTING(type)                                                                 \
    {"max-pixels", GR_SETTING(type, input.max_pixels), GRAFT_SETTING_COUNT, NULL, "N", 0, 0x1p62,   \
     "most pixels of an image file", "as its size allows, 134217728 at most",                       \
     .role = GRAFT_SETTING_RUN}

#define GR_THREADS_SETTING(type)                                                                    \
    {"threads", GR_SETTING(type, input.threads), GRAFT_SETTING_INT, NULL, "N", 0, 64,               \
     "threads that decode images", "as many as fit the machine", .role = GRAFT_SETTING_RUN,         \
     .letter = 'j'}

/* clang-format on */

/* Settings with the values that DEFAULT stood for, and what they come to. */
typedef struct gr_input {
    graft_input_params settings; /* resize_to to normalization, and exif */
    gr_preprocess preprocess;
    gr_decode_options decode;
} gr_input;

/* DEFAULT becomes bicubic, squash, imagenet and apply. The size is the model's, not that of
 * `params`. */
graft_status gr_input_resolve(graft_log *log, const graft_input_params *params, int image_size,
                              gr_input *out);

/* What `over` sets, and `under` where it does not. image_size, threads, bad_images and max_pixels
 * are those of `over`. */
graft_input_params gr_input_merge(const graft_input_params *over, const graft_input_params *under);

/* "squash, bicubic, imagenet", for a message. Returns text. */
const char *gr_input_text(const gr_input *input, char text[120]);

/* One warning when `input` is not what the backbone's files say, or, where they say nothing, what
 * most checkpoints of its kind were trained with. */
void gr_input_doubt(graft_log *log, const struct gr_tensors *backbone, const gr_input *input);

/* How files become images. */
gr_decode_options gr_input_decoding(const graft_input_params *params);

/* The table of graft_model_params. */
extern gr_settings gr_model_settings;

/* The object that "graft.input" of an adapter is, and back; `source` names the file. What it does
 * not tell is DEFAULT, but `exif` for EXIF's. */
json_t *gr_input_json(const gr_input *input);
graft_status gr_input_read_json(graft_log *log, const char *source, const json_t *json,
                                graft_exif exif, int image_size, gr_input *out);

#endif
