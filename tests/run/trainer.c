/* Training step by step by the public API: what it must agree with, and what it refuses. */
#include "support.h"

#include "base/file.h"
#include "base/mem.h"
#include "data/loader.h"
#include "adapter/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGE_FLOATS = 3 * RUN_SIZE * RUN_SIZE, MOST = 9 * RUN_BATCH };

/* The batches of tiny_run, all of its epochs. */
typedef struct batches {
    int count;
    uint8_t pixels[MOST][IMAGE_FLOATS];
    float images[MOST][IMAGE_FLOATS];
    int32_t labels[MOST];
} batches;

static void load_batches(const graft_train_params *p, batches *b)
{
    graft_log *log = scratch()->log;
    gr_input input;
    gr_dataset *data;
    gr_loader *loader;
    check_ok(scratch(), gr_input_resolve(log, &p->input, RUN_SIZE, &input));
    gr_loader_params params = {.preprocess = input.preprocess,
                               .augment = p->augment,
                               .batch = RUN_BATCH,
                               .order = GR_ORDER_SHUFFLED,
                               .seed = p->seed,
                               .threads = 1};
    gr_dataset_params train = {.split = p->train_split};
    check_ok(scratch(), gr_dataset_open(log, p->data, &train, &data));
    check_ok(scratch(), gr_loader_create(log, data, &params, &loader));
    b->count = 0;
    for (int epoch = 0; epoch < p->epochs; epoch++) {
        int valid;
        check_ok(scratch(), gr_loader_seek(loader, (uint32_t)epoch, 0));
        for (size_t i = 0; i < gr_loader_batches(loader); i++, b->count++)
            check_ok(scratch(), gr_loader_next(loader, b->images[b->count * RUN_BATCH],
                                               b->labels + b->count * RUN_BATCH, &valid));
    }
    for (int i = 0; i < b->count; i++) {
        int32_t labels[RUN_BATCH];
        int valid;
        check_ok(scratch(), gr_loader_seek(loader, (uint32_t)i / 3, (size_t)i % 3));
        check_ok(scratch(),
                 gr_loader_next_pixels(loader, b->pixels[i * RUN_BATCH], labels, &valid));
    }
    gr_loader_destroy(&loader);
    gr_dataset_close(&data);
}

static graft_batch batch_of(const batches *b, int index)
{
    int first = index * RUN_BATCH;
    return (graft_batch){
        .count = RUN_BATCH, .images = b->images[first], .labels = b->labels + first};
}

static const batches *the_batches(void)
{
    static batches all;
    graft_train_params p = tiny_run("");
    if (!all.count)
        load_batches(&p, &all);
    return &all;
}

static char *adapter_path(void)
{
    char *path = gr_printf(scratch(), "%s.safetensors", new_path("adapter"));
    assert_non_null(path);
    return path;
}

static graft_trainer *trainer_of(gr_device *device, const graft_trainer_params *params)
{
    graft_trainer *t = NULL;
    check_ok(scratch(),
             graft_trainer_create(scratch()->log, gr_device_to_public(device), params, &t));
    return t;
}

static graft_trainer *tiny_trainer(gr_device *device, const graft_train_params *settings)
{
    return trainer_of(device, &(graft_trainer_params){.settings = settings, .classes = 3});
}

/* A source of these batches, as bytes; each of them is in place until the next is asked for. */
typedef struct source {
    int calls, ends, fails, stops; /* before that step; 0: never */
    uint8_t pixels[RUN_BATCH][IMAGE_FLOATS];
    int32_t labels[RUN_BATCH];
} source;

static graft_status next_batch(void *user, uint64_t step, graft_batch *batch)
{
    source *s = user;
    const batches *b = the_batches();
    s->calls++;
    if (s->fails && (int)step >= s->fails)
        return GRAFT_ERR_IO;
    memcpy(s->pixels, b->pixels[step * RUN_BATCH], sizeof(s->pixels));
    memcpy(s->labels, b->labels + step * RUN_BATCH, sizeof(s->labels));
    *batch = (graft_batch){.count = s->ends && (int)step >= s->ends ? 0 : RUN_BATCH,
                           .pixels = s->pixels[0],
                           .labels = s->labels};
    return GRAFT_OK;
}

static bool after_step(void *user, const graft_step_result *result)
{
    const source *s = user;
    assert_true(result->done && result->loss > 0.0f);
    return !s->stops || (int)result->step < s->stops;
}

/* A source may end, fail and be stopped; where it goes on in the end it is the run of graft_train.
 */
static void sources_are_runs(void **state)
{
    const test_target *target = *state;
    static const char *const names[] = {"a", "b", "c"};
    char *out = new_path("out"), *path = adapter_path();
    graft_train_params p = tiny_run(out);
    train_ok(target->device, &p);
    graft_trainer_params params = {
        .settings = &p, .classes = 3, .class_names = names, .steps_per_epoch = 3};
    graft_trainer *t = trainer_of(target->device, &params);
    static source s;
    s = (source){.ends = 2};
    graft_batch_source from = {next_batch, &s};
    check_ok(scratch(), graft_trainer_run(t, &from, 0, after_step, &s));
    assert_int_equal(s.calls, 0);
    check_ok(scratch(), graft_trainer_run(t, &from, 100, after_step, &s)); /* steps 1, 2 */
    assert_int_equal(s.calls, 3);
    s = (source){.fails = 4};
    assert_int_equal(graft_trainer_run(t, &from, 100, NULL, NULL), GRAFT_ERR_IO); /* 3, 4 */
    s = (source){.stops = 5};
    assert_int_equal(graft_trainer_run(t, &from, 100, after_step, &s),
                     GRAFT_ERR_INTERRUPTED); /* 5 */
    assert_int_equal(graft_trainer_steps(t), 5);
    s = (source){0};
    check_ok(scratch(), graft_trainer_run(t, &from, 4, after_step, &s)); /* 6 to 9 */
    assert_int_equal(s.calls, 4);
    check_ok(scratch(), graft_trainer_save_adapter(t, path));
    graft_trainer_destroy(&t);
    assert_same_bytes(path, in_folder(out, "adapter.safetensors"), "from a source");
}

/* The same settings and batches: the same file as that of graft_train. */
static void steps_are_those_of_a_run(void **state)
{
    const test_target *target = *state;
    static const char *const names[] = {"a", "b", "c"};
    char *out = new_path("out"), *path = adapter_path();
    graft_train_params p = tiny_run(out);
    p.ema = 0.9;
    train_ok(target->device, &p);
    graft_trainer_params params = {
        .settings = &p, .classes = 3, .class_names = names, .steps_per_epoch = 3};
    graft_trainer *t = trainer_of(target->device, &params);
    const batches *b = the_batches();
    for (int i = 0; i < b->count; i++) {
        graft_batch batch = batch_of(b, i);
        graft_step_result result;
        check_ok(scratch(), graft_trainer_step(t, &batch, NULL, &result));
        assert_int_equal(result.step, i + 1);
        assert_true(result.loss > 0.0f && result.lr > 0.0f);
    }
    check_ok(scratch(), graft_trainer_save_adapter(t, path));
    graft_trainer_destroy(&t);
    assert_null(t);
    assert_same_bytes(path, in_folder(out, "adapter.safetensors"), "step by step");
}

/* The loss by hand, of logits [count, 3]. */
static double loss_by_hand(const float *logits, const int32_t *labels, int count, int *correct)
{
    double loss = 0.0;
    *correct = 0;
    for (int i = 0; i < count; i++) {
        const float *row = logits + 3 * i;
        double sum = exp(row[0]) + exp(row[1]) + exp(row[2]);
        float best = fmaxf(row[0], fmaxf(row[1], row[2]));
        loss += log(sum) - row[labels[i]];
        *correct += row[labels[i]] == best;
    }
    return loss / count;
}

static bool stop_at_once(void *user, uint64_t images)
{
    *(uint64_t *)user = images;
    return false;
}

static graft_status next_without_labels(void *user, uint64_t step, graft_batch *batch)
{
    static const int32_t none[RUN_BATCH] = {-1, -1, -1, -1};
    graft_status status = next_batch(user, step, batch);
    batch->labels = none;
    return status;
}

/* Accuracy and loss of what a source gives, and of the average where one is kept. */
static void trainers_evaluate(void **state)
{
    const test_target *target = *state;
    const batches *b = the_batches();
    enum { COUNT = 2 * RUN_BATCH };
    graft_train_params p = tiny_run("");
    p.ema = 0.9;
    graft_trainer *t = tiny_trainer(target->device, &p);
    static source s;
    s = (source){.ends = 2};
    graft_batch_source from = {next_batch, &s}, nothing = {next_without_labels, &s};
    check_ok(scratch(), graft_trainer_run(t, &from, 2, NULL, NULL));
    float logits[COUNT * 3];
    int correct;
    graft_eval_result result;
    check_ok(scratch(), graft_trainer_logits(t, b->images[0], COUNT, logits));
    double loss = loss_by_hand(logits, b->labels, COUNT, &correct);
    check_ok(scratch(), graft_trainer_evaluate(t, &from, NULL, NULL, &result));
    assert_int_equal(result.images, COUNT);
    assert_float_equal(result.loss, loss, 1e-6);
    assert_float_equal(result.accuracy, (double)correct / COUNT, 0.0);
    uint64_t seen = 0;
    assert_int_equal(graft_trainer_evaluate(t, &from, stop_at_once, &seen, &result),
                     GRAFT_ERR_INTERRUPTED);
    assert_int_equal(seen, RUN_BATCH);
    assert_error(scratch(), graft_trainer_evaluate(t, &nothing, NULL, NULL, &result),
                 GRAFT_ERR_ARGUMENT, "no image that counts");
    graft_trainer_destroy(&t);
}

typedef struct seen_note {
    bool found, refuse;
} seen_note;

static graft_status look_at_notes(void *user, const graft_note *notes, int count)
{
    seen_note *seen = user;
    for (int i = 0; i < count; i++)
        seen->found |= !strcmp(notes[i].key, "app.level") && !strcmp(notes[i].value, "seven");
    return seen->refuse ? GRAFT_ERR_UNSUPPORTED : GRAFT_OK;
}

/* A file with a note of the application's own, which may refuse it; and that of a run. */
static void checkpoints_carry_notes(void **state)
{
    const test_target *target = *state;
    char *out = new_path("out"), *path = adapter_path(), *again = adapter_path();
    graft_train_params p = tiny_run(out);
    p.max_steps = 4;
    train_ok(target->device, &p);
    graft_trainer_params params = {.settings = &p, .classes = 3, .steps_per_epoch = 3};
    graft_trainer *t = trainer_of(target->device, &params);
    char *of_run = in_folder(out, "checkpoint/state.safetensors");
    seen_note seen = {.refuse = true};
    check_ok(scratch(), graft_trainer_load_checkpoint(t, of_run, NULL, NULL));
    assert_int_equal(graft_trainer_steps(t), 4);
    graft_note note = {"app.level", "seven"};
    check_ok(scratch(), graft_trainer_save_checkpoint(t, path, &note, 1));
    static source s;
    s = (source){0};
    graft_batch_source from = {next_batch, &s};
    check_ok(scratch(), graft_trainer_run(t, &from, 1, NULL, NULL));
    assert_int_equal(graft_trainer_load_checkpoint(t, path, look_at_notes, &seen),
                     GRAFT_ERR_UNSUPPORTED);
    assert_true(seen.found);
    assert_int_equal(graft_trainer_steps(t), 5);
    seen = (seen_note){0};
    check_ok(scratch(), graft_trainer_load_checkpoint(t, path, look_at_notes, &seen));
    assert_int_equal(graft_trainer_steps(t), 4);
    check_ok(scratch(), graft_trainer_save_checkpoint(t, again, &note, 1));
    assert_same_bytes(path, again, "a checkpoint");
    graft_trainer_destroy(&t);
}

static float *gradients_of(graft_trainer *t, const graft_batch *batch, float *loss)
{
    size_t count = (size_t)graft_trainer_get_info(t)->trainable;
    float *values = malloc(count * sizeof(*values));
    graft_step_result result;
    assert_non_null(values);
    check_ok(scratch(), graft_trainer_gradients(t, batch, NULL, &result));
    check_ok(scratch(), graft_trainer_read_gradients(t, values));
    *loss = result.loss;
    return values;
}

/* What an all-reduce of two does: the mean of the gradients of two halves are those of the whole,
 * and an update with gradients that were written is one with gradients that were made. */
static void gradients_are_one_vector(void **state)
{
    const test_target *target = *state;
    graft_train_params p = tiny_run("");
    graft_trainer *t = tiny_trainer(target->device, &p);
    size_t count = (size_t)graft_trainer_get_info(t)->trainable;
    graft_batch whole = batch_of(the_batches(), 0), half[2] = {whole, whole};
    half[0].count = half[1].count = RUN_BATCH / 2;
    half[1].images += RUN_BATCH / 2 * IMAGE_FLOATS;
    half[1].labels += RUN_BATCH / 2;
    float loss[3], largest = 0.0f;
    float *a = gradients_of(t, &half[0], &loss[0]), *b = gradients_of(t, &half[1], &loss[1]);
    float *all = gradients_of(t, &whole, &loss[2]);
    assert_float_equal(loss[2], 0.5f * (loss[0] + loss[1]), 1e-5f);
    for (size_t i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(all[i]));
    assert_true(largest > 1e-3f);
    for (size_t i = 0; i < count; i++)
        assert_float_equal(0.5f * (a[i] + b[i]), all[i], 1e-5f * largest);

    char *made = new_path("made"), *written = new_path("written");
    check_ok(scratch(), graft_trainer_update(t));
    check_ok(scratch(), graft_trainer_save_adapter(t, made));
    graft_trainer *other = tiny_trainer(target->device, &p);
    check_ok(scratch(), graft_trainer_write_gradients(other, all));
    check_ok(scratch(), graft_trainer_update(other));
    check_ok(scratch(), graft_trainer_save_adapter(other, written));
    assert_same_bytes(made, written, "gradients that were written");
    graft_trainer_destroy(&t);
    graft_trainer_destroy(&other);
    free(a);
    free(b);
    free(all);
}

static void tensors_lie_one_after_the_other(void **state)
{
    graft_train_params p = tiny_run("");
    p.head_norm = true; /* tensors that are no parameters */
    graft_trainer *t = tiny_trainer(test_device_of(state), &p);
    const graft_trainer_info *info = graft_trainer_get_info(t);
    graft_trainer_tensor tensor;
    int64_t first = 0, head = 0;
    for (int i = 0; graft_trainer_get_tensor(t, i, &tensor); i++) {
        assert_int_equal(tensor.first, first);
        first += tensor.count;
        head += strncmp(tensor.name, "head.", 5) == 0 ? tensor.count : 0;
    }
    assert_int_equal(first, info->trainable);
    assert_int_equal(first - head, info->trainable_without_head);
    assert_int_equal(head, 3 * 32 + 3);
    assert_false(graft_trainer_get_tensor(t, -1, &tensor));
    graft_trainer_destroy(&t);
}

/* Logits of the adapter in training are those of its file. */
static void logits_are_those_of_the_file(void **state)
{
    const test_target *target = *state;
    graft_train_params p = tiny_run("");
    char *path = adapter_path();
    graft_trainer *t = tiny_trainer(target->device, &p);
    graft_batch batch = batch_of(the_batches(), 0);
    float mine[RUN_BATCH * 3], file[RUN_BATCH * 3];
    p.lr = 0.01;
    check_ok(scratch(), graft_trainer_set_lr(t, 0.01));
    for (int i = 0; i < 3; i++)
        check_ok(scratch(), graft_trainer_step(t, &batch, NULL, NULL));
    check_ok(scratch(), graft_trainer_logits(t, batch.images, RUN_BATCH, mine));
    check_ok(scratch(), graft_trainer_save_adapter(t, path));
    graft_trainer_destroy(&t);
    graft_model *model = model_ok(scratch()->log, target->device, p.backbone, path);
    check_ok(scratch(), graft_model_logits(model, batch.images, RUN_BATCH, file));
    graft_model_close(&model);
    for (int i = 0; i < RUN_BATCH * 3; i++)
        assert_float_equal(mine[i], file[i], 1e-5f);
}

static void refuses(graft_trainer *t, graft_batch batch, const char *telling)
{
    assert_error(scratch(), graft_trainer_step(t, &batch, NULL, NULL), GRAFT_ERR_ARGUMENT, telling);
}

/* Images that lie on the device are trained on, and seen, as those of the host, to the last bit;
 * whatever the micro-batch. */
static void images_may_lie_on_the_device(void **state)
{
    gr_device *device = test_device_of(state);
    graft_device *public = gr_device_to_public(device);
    const batches *b = the_batches();
    const uint64_t size = sizeof(b->images[0]) * RUN_BATCH, at = 1024;
    graft_train_params settings = tiny_run(NULL);
    float expected[RUN_BATCH * 3], found[RUN_BATCH * 3];
    graft_trainer *host = tiny_trainer(device, &settings), *here = tiny_trainer(device, &settings);
    graft_buffer *buffer, *small;
    check_ok(scratch(), graft_buffer_create(public, at + size, GRAFT_MEMORY_DEVICE, &buffer));
    check_ok(scratch(), graft_buffer_create(public, size, GRAFT_MEMORY_DEVICE, &small));
    graft_device_images images = {.buffer = buffer, .offset_bytes = at};
    for (int i = 0; i < b->count; i++) {
        graft_batch batch = batch_of(b, i), on_device = batch;
        graft_step_result results[2];
        check_ok(scratch(), graft_buffer_write(buffer, at, batch.images, size));
        on_device.images = NULL, on_device.on_device = images;
        check_ok(scratch(), graft_trainer_step(host, &batch, NULL, &results[0]));
        check_ok(scratch(), graft_trainer_step(here, &on_device, NULL, &results[1]));
        assert_true(results[0].loss == results[1].loss);
    }
    graft_batch last = batch_of(b, b->count - 1);
    check_ok(scratch(), graft_trainer_logits(host, last.images, RUN_BATCH, expected));
    check_ok(scratch(), graft_trainer_logits_on_device(here, &images, RUN_BATCH, found));
    assert_memory_equal(found, expected, sizeof(found));
    images.buffer = small;
    last.images = NULL, last.on_device = images;
    refuses(here, last, "images");
    assert_error(scratch(), graft_trainer_logits_on_device(here, &images, RUN_BATCH, found),
                 GRAFT_ERR_ARGUMENT, "images");
    graft_trainer_destroy(&host);
    graft_trainer_destroy(&here);
    graft_buffer_destroy(&buffer);
    graft_buffer_destroy(&small);
}

static void refuses_what_does_not_fit(void **state)
{
    gr_device *device = test_device_of(state);
    graft_log *log = scratch()->log;
    graft_train_params p = tiny_run("");
    graft_trainer *t = NULL;
    graft_trainer_params params = {.settings = &p};
    assert_error(scratch(), graft_trainer_create(log, gr_device_to_public(device), &params, &t),
                 GRAFT_ERR_ARGUMENT, "classes");
    params = (graft_trainer_params){.classes = 3};
    assert_error(scratch(), graft_trainer_create(log, gr_device_to_public(device), &params, &t),
                 GRAFT_ERR_ARGUMENT, "settings");
    assert_null(t);
    t = tiny_trainer(device, &p);
    graft_batch good = batch_of(the_batches(), 0), batch = good;
    int32_t labels[RUN_BATCH] = {0, 1, 2, 3};
    batch.labels = labels;
    refuses(t, batch, "image 3 has label 3");
    batch = good, batch.count = 0;
    refuses(t, batch, "count");
    batch = good, batch.count = RUN_BATCH + 1;
    refuses(t, batch, "expected 1 to 4 images");
    batch = good, batch.images = NULL;
    refuses(t, batch, "none");
    batch = good, batch.pixels = the_batches()->pixels[0];
    refuses(t, batch, "several");
    batch = good, batch.targets = batch.images, batch.labels = NULL;
    refuses(t, batch, "expected `labels`");
    assert_error(scratch(), graft_trainer_update(t), GRAFT_ERR_ARGUMENT, "no new gradients");
    assert_error(scratch(), graft_trainer_set_lr(t, -1.0), GRAFT_ERR_ARGUMENT, "learning rate");
    assert_error(scratch(), graft_trainer_logits(t, good.images, 0, NULL), GRAFT_ERR_ARGUMENT,
                 "logits");
    check_ok(scratch(), graft_trainer_step(t, &good, NULL, NULL)); /* nothing was spoilt */
    graft_trainer_destroy(&t);
    graft_trainer_destroy(&t);
    graft_trainer_destroy(NULL);
}

/* With a budget that is spent at once a step takes many calls, and is the same. */
static void budgets_change_nothing(void **state)
{
    const test_target *target = *state;
    graft_train_params p = tiny_run("");
    char *whole = adapter_path(), *pieces = adapter_path();
    graft_trainer *a = tiny_trainer(target->device, &p), *b = tiny_trainer(target->device, &p);
    graft_batch batch = batch_of(the_batches(), 0), next = batch_of(the_batches(), 1);
    graft_step_result result, other;
    float numbers[RUN_BATCH * 3], *gradients = malloc(sizeof(float) * 100000);
    for (int i = 0; i < 2; i++) {
        int calls = 0;
        check_ok(scratch(), graft_trainer_step(a, &batch, NULL, &result));
        assert_true(result.done);
        do {
            check_ok(scratch(), graft_trainer_step(b, &batch, &(graft_budget){0.0}, &other));
            if (calls == 5) {
                check_ok(scratch(), graft_trainer_logits(b, batch.images, RUN_BATCH, numbers));
                assert_int_equal(other.step, i);
                assert_error(scratch(), graft_trainer_step(b, &next, NULL, NULL),
                             GRAFT_ERR_ARGUMENT, "not done");
                assert_error(scratch(), graft_trainer_update(b), GRAFT_ERR_ARGUMENT, "gradients");
                assert_error(scratch(), graft_trainer_read_gradients(b, gradients),
                             GRAFT_ERR_ARGUMENT, "not done");
            }
            calls++;
        } while (!other.done);
        assert_true(calls > 10);
        assert_int_equal(other.step, i + 1);
        assert_true(result.loss == other.loss && result.lr == other.lr);
    }
    assert_error(scratch(), graft_trainer_step(b, &batch, &(graft_budget){-1.0}, NULL),
                 GRAFT_ERR_ARGUMENT, "budget");
    check_ok(scratch(), graft_trainer_step(b, &next, &(graft_budget){0.0}, &other));
    assert_false(other.done);
    graft_trainer_cancel(b); /* as if it had never begun */
    check_ok(scratch(), graft_trainer_gradients(b, &batch, &(graft_budget){0.0}, &other));
    check_ok(scratch(), graft_trainer_gradients(b, &batch, NULL, &other)); /* the rest of it */
    check_ok(scratch(), graft_trainer_update(b));
    check_ok(scratch(), graft_trainer_step(a, &batch, NULL, NULL));
    check_ok(scratch(), graft_trainer_save_adapter(a, whole));
    check_ok(scratch(), graft_trainer_save_adapter(b, pieces));
    assert_same_bytes(whole, pieces, "a step in pieces");
    free(gradients);
    graft_trainer_destroy(&a);
    graft_trainer_destroy(&b);
}

/* On the backbone of a model that is there already: the same adapter, for the price of an adapter;
 * then the model takes it. */
static void trains_on_a_resident_backbone(void **state)
{
    gr_device *device = test_device_of(state);
    graft_train_params p = tiny_run(""), resident = p;
    resident.backbone = NULL;
    graft_model_params open;
    graft_model_defaults(&open);
    open.backbone.path = p.backbone;
    graft_model *model = NULL;
    check_ok(scratch(),
             graft_model_open(scratch()->log, gr_device_to_public(device), &open, &model));
    graft_batch batch = batch_of(the_batches(), 0);
    graft_trainer_params params = {.settings = &resident, .model = model, .classes = 3};
    graft_bytes files[3] = {{0}};
    float mine[RUN_BATCH * 3], models[RUN_BATCH * 3];
    uint64_t used[3];
    for (int i = 0; i < 3; i++) { /* alone, then twice on the model */
        uint64_t before = device->allocated_bytes;
        graft_writer writer = graft_bytes_writer(&files[i]);
        graft_trainer *t = i ? trainer_of(device, &params) : tiny_trainer(device, &p);
        used[i] = device->allocated_bytes - before;
        check_ok(scratch(), graft_trainer_step(t, &batch, NULL, NULL));
        check_ok(scratch(), graft_trainer_step(t, &batch, &(graft_budget){1e6}, NULL));
        check_ok(scratch(), graft_trainer_logits(t, batch.images, RUN_BATCH, mine));
        check_ok(scratch(), graft_trainer_write_adapter(t, &writer));
        graft_trainer_destroy(&t);
        assert_int_equal(files[i].size_bytes, files[0].size_bytes);
        assert_memory_equal(files[i].data, files[0].data, files[0].size_bytes);
    }
    assert_true(used[2] < used[0]);
    graft_adapter *adapter = NULL;
    graft_source file = {.data = files[2].data, .size_bytes = files[2].size_bytes};
    check_ok(scratch(), graft_adapter_open(scratch()->log, &file, &adapter));
    check_ok(scratch(), graft_model_attach(model, adapter));
    check_ok(scratch(), graft_model_logits(model, batch.images, RUN_BATCH, models));
    for (int i = 0; i < RUN_BATCH * 3; i++)
        assert_float_equal(mine[i], models[i], 1e-5f);
    graft_trainer *t = NULL;
    params.settings = &p;
    assert_error(scratch(),
                 graft_trainer_create(scratch()->log, gr_device_to_public(device), &params, &t),
                 GRAFT_ERR_ARGUMENT, "model already");
    graft_adapter_close(&adapter);
    graft_model_close(&model);
    for (int i = 0; i < 3; i++)
        graft_bytes_free(&files[i]);
}

/* Two trainers on one backbone, by turns in the middle of their steps: each has
 * what it has alone. */
static void takes_turns_on_a_backbone(void **state)
{
    gr_device *device = test_device_of(state);
    graft_train_params p = tiny_run(""), resident = p;
    resident.backbone = NULL;
    graft_model *model = NULL;
    graft_model_params open;
    graft_model_defaults(&open);
    open.backbone.path = p.backbone;
    check_ok(scratch(),
             graft_model_open(scratch()->log, gr_device_to_public(device), &open, &model));
    graft_trainer_params params = {.settings = &resident, .model = model, .classes = 3};
    graft_batch batch[2] = {batch_of(the_batches(), 0), batch_of(the_batches(), 1)};
    graft_trainer *turns[2] = {trainer_of(device, &params), trainer_of(device, &params)};
    for (bool done[2] = {false, false}; !done[0] || !done[1];)
        for (int i = 0; i < 2; i++) {
            graft_step_result result = {.done = true};
            if (!done[i])
                check_ok(scratch(),
                         graft_trainer_step(turns[i], &batch[i], &(graft_budget){0.0}, &result));
            done[i] = result.done;
        }
    for (int i = 0; i < 2; i++) {
        char *alone = adapter_path(), *turn = adapter_path();
        graft_trainer *t = tiny_trainer(device, &p);
        check_ok(scratch(), graft_trainer_step(t, &batch[i], NULL, NULL));
        check_ok(scratch(), graft_trainer_save_adapter(t, alone));
        check_ok(scratch(), graft_trainer_save_adapter(turns[i], turn));
        assert_same_bytes(alone, turn, "a trainer that took turns");
        graft_trainer_destroy(&t);
        graft_trainer_destroy(&turns[i]);
    }
    graft_model_close(&model);
}

static graft_status refuse(void *user, const void *data, size_t size_bytes)
{
    *(size_t *)user += size_bytes;
    return *(size_t *)user > 5000 ? GRAFT_ERR_IO : GRAFT_OK;
}

/* Saved in the middle of a step, on the way to step 2, and loaded by another trainer. */
static void goes_on_from_its_state(void **state)
{
    gr_device *device = test_device_of(state);
    graft_train_params p = tiny_run("");
    p.ema = 0.9;
    graft_trainer *a = tiny_trainer(device, &p), *b = tiny_trainer(device, &p);
    graft_bytes saved = {0}, first = {0}, second = {0};
    graft_writer to_saved = graft_bytes_writer(&saved), to_first = graft_bytes_writer(&first),
                 to_second = graft_bytes_writer(&second);
    graft_step_result result;
    for (int i = 0; i < 4; i++) {
        graft_batch batch = batch_of(the_batches(), i);
        if (i == 2) {
            check_ok(scratch(), graft_trainer_set_lr(a, 0.005));
            check_ok(scratch(), graft_trainer_step(a, &batch, &(graft_budget){0.0}, &result));
            assert_false(result.done);
            check_ok(scratch(), graft_trainer_save_state(a, &to_saved));
        }
        check_ok(scratch(), graft_trainer_step(a, &batch, NULL, NULL));
    }
    graft_batch batch = batch_of(the_batches(), 5); /* what it did before does not matter */
    check_ok(scratch(), graft_trainer_step(b, &batch, NULL, NULL));
    check_ok(scratch(), graft_trainer_load_state(b, saved.data, saved.size_bytes));
    for (int i = 2; i < 4; i++) {
        batch = batch_of(the_batches(), i);
        check_ok(scratch(), graft_trainer_step(b, &batch, NULL, &result));
        assert_int_equal(result.step, i + 1);
        assert_float_equal(result.lr, 0.005f, 0.0f);
    }
    check_ok(scratch(), graft_trainer_save_state(a, &to_first));
    check_ok(scratch(), graft_trainer_save_state(b, &to_second));
    assert_int_equal(first.size_bytes, second.size_bytes);
    assert_memory_equal(first.data, second.data, first.size_bytes);

    char *path = adapter_path(), *data;
    size_t size, taken = 0;
    graft_bytes adapter = {0};
    graft_writer to_adapter = graft_bytes_writer(&adapter), to_nothing = {refuse, &taken};
    check_ok(scratch(), graft_trainer_save_adapter(b, path));
    check_ok(scratch(), graft_trainer_write_adapter(b, &to_adapter));
    check_ok(scratch(), gr_file_read(scratch()->log, scratch(), path, &data, &size));
    assert_int_equal(adapter.size_bytes, size);
    assert_memory_equal(adapter.data, data, size);
    assert_error(scratch(), graft_trainer_write_adapter(b, &to_nothing), GRAFT_ERR_IO, "adapter");

    p.weight_decay *= 2.0;
    graft_trainer *other = tiny_trainer(device, &p);
    assert_error(scratch(), graft_trainer_load_state(other, saved.data, saved.size_bytes),
                 GRAFT_ERR_ARGUMENT, "other settings");
    assert_error(scratch(), graft_trainer_load_state(b, saved.data, saved.size_bytes - 1),
                 GRAFT_ERR_FORMAT, "state");
    assert_error(scratch(), graft_trainer_load_state(b, adapter.data, adapter.size_bytes),
                 GRAFT_ERR_FORMAT, "state");
    graft_bytes again = {0};
    graft_writer to_again = graft_bytes_writer(&again);
    check_ok(scratch(), graft_trainer_save_state(b, &to_again));
    assert_memory_equal(again.data, second.data, second.size_bytes); /* nothing was spoilt */
    graft_bytes_free(&again);
    graft_bytes_free(&adapter);
    graft_bytes_free(&saved);
    graft_bytes_free(&first);
    graft_bytes_free(&second);
    assert_null(second.data);
    graft_trainer_destroy(&other);
    graft_trainer_destroy(&a);
    graft_trainer_destroy(&b);
}

/* A loss that is no number updates nothing. */
static void stops_at_nan(void **state)
{
    graft_train_params p = tiny_run("");
    graft_trainer *t = tiny_trainer(test_device_of(state), &p);
    graft_batch batch = batch_of(the_batches(), 0);
    static float broken[RUN_BATCH * IMAGE_FLOATS];
    char *before = new_path("before"), *after = new_path("after");
    broken[5] = NAN;
    check_ok(scratch(), graft_trainer_save_adapter(t, before));
    batch.images = broken;
    assert_error(scratch(), graft_trainer_step(t, &batch, NULL, NULL), GRAFT_ERR_NUMERIC, "NaN");
    assert_error(scratch(), graft_trainer_update(t), GRAFT_ERR_ARGUMENT, "no new gradients");
    check_ok(scratch(), graft_trainer_save_adapter(t, after));
    assert_same_bytes(before, after, "a step that failed");
    graft_trainer_destroy(&t);
}

static void example_runs(void **state)
{
    gr_device *device = test_device_of(state);
    char *path = adapter_path();
    command c = {.program = getenv("EXAMPLE_TRAINER")};
    setenv("GRAFT_DEVICE", device->info.id, 1);
    int code = command_run(&c, (const char *[]){tiny_backbone(), path, NULL});
    unsetenv("GRAFT_DEVICE");
    if (code)
        fail_msg("exit code %d: %s", code, text_of(c.errors));
    assert_int_equal(lines_of(c.output), 20);
    graft_model *model = model_ok(scratch()->log, device, tiny_backbone(), path);
    assert_int_equal(graft_model_classes(model), 2);
    graft_model_close(&model);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(steps_are_those_of_a_run),
        TEST_CASE(sources_are_runs),
        TEST_CASE(trainers_evaluate),
        TEST_CASE(checkpoints_carry_notes),
        TEST_CASE(gradients_are_one_vector),
        TEST_CASE(tensors_lie_one_after_the_other),
        TEST_CASE(images_may_lie_on_the_device),
        TEST_CASE(logits_are_those_of_the_file),
        TEST_CASE(refuses_what_does_not_fit),
        TEST_CASE(budgets_change_nothing),
        TEST_CASE(trains_on_a_resident_backbone),
        TEST_CASE(takes_turns_on_a_backbone),
        TEST_CASE(goes_on_from_its_state),
        TEST_CASE(stops_at_nan),
        TEST_CASE(example_runs),
    };
    scratch_open();
    int failures = TEST_RUN("trainer", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
