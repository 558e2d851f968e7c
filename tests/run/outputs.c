/* What a run leaves behind: metrics, settings that feed back, adapters that rebuild the model. */
#include "support.h"

#include "weights/load.h"
#include "weights/safetensors.h"

#include <graft/model.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Line `index` of metrics.jsonl as JSON; the caller owns it. NULL past the last line. */
static json_t *metrics_line(const char *out, int index)
{
    char *text = text_of(in_folder(out, "metrics.jsonl"));
    for (; index > 0 && text; index--)
        text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL;
    if (!text || !*text)
        return NULL;
    json_error_t error;
    json_t *object = json_loads(text, JSON_DISABLE_EOF_CHECK, &error);
    if (!object)
        fail_msg("metrics.jsonl: %s: %.100s", error.text, text);
    return object;
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("no number '%s' in a line of metrics.jsonl", key);
    return json_number_value(value);
}

/* The line of the evaluation after `epoch`. */
static json_t *evaluation_of(const char *out, int epoch)
{
    json_t *line;
    for (int i = 0; (line = metrics_line(out, i)); i++) {
        if (json_object_get(line, "accuracy") && (int)number(line, "epoch") == epoch)
            return line;
        json_decref(line);
    }
    fail_msg("no evaluation of epoch %d", epoch);
    return NULL;
}

static void metrics_have_their_keys(void **state)
{
    const test_target *target = *state;
    char *out = new_path("out");
    graft_train_params p = tiny_run(out);
    graft_train_result result = train_ok(target->device, &p);
    int steps = 0, evaluations = 0;
    json_t *line;
    for (int i = 0; (line = metrics_line(out, i)); i++) {
        if (json_object_get(line, "step")) {
            assert_int_equal((int)number(line, "step"), ++steps);
            assert_true(fabs(number(line, "epoch") - (steps - 1) / 3.0) < 1e-4);
            assert_true(number(line, "loss") > 0.0 && number(line, "lr") > 0.0);
            assert_true(number(line, "images_per_s") > 0.0);
        } else {
            assert_int_equal((int)number(line, "epoch"), ++evaluations);
            assert_string_equal(json_string_value(json_object_get(line, "split")), "test");
            assert_in_range((int)(number(line, "accuracy") * RUN_TEST + 0.5), 0, RUN_TEST);
            assert_true(number(line, "loss") > 0.0);
        }
        json_decref(line);
    }
    assert_int_equal(steps, 9);
    assert_int_equal(evaluations, 3);
    assert_int_equal(result.steps, 9);
}

/* A batch of more images than there are is one of all of them, also where partial batches are
 * dropped. */
static void batches_of_all_images(void **state)
{
    const test_target *target = *state;
    graft_train_params p = tiny_run(new_path("all"));
    p.batch_size = 1024;
    p.drop_last = p.head_norm = true;
    graft_train_result result = train_ok(target->device, &p);
    assert_int_equal(result.steps, p.epochs);
    const char *large = p.out;
    p.out = new_path("exact");
    p.batch_size = RUN_TRAIN;
    train_ok(target->device, &p);
    assert_same_bytes(in_folder(large, "adapter.safetensors"),
                      in_folder(p.out, "adapter.safetensors"), "a batch of all images");
}

/* Evaluations come after every so many epochs, and after the last one. */
static void evaluates_every_so_many_epochs(void **state)
{
    const test_target *target = *state;
    static const int expected[] = {2, 4, 5};
    char *out = new_path("out");
    graft_train_params p = tiny_run(out);
    p.epochs = 5;
    p.eval_every = 2;
    train_ok(target->device, &p);
    int found = 0;
    json_t *line;
    for (int i = 0; (line = metrics_line(out, i)); i++) {
        if (json_object_get(line, "accuracy")) {
            assert_in_range(found, 0, 2);
            assert_int_equal((int)number(line, "epoch"), expected[found++]);
        }
        json_decref(line);
    }
    assert_int_equal(found, 3);
}

/* A split is named by a folder, and a folder may be named by anything. */
static void metrics_quote_names(void **state)
{
    const test_target *target = *state;
    char *out = new_path("out");
    static const char *const splits[] = {"train", "test", "a \"b\"\\c"};
    for (int i = 0; i < 6; i++) {
        char name[64];
        snprintf(name, sizeof(name), "quoted/%s/%c/%d.png", splits[i / 2], 'a' + i % 2, i);
        put_image(scratch(), name, 16, 16, 40 * i);
    }
    graft_train_params p = tiny_run(out);
    p.data = path_of(scratch(), "quoted");
    p.test_split = "a \"b\"\\c";
    p.epochs = 1;
    train_ok(target->device, &p);
    json_t *line = evaluation_of(out, 1);
    assert_string_equal(json_string_value(json_object_get(line, "split")), p.test_split);
    json_decref(line);
}

/* A run that stopped early, too: its config.json says all that it takes to get it again. */
static void settings_feed_back(void **state)
{
    const test_target *target = *state;
    static const char *const set[] = {"lora.r=3", "lora.targets=q,fc1", "lora.dropout=0.1"};
    char *first = new_path("first"), *second = new_path("second");
    graft_train_params p = tiny_run(first);
    p.set.items = set;
    p.set.count = 3;
    p.augment.flip = true;
    p.augment.crop = GRAFT_CROP_RANDOM_RESIZED;
    p.augment.crop_scale = (graft_range){0.5, 0.9};
    p.augment.rand_augment = (graft_rand_augment){.count = 1, .probability = 0.5, .magnitude = 3};
    p.augment.color_jitter = (graft_color_jitter){0.4, 0, 0.1, 0.2};
    p.augment.random_erasing = 0.5;
    p.augment.mixup = 0.3;
    p.ema = 0.9;
    p.augment.label_smoothing = 0.125;
    p.head_norm = true;
    p.drop_path = 0.125;
    p.no_decay = "1d,lora_A";
    p.weight_decay = 0.1;
    p.max_steps = 5;
    p.warmup_epochs = 0.7;
    p.input.normalization = GRAFT_NORMALIZATION_HALF;
    p.input.resize = GRAFT_RESIZE_CROP;
    p.input.resize_to = 40;
    train_ok(target->device, &p);
    char *config = in_folder(first, "config.json");
    command c = {0};
    if (RUN_COMMAND(&c, "train", "--config", config, "--out", second))
        fail_msg("%s", text_of(c.errors));
    assert_same_bytes(in_folder(first, "adapter.safetensors"),
                      in_folder(second, "adapter.safetensors"), "fed back");
    assert_same_run(first, second, "fed back");
    /* Resuming is a wish to go on beyond the step where the run ended. */
    if (RUN_COMMAND(&c, "train", "--resume", "--out", second))
        fail_msg("%s", text_of(c.errors));
    assert_int_equal(lines_of(in_folder(second, "metrics.jsonl")), 9 + 3);
}

/* Evaluates with the adapter file of a run alone; the run said `accuracy` and `loss`. */
static void assert_evaluates_to(graft_log *log, gr_device *device, const char *out,
                                const char *file, int epoch)
{
    graft_eval_result result;
    graft_model *model = model_ok(log, device, tiny_backbone(), in_folder(out, file));
    TEST_OK(log, graft_model_evaluate(model, tiny_images(), "test", &result));
    json_t *line = evaluation_of(out, epoch);
    assert_int_equal(result.images, RUN_TEST);
    assert_true(fabs(result.accuracy - number(line, "accuracy")) < 1e-5);
    assert_true(fabs(result.loss - number(line, "loss")) < 1e-5 * (1.0 + result.loss));
    assert_string_equal(graft_model_class_name(model, 2), "c");
    json_decref(line);
    graft_model_close(&model);
}

/* The last and the best model come back from their files, whatever the method and the input. */
static void adapters_rebuild_the_model(void **state)
{
    const test_target *target = *state;
    static const char *const set[] = {"lora.r=3", "lora.alpha=5", "lora.targets=k,proj,fc2"};
    static const char *const methods[] = {"lora", "convpass+bitfit", "freqfit",      "rlrr",
                                          "full", "convpass_attn",   "freqfit+lora", "linear"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        char *out = new_path("out");
        graft_train_params p = tiny_run(out);
        p.method = methods[i];
        p.set.items = set;
        p.set.count = strstr(methods[i], "lora") ? 3 : 0;
        p.epochs = 2;
        p.lr = 0.03;
        p.input.normalization = i % 2 ? GRAFT_NORMALIZATION_HALF : GRAFT_NORMALIZATION_IMAGENET;
        p.input.interpolation = i % 3 ? GRAFT_INTERPOLATION_BICUBIC : GRAFT_INTERPOLATION_BILINEAR;
        p.input.image_size = i == 1 || i == 4 ? 48 : 0;
        p.input.resize_to = i == 2 ? 40 : 0;
        p.ema = i == 0 || i == 4 ? 0.6 : 0;
        p.augment.crop = i == 2 ? GRAFT_CROP_RANDOM : GRAFT_CROP_NONE;
        graft_train_result result = train_ok(target->device, &p);
        graft_log *log = scratch()->log;
        assert_evaluates_to(log, target->device, out, "adapter.safetensors", 2);
        assert_evaluates_to(log, target->device, out, "best.safetensors", result.best_epoch);
    }
}

/* A batch whose values the device does not bind at once is halved, without a word of an error. */
static void models_take_smaller_batches(void **state)
{
    const test_target *target = *state;
    gr_caps *caps = &target->device->caps;
    uint64_t limit = caps->max_binding_bytes;
    char *out = new_path("out"), text[200];
    graft_train_params p = tiny_run(out);
    p.epochs = 1;
    train_ok(target->device, &p);
    listener l;
    listener_open(&l);
    caps->max_binding_bytes = 25000; /* q, k and v of four images take more, two images less */
    assert_evaluates_to(l.log, target->device, out, "adapter.safetensors", 1);
    caps->max_binding_bytes = limit;
    graft_log_error(l.log, text, sizeof(text));
    assert_string_equal(text, "");
    listener_close(&l);
}

/* The command tells what the library does. */
static void eval_command_agrees(void **state)
{
    const test_target *target = *state;
    char *out = new_path("out");
    graft_train_params p = tiny_run(out);
    p.epochs = 1;
    train_ok(target->device, &p);
    command c = {0};
    assert_int_equal(RUN_COMMAND(&c, "eval", "--backbone", tiny_backbone(), "--adapter",
                                 in_folder(out, "adapter.safetensors"), "--data", tiny_images(),
                                 "--device", target->device->info.id, "--json"),
                     0);
    json_t *told = json_loads(text_of(c.output), 0, NULL), *line = evaluation_of(out, 1);
    assert_true(fabs(number(told, "accuracy") - number(line, "accuracy")) < 1e-5);
    assert_true(fabs(number(told, "loss") - number(line, "loss")) < 1e-5);
    json_decref(told);
    json_decref(line);
}

static void assert_tensor(const gr_tensors *t, const char *name, gr_shape shape)
{
    const gr_tensor *found;
    check_ok(scratch(), gr_tensors_get_shaped(scratch()->log, t, name, shape, &found));
}

/* Exactly the tensors of the method and the head. */
static void adapters_hold_the_methods_tensors(void **state)
{
    const test_target *target = *state;
    static const char *const set[] = {"lora.r=3"};
    char *out = new_path("out");
    graft_train_params p = tiny_run(out);
    p.set.items = set;
    p.set.count = 1;
    p.max_steps = 1;
    train_ok(target->device, &p);
    gr_tensors *t = NULL;
    check_ok(scratch(), gr_tensors_load(scratch()->log, in_folder(out, "adapter.safetensors"), &t));
    assert_int_equal(gr_tensors_count(t), 2 * 2 * 2 + 2);
    assert_tensor(t, "blocks.0.attn.q.lora_A.weight", GR_SHAPE(3, 32));
    assert_tensor(t, "blocks.1.attn.v.lora_B.weight", GR_SHAPE(32, 3));
    assert_tensor(t, "head.weight", GR_SHAPE(RUN_CLASSES, 32));
    assert_tensor(t, "head.bias", GR_SHAPE(RUN_CLASSES));
    assert_string_equal(gr_tensors_metadata(t, "graft.methods"), "lora");
    gr_tensors_destroy(&t);
}

/* A run that starts from an adapter and does not learn ends with it. */
static void starts_from_an_adapter(void **state)
{
    const test_target *target = *state;
    char *first = new_path("first"), *second = new_path("second");
    graft_train_params p = tiny_run(first);
    p.method = "convpass+lora";
    p.max_steps = 3;
    train_ok(target->device, &p);
    p.out = second;
    p.init_adapter = in_folder(first, "adapter.safetensors");
    p.seed = 8;
    p.lr = p.min_lr = p.warmup_lr = 0.0;
    train_ok(target->device, &p);
    assert_same_bytes(p.init_adapter, in_folder(second, "adapter.safetensors"), "not learning");
}

/* From random weights and without a backbone, every tensor is trained; nothing less makes sense. */
static void trains_from_scratch(void **state)
{
    const test_target *target = *state;
    fixture *f = scratch();
    char *out = new_path("out");
    graft_train_params p = tiny_run(out);
    p.backbone = NULL;
    p.model = "vit_mini_patch8_64";
    p.input.image_size = 16;
    p.method = "full";
    p.epochs = 6;
    p.lr = 2e-3;
    p.batch_size = 6;
    p.checkpoint_every = 1000; /* of 30 MiB each */
    graft_train_result result = train_ok(target->device, &p);
    assert_true(result.best_accuracy > 0.6); /* chance is 0.33 */
    assert_true(result.loss < 0.9f);
    p.out = new_path("refused");
    p.method = "lora";
    assert_error(f, graft_train(f->log, gr_device_to_public(target->device), &p, NULL),
                 GRAFT_ERR_ARGUMENT, "lora", "random weights frozen");
    assert_int_equal(files_below(p.out), 0);
}

/* Projections that an adapter brings along go on with what is trained from it. */
static void frozen_tensors_of_adapters_are_kept(void **state)
{
    const test_target *target = *state;
    fixture *f = scratch();
    if (target->device != target->devices->reference) /* files only */
        skip();
    char *start = path_of(f, "start.safetensors"), *out = new_path("out");
    gr_tensors *tensors = gr_tensors_create(), *written = NULL;
    void *a, *b;
    check_ok(f, gr_tensors_add_new(f->log, tensors, "vera_A", GR_F32, GR_SHAPE(2, 32), &a));
    check_ok(f, gr_tensors_add_new(f->log, tensors, "vera_B", GR_F32, GR_SHAPE(32, 2), &b));
    float values[64];
    for (int i = 0; i < 64; i++)
        values[i] = 0.1f * (float)(i % 7) - 0.3f;
    memcpy(a, values, sizeof(values));
    memcpy(b, values, sizeof(values));
    check_ok(f, gr_safetensors_write(f->log, start, tensors, NULL));
    gr_tensors_destroy(&tensors);
    graft_train_params p = tiny_run(out);
    static const char *const set[] = {"vera.r=2", "vera.targets=q,v"};
    p.method = "vera";
    p.set.items = set;
    p.set.count = 2;
    p.init_adapter = start;
    p.max_steps = 2;
    train_ok(target->device, &p);
    char *adapter = in_folder(out, "adapter.safetensors");
    check_ok(f, gr_tensors_load(f->log, adapter, &written));
    const gr_tensor *kept = gr_tensors_find(written, "vera_A");
    assert_non_null(kept);
    assert_memory_equal(kept->data, values, sizeof(values));
    gr_tensors_destroy(&written);
    graft_model *model = model_ok(f->log, target->device, p.backbone, adapter);
    graft_model_close(&model);
}

/* Features that are kept change nothing: linear probing and its evaluations, with a partial last
 * batch, and where the images are drawn at random. */
static void kept_features_change_nothing(void **state)
{
    const test_target *target = *state;
    char *out[2] = {new_path("kept"), new_path("anew")};
    for (int flip = 0; flip < 2; flip++)
        for (int i = 0; i < 2; i++) {
            graft_train_params p = tiny_run(out[i]);
            p.method = "linear";
            p.batch_size = 5;
            p.augment.flip = flip;
            p.keep_features = i ? 0 : 1 << 20;
            p.out = flip ? new_path("flipped") : out[i];
            train_ok(target->device, &p);
            out[i] = (char *)p.out;
            if (i)
                assert_same_run(out[0], out[1], "kept features");
        }
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(metrics_have_their_keys),
        TEST_CASE(batches_of_all_images),
        TEST_CASE(evaluates_every_so_many_epochs),
        TEST_CASE(metrics_quote_names),
        TEST_CASE(settings_feed_back),
        TEST_CASE(adapters_rebuild_the_model),
        TEST_CASE(models_take_smaller_batches),
        TEST_CASE(eval_command_agrees),
        TEST_CASE(adapters_hold_the_methods_tensors),
        TEST_CASE(frozen_tensors_of_adapters_are_kept),
        TEST_CASE(starts_from_an_adapter),
        TEST_CASE(trains_from_scratch),
        TEST_CASE(kept_features_change_nothing),
    };
    scratch_open();
    int failures = TEST_RUN("outputs", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
