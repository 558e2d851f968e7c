#include "train/settings.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "train/run_setup.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void graft_train_defaults(graft_train_params *params)
{
    *params = (graft_train_params){
        .train_split = "train",
        .test_split = "test",
        .method = "linear",
        .text = {.prompt = "a photo of a {}.", .logit_scale = -1.0},
        .input = {.interpolation = "bicubic", .resize = "squash", .normalization = "imagenet",
                  .exif = "apply", .bad_images = "fail"},
        .augment = {.crop = "none",
                    .crop_scale = "0.08,1",
                    .crop_ratio = "0.75,1.3333333",
                    .rand_augment = "",
                    .color_jitter = ""},
        .optimizer = "adamw",
        .epochs = 10,
        .batch_size = 32,
        .lr = 1e-3,
        .weight_decay = 1e-4,
        .no_decay = "",
        .momentum = 0.9,
        .schedule = "cosine",
        .lr_step = "iteration",
        .restart_epochs = 10,
        .restart_factor = 1,
        .warmup_epochs = 1.0,
        .warmup_lr = 1e-6,
        .min_lr = 1e-6,
        .head_init = "uniform",
        .drop_kind = "path",
        .seed = 42,
        .eval_every = 1,
    };
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text)
        json_object_set_new(object, key, json_string(text));
}

static void set_int(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *text_array(const char *const *items, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, json_string(items[i]));
    return array;
}

graft_status gr_settings_check(graft_log *log, const graft_train_params *p)
{
    const struct {
        const char *option, *text;
    } texts[] = {
        {"backbone", p->backbone},
        {"text-embeddings", p->text.embeddings},
        {"text-encoder", p->text.encoder},
        {"vocabulary", p->text.vocabulary},
        {"class-names", p->text.class_names},
        {"prompt", p->text.prompt},
        {"data", p->data},
        {"train-split", p->train_split},
        {"test-split", p->test_split},
        {"init-adapter", p->init_adapter},
        {"out", p->out},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (!gr_is_utf8(texts[i].text))
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "--%s: is not UTF-8, in which the run's settings are kept; rename it",
                           texts[i].option);
    return GRAFT_OK;
}

static void set_augmentation(json_t *o, const graft_augment_params *a)
{
    set_text(o, "crop", a->crop);
    set_text(o, "crop-scale", a->crop_scale);
    set_text(o, "crop-ratio", a->crop_ratio);
    set_text(o, "rand-augment", a->rand_augment);
    set_text(o, "color-jitter", a->color_jitter);
    json_object_set_new(o, "random-erasing", json_real(a->random_erasing));
    json_object_set_new(o, "mixup", json_real(a->mixup));
    json_object_set_new(o, "cutmix", json_real(a->cutmix));
    json_object_set_new(o, "label-smoothing", json_real(a->label_smoothing));
    json_object_set_new(o, "flip", json_boolean(a->flip));
}

/* What determines the result. */
static json_t *result_settings(const graft_train_params *p)
{
    json_t *o = json_object();
    set_text(o, "backbone", p->backbone);
    set_text(o, "model", p->model);
    set_text(o, "pool", p->pool);
    json_object_set_new(o, "projection", json_boolean(p->projection));
    set_text(o, "text-embeddings", p->text.embeddings);
    set_text(o, "text-encoder", p->text.encoder);
    set_text(o, "vocabulary", p->text.vocabulary);
    set_text(o, "class-names", p->text.class_names);
    set_text(o, "prompt", p->text.prompt);
    json_object_set_new(o, "logit-scale", json_real(p->text.logit_scale));
    set_text(o, "data", p->data);
    set_text(o, "train-split", p->train_split);
    set_text(o, "test-split", p->test_split);
    set_int(o, "shots", (uint64_t)p->shots);
    set_text(o, "method", p->method);
    json_object_set_new(o, "set", text_array(p->set, p->set_count));
    set_text(o, "init-adapter", p->init_adapter);
    set_int(o, "image-size", (uint64_t)p->input.image_size);
    set_int(o, "resize-to", (uint64_t)p->input.resize_to);
    set_text(o, "interpolation", p->input.interpolation);
    set_text(o, "resize", p->input.resize);
    set_text(o, "normalization", p->input.normalization);
    set_text(o, "exif", p->input.exif);
    set_text(o, "bad-images", p->input.bad_images);
    set_text(o, "optimizer", p->optimizer);
    set_int(o, "epochs", (uint64_t)p->epochs);
    set_int(o, "cooldown-epochs", (uint64_t)p->cooldown_epochs);
    set_int(o, "batch-size", (uint64_t)p->batch_size);
    json_object_set_new(o, "lr", json_real(p->lr));
    json_object_set_new(o, "weight-decay", json_real(p->weight_decay));
    set_text(o, "no-decay", p->no_decay);
    json_object_set_new(o, "momentum", json_real(p->momentum));
    set_text(o, "schedule", p->schedule);
    set_text(o, "lr-step", p->lr_step);
    json_object_set_new(o, "restart-epochs", json_real(p->restart_epochs));
    json_object_set_new(o, "restart-factor", json_real(p->restart_factor));
    json_object_set_new(o, "warmup-epochs", json_real(p->warmup_epochs));
    json_object_set_new(o, "warmup-lr", json_real(p->warmup_lr));
    json_object_set_new(o, "min-lr", json_real(p->min_lr));
    set_text(o, "head-init", p->head_init);
    json_object_set_new(o, "head-norm", json_boolean(p->head_norm));
    json_object_set_new(o, "ema", json_real(p->ema));
    json_object_set_new(o, "drop-path", json_real(p->drop_path));
    set_text(o, "drop-kind", p->drop_kind);
    set_augmentation(o, &p->augment);
    json_object_set_new(o, "no-shuffle", json_boolean(p->no_shuffle));
    json_object_set_new(o, "drop-last", json_boolean(p->drop_last));
    set_int(o, "seed", p->seed);
    set_int(o, "eval-every", (uint64_t)p->eval_every);
    return o;
}

char *gr_settings_identity(const graft_train_params *params)
{
    json_t *settings = result_settings(params);
    char *text = settings ? json_dumps(settings, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
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
    set_text(settings, "out", params->out);
    set_text(settings, "device", device);
    set_int(settings, "max-steps", params->max_steps);
    set_int(settings, "checkpoint-every", params->checkpoint_every);
    set_int(settings, "memory-budget", params->memory_budget);
    set_int(settings, "max-pixels", params->input.max_pixels);
    set_int(settings, "threads", (uint64_t)params->input.threads);
    char *text = settings ? json_dumps(settings, JSON_INDENT(2) | precision(settings)) : NULL;
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

/* The settings of an identity, complete; NULL: it is none. */
static json_t *complete_settings(const char *identity)
{
    graft_train_params defaults;
    graft_train_defaults(&defaults);
    json_t *found = json_loads(identity, JSON_REJECT_DUPLICATES, NULL);
    json_t *all = found ? result_settings(&defaults) : NULL;
    if (all && (!json_is_object(found) || json_object_update(all, found) != 0)) {
        json_decref(all);
        all = NULL;
    }
    json_decref(found);
    return all;
}

bool gr_settings_same_identity(const char *a, const char *b)
{
    json_t *left = complete_settings(a), *right = complete_settings(b);
    bool same = left && right && json_equal(left, right);
    json_decref(left);
    json_decref(right);
    return same;
}

graft_status gr_settings_write(graft_log *log, const char *path, const graft_train_params *params,
                               const char *device)
{
    char *text = all_settings(params, device);
    if (!text)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", path);
    graft_status status = gr_file_write(log, path, text, strlen(text));
    free(text);
    return status;
}
