/* The settings of a run: the table, and what is written of them to config.json and checkpoints. */
#include "train/settings.h"

#include "adapter/input.h"
#include "base/json.h"
#include "settings/settings.h"
#include "train/run_setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(field) GR_SETTING(graft_train_params, field)

/* Largest values of numbers without a limit of their own. */
#define WHOLE_MAX 1e9
#define COUNT_MAX 0x1p62

static const graft_setting model_rows[] = {
    {"backbone", FIELD(backbone), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "pretrained weights: .safetensors, its folder, or JAX .npz", .group = "Model",
     .role = GRAFT_SETTING_TASK, .letter = 'b'},
    {"model", FIELD(model), GRAFT_SETTING_TEXT, NULL, "NAME", 0, 0,
     "geometry of a run without pretrained weights", .role = GRAFT_SETTING_TASK},
    {"heads", FIELD(heads), GRAFT_SETTING_INT, NULL, "N", 0, 4096,
     "attention heads of the backbone, where no file of it tells", "as the file says"},
    {"pool", FIELD(pool), GRAFT_SETTING_CHOICE, NULL, "|cls|avg", 0, 0,
     "the head sees the class token or the mean of patches", "as the backbone"},
    {"projection", FIELD(projection), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "the head sees the projected feature of CLIP"},
    {"text-embeddings", FIELD(text.embeddings), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "start the head from this matrix [classes, width]"},
    {"class-names", FIELD(text.class_names), GRAFT_SETTING_TEXT, NULL, "FILE|data", 0, 0,
     "start the head from CLIP's features of names, a class a line, or the data's own"},
    {"text-encoder", FIELD(text.encoder), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "checkpoint with CLIP's text encoder", "the backbone"},
    {"vocabulary", FIELD(text.vocabulary), GRAFT_SETTING_TEXT, NULL, "FILE|DIR", 0, 0,
     "of the text encoder: merges.txt or bpe_simple_vocab_16e6.txt.gz", "beside it"},
    {"prompt", FIELD(text.prompt), GRAFT_SETTING_TEXT, "a photo of a {}.", "TEXT", 0, 0,
     "text of a class, {} its name"},
    {"logit-scale", FIELD(text.logit_scale), GRAFT_SETTING_DOUBLE, "-1", "X", -1, 1e6,
     "of cosines with texts; 0: plain products; -1: the checkpoint's"},
    {"method", FIELD(method), GRAFT_SETTING_TEXT, "linear", "NAME[+NAME]", 0, 0,
     "see graft methods", .letter = 'm'},
    {"set", FIELD(set), GRAFT_SETTING_TEXTS, NULL, "METHOD.OPTION=VALUE", 0, 0,
     "an option of a method; may be repeated", .letter = 's'},
    {"weights", FIELD(weights), GRAFT_SETTING_CHOICE, NULL, "f32|f16|bf16|int8", 0, 0,
     "frozen matrices on the device: fewer bits take less memory; arithmetic is f32"},
    {"init-adapter", FIELD(init_adapter), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "start from the tensors of this adapter", .role = GRAFT_SETTING_TASK},
    {.key = NULL},
};

static const graft_setting data_rows[] = {
    {"data", FIELD(data), GRAFT_SETTING_TEXT, NULL, "DIR", 0, 0,
     "labelled images: a folder, a .tar or dsprites:orientation", .group = "Data",
     .role = GRAFT_SETTING_TASK, .letter = 'd'},
    {"train-split", FIELD(train_split), GRAFT_SETTING_TEXT, "train", "NAME", 0, 0,
     "images to train on", .role = GRAFT_SETTING_TASK},
    {"test-split", FIELD(test_split), GRAFT_SETTING_TEXT, "test", "NAME", 0, 0,
     "images to evaluate on; \"\": no evaluation", .role = GRAFT_SETTING_TASK},
    {"shots", FIELD(shots), GRAFT_SETTING_INT, NULL, "K", 0, WHOLE_MAX,
     "train on so many images of each class, chosen by the seed", "all",
     .role = GRAFT_SETTING_TASK},
    {.key = NULL},
};

const graft_setting gr_image_settings[] = {
    GR_INPUT_SETTINGS(graft_train_params, NULL, NULL, NULL, NULL, "as the backbone was trained",
                      "the image size", "as the backbone's files say"),
    GR_BAD_IMAGES_SETTING(graft_train_params),
    GR_MAX_PIXELS_SETTING(graft_train_params),
    {"crop", FIELD(augment.crop), GRAFT_SETTING_CHOICE, NULL, "none|random|random-resized", 0, 0,
     "in training: the centre, a random place, or a random part, resized"},
    {"crop-scale", FIELD(augment.crop_scale), GRAFT_SETTING_RANGE, "0.08,1", "LEAST,MOST", 0, 1,
     "part of the area that a random-resized crop takes", .above_min = true},
    {"crop-ratio", FIELD(augment.crop_ratio), GRAFT_SETTING_RANGE, "0.75,1.3333333", "LEAST,MOST",
     0.01, 100, "width / height of that part"},
    {"flip", FIELD(augment.flip), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "flip images at random, left to right"},
    {"rand-augment", FIELD(augment.rand_augment), GRAFT_SETTING_RAND_AUGMENT, NULL, "SPEC", 0, 0,
     "random operations as timm writes them, such as rand-m9-mstd0.5-inc1", "off"},
    {"color-jitter", FIELD(augment.color_jitter), GRAFT_SETTING_COLOR_JITTER, NULL, "X[,X,X[,X]]",
     0, 0, "change brightness, contrast and saturation; the fourth: hue", "off"},
    {"random-erasing", FIELD(augment.random_erasing), GRAFT_SETTING_DOUBLE, NULL, "RATE", 0, 1,
     "fill a rectangle with noise", "off"},
    {"mixup", FIELD(augment.mixup), GRAFT_SETTING_DOUBLE, NULL, "ALPHA", 0, 100,
     "mix the images of a batch, by a part drawn from Beta(ALPHA, ALPHA)", "off"},
    {"cutmix", FIELD(augment.cutmix), GRAFT_SETTING_DOUBLE, NULL, "ALPHA", 0, 100,
     "replace a rectangle by that of another image; with `augment.mixup`: either", "off"},
    {"label-smoothing", FIELD(augment.label_smoothing), GRAFT_SETTING_DOUBLE, NULL, "X", 0, 1,
     "part of the target that all classes share", "0", .below_max = true},
    {"no-shuffle", FIELD(no_shuffle), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "keep the order of the list", .role = GRAFT_SETTING_TASK},
    {"drop-last", FIELD(drop_last), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "leave out the last partial batch of an epoch"},
    GR_THREADS_SETTING(graft_train_params),
    {.key = NULL},
};

static const graft_setting length_rows[] = {
    {"epochs", FIELD(epochs), GRAFT_SETTING_INT, "10", "N", 1, WHOLE_MAX, "passes over the images",
     .group = "Training", .letter = 'e'},
    {"cooldown-epochs", FIELD(cooldown_epochs), GRAFT_SETTING_INT, NULL, "N", 0, WHOLE_MAX,
     "more epochs: at `min_lr` after a cosine"},
    {"lr", FIELD(lr), GRAFT_SETTING_DOUBLE, "0.001", "X", 0, 1e6, "learning rate"},
    {.key = NULL},
};

const graft_setting gr_update_settings[] = {
    {"batch-size", FIELD(batch_size), GRAFT_SETTING_INT, "32", "N", 1, 65536, "images in a step"},
    {"optimizer", FIELD(optimizer), GRAFT_SETTING_CHOICE, NULL, "adamw|sgd", 0, 0,
     "how tensors are updated"},
    {"weight-decay", FIELD(weight_decay), GRAFT_SETTING_DOUBLE, "0.0001", "X", 0, 1e6,
     "pull towards zero"},
    {"no-decay", FIELD(no_decay), GRAFT_SETTING_TEXT, "", "NAMES", 0, 0,
     "comma list of name parts without decay; 1d: all vectors"},
    {"momentum", FIELD(momentum), GRAFT_SETTING_DOUBLE, "0.9", "X", 0, 1, "of sgd",
     .below_max = true},
    {"schedule", FIELD(schedule), GRAFT_SETTING_CHOICE, "cosine",
     "constant|cosine|timm-cosine|restarts", 0, 0, "learning rate after the warm-up"},
    {"lr-step", FIELD(lr_step), GRAFT_SETTING_CHOICE, NULL, "iteration|epoch|late-epoch", 0, 0,
     "how often it changes; late: an epoch behind"},
    {"warmup-epochs", FIELD(warmup_epochs), GRAFT_SETTING_DOUBLE, "1", "X", 0, WHOLE_MAX,
     "epochs in which the learning rate grows"},
    {"warmup-lr", FIELD(warmup_lr), GRAFT_SETTING_DOUBLE, "1e-06", "X", 0, 1e6,
     "learning rate at the start"},
    {"min-lr", FIELD(min_lr), GRAFT_SETTING_DOUBLE, "1e-06", "X", 0, 1e6,
     "learning rate at the end"},
    {"restart-epochs", FIELD(restart_epochs), GRAFT_SETTING_DOUBLE, "10", "X", 0, WHOLE_MAX,
     "length of the first cosine of restarts"},
    {"restart-factor", FIELD(restart_factor), GRAFT_SETTING_DOUBLE, "1", "X", 1, WHOLE_MAX,
     "each next one is longer by this"},
    {"head-init", FIELD(head_init), GRAFT_SETTING_CHOICE, NULL,
     "uniform|zero|truncated|narrow|kaiming", 0, 0, "how the classifier starts"},
    {"head-norm", FIELD(head_norm), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "batch norm without affine before the classifier"},
    {"ema", FIELD(ema), GRAFT_SETTING_DOUBLE, NULL, "DECAY", 0, 1,
     "evaluate and save an average over the steps; the checkpoint has both", "off",
     .below_max = true},
    {"drop-path", FIELD(drop_path), GRAFT_SETTING_DOUBLE, NULL, "RATE", 0, 1,
     "how often residual branches are dropped: from 0 in the first block up to this",
     .below_max = true},
    {"drop-kind", FIELD(drop_kind), GRAFT_SETTING_CHOICE, NULL, "path|element", 0, 0,
     "whole branches of an image, or single elements"},
    {"seed", FIELD(seed), GRAFT_SETTING_COUNT, "42", "N", 0, COUNT_MAX,
     "of start values, order and dropout"},
    {"eval-every", FIELD(eval_every), GRAFT_SETTING_INT, "1", "N", 1, WHOLE_MAX,
     "epochs between evaluations"},
    {.key = NULL},
};

static const graft_setting run_rows[] = {
    {"patience", FIELD(patience), GRAFT_SETTING_INT, NULL, "N", 0, WHOLE_MAX,
     "end after so many evaluations in a row without a better accuracy", "off"},
    {"max-steps", FIELD(max_steps), GRAFT_SETTING_COUNT, NULL, "N", 0, COUNT_MAX,
     "stop after so many", "all epochs", .role = GRAFT_SETTING_RUN},
    {"out", FIELD(out), GRAFT_SETTING_TEXT, NULL, "DIR", 0, 0,
     "folder for adapter, metrics, checkpoint", .group = "Run", .role = GRAFT_SETTING_RUN,
     .letter = 'o'},
    {"tensorboard", FIELD(tensorboard), GRAFT_SETTING_TEXT, NULL, "DIR", 0, 0,
     "folder for the curves as an event file of TensorBoard", .role = GRAFT_SETTING_RUN},
    {"resume", FIELD(resume), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "go on with the run in `out`, with its options", .role = GRAFT_SETTING_CALL},
    {"accept-changes", FIELD(accept_changes), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "go on with another backbone or other images than before", .role = GRAFT_SETTING_CALL},
    {"checkpoint-every", FIELD(checkpoint_every), GRAFT_SETTING_COUNT, NULL, "N", 0, COUNT_MAX,
     "steps between checkpoints", "an epoch", .role = GRAFT_SETTING_RUN},
    {"memory-budget", FIELD(memory_budget), GRAFT_SETTING_BYTES, NULL, "SIZE", 0, 0,
     "device memory to use, such as 512M", "7/8 of all", .role = GRAFT_SETTING_RUN},
    {"recompute", FIELD(recompute), GRAFT_SETTING_CHOICE, NULL, "auto|always|never", 0, 0,
     "compute activations twice instead of keeping them: less memory, a third to a half more time; "
     "auto: where nothing else fits",
     .role = GRAFT_SETTING_RUN},
    {"keep-features", FIELD(keep_features), GRAFT_SETTING_BYTES, "1073741824", "SIZE", 0, 0,
     "host memory for features before the first trained tensor: computed once where images are "
     "the same each time; 0: none",
     "1G", .role = GRAFT_SETTING_RUN},
    {"profile", FIELD(profile), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "tell the time of each kernel", .role = GRAFT_SETTING_CALL},
    {.key = NULL},
};

static gr_settings train_settings = {
    model_rows, data_rows, gr_image_settings, length_rows, gr_update_settings, run_rows, NULL};

const graft_setting *graft_train_setting(int index)
{
    return gr_settings_at(train_settings, index);
}

void graft_train_defaults(graft_train_params *params)
{
    *params = (graft_train_params){0};
    gr_settings_default(train_settings, params);
}

graft_status gr_train_settings_check(graft_log *log, const graft_train_params *params)
{
    return gr_settings_check(log, train_settings, params);
}

/* What determines the result. */
static json_t *result_settings(const graft_train_params *params)
{
    json_t *object = json_object();
    gr_settings_json(train_settings, GRAFT_SETTING_TASK, params, &object);
    gr_settings_json(train_settings, GRAFT_SETTING_TRAINING, params, &object);
    return object;
}

char *gr_train_settings_identity(const graft_train_params *params)
{
    json_t *settings = result_settings(params);
    char *text = gr_json_text(settings, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(settings);
    return text;
}

static bool exact_in_15_digits(double x)
{
    char text[32];
    snprintf(text, sizeof(text), "%.15g", x);
    return strtod(text, NULL) == x;
}

/* 15 digits write 3e-4 as 0.0003, and 17 any number exactly: the latter only where it must be. */
static size_t precision(json_t *settings)
{
    const char *key;
    json_t *value;
    json_object_foreach(settings, key, value)
    {
        if (json_is_real(value) && !exact_in_15_digits(json_real_value(value)))
            return JSON_REAL_PRECISION(17);
    }
    return JSON_REAL_PRECISION(15);
}

static char *all_settings(const graft_train_params *params, const char *device)
{
    json_t *settings = result_settings(params);
    gr_settings_json(train_settings, GRAFT_SETTING_RUN, params, &settings);
    if (device)
        gr_json_set(&settings, "device", json_string(device));
    char *text = gr_json_text(settings, JSON_INDENT(2) | precision(settings));
    json_decref(settings);
    return text;
}

graft_status graft_train_describe(graft_log *log, const graft_train_params *params,
                                  const char *device, char **text)
{
    GR_TRY(gr_run_setup_check(log, params));
    *text = all_settings(params, device);
    return *text ? GRAFT_OK : gr_fail(log, GRAFT_ERR_MEMORY, "settings: out of memory");
}

/* The settings of an identity, complete and each as this version writes it; NULL: it is none. */
static json_t *complete_settings(const char *identity)
{
    graft_train_params defaults;
    const graft_setting *s;
    graft_train_defaults(&defaults);
    json_t *found = json_loads(identity, JSON_REJECT_DUPLICATES, NULL);
    json_t *all = found ? result_settings(&defaults) : NULL;
    if (all && (!json_is_object(found) || json_object_update(all, found) != 0)) {
        json_decref(all);
        all = NULL;
    }
    for (int i = 0; all && (s = graft_train_setting(i)); i++)
        gr_setting_json_canonical(s, &all);
    json_decref(found);
    return all;
}

bool gr_train_settings_same_identity(const char *a, const char *b)
{
    json_t *left = complete_settings(a), *right = complete_settings(b);
    bool same = left && right && json_equal(left, right);
    json_decref(left);
    json_decref(right);
    return same;
}
