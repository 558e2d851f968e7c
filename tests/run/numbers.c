/* What a run says about its numbers: losses that agree between devices, losses that are none, and
 * tensors that learn nothing. */
#include "support.h"

#include "weights/load.h"
#include "weights/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { STEPS = 20 };

typedef struct curve {
    float loss[STEPS];
} curve;

static bool keep_loss(void *user, const graft_train_progress *progress)
{
    curve *c = user;
    if (!progress->evaluating)
        c->loss[progress->step - 1] = progress->loss;
    return true;
}

static curve curve_of(gr_device *device, graft_train_params p)
{
    curve c = {{0}};
    p.out = new_path("curve");
    p.epochs = 7;
    p.max_steps = STEPS;
    p.test_split = "";
    p.progress = keep_loss;
    p.user = &c;
    train_ok(device, &p);
    return c;
}

/* The first 20 losses of every device are those of the first one. */
static void assert_devices_agree(const test_target *target, graft_train_params p)
{
    const test_devices *d = target->devices;
    gr_device *first = d->reference ? d->reference : d->gpu[0];
    if (target->device == first)
        return;
    curve expected = curve_of(first, p), found = curve_of(target->device, p);
    assert_true(expected.loss[STEPS - 1] < expected.loss[0]);
    for (int i = 0; i < STEPS; i++)
        if (!(fabsf(found.loss[i] - expected.loss[i]) <= 1e-3f))
            fail_msg("step %d: loss %.6f, on %s %.6f", i + 1, (double)found.loss[i], first->info.id,
                     (double)expected.loss[i]);
}

static void devices_agree(void **state)
{
    graft_train_params p = tiny_run(NULL);
    p.method = "freqfit+lora";
    p.lr = 3e-3;
    assert_devices_agree(*state, p);
}

/* Masks are the same on every device. */
static void devices_agree_with_dropout(void **state)
{
    static const char *const set[] = {"lora.dropout=0.3", "convpass.dropout=0.2"};
    graft_train_params p = tiny_run(NULL);
    p.method = "lora+convpass";
    p.set.items = set;
    p.set.count = 2;
    p.drop_path = 0.3;
    p.augment.flip = true;
    p.optimizer = GRAFT_OPTIMIZER_SGD;
    p.lr = 0.05;
    assert_devices_agree(*state, p);
}

static void assert_all_finite(const char *path)
{
    gr_tensors *t = NULL;
    check_ok(scratch(), gr_tensors_load(scratch()->log, path, &t));
    for (size_t i = 0; i < gr_tensors_count(t); i++) {
        const gr_tensor *tensor = gr_tensors_at(t, i);
        int64_t count = gr_tensor_count(tensor);
        float *values = malloc((size_t)count * sizeof(*values));
        assert_non_null(values);
        gr_tensor_to_f32(tensor, values);
        for (int64_t k = 0; k < count; k++)
            if (!isfinite(values[k]))
                fail_msg("%s: %s holds %g", path, tensor->name, (double)values[k]);
        free(values);
    }
    gr_tensors_destroy(&t);
}

/* An exploding run ends, and what it has saved is from before. */
static void exploding_loss_stops(void **state)
{
    const test_target *target = *state;
    fixture *f = scratch();
    char *out = new_path("out");
    graft_train_params p = tiny_run(out);
    p.method = "full";
    p.epochs = 40;
    p.warmup_epochs = 0;
    p.checkpoint_every = 1;
    p.optimizer = GRAFT_OPTIMIZER_SGD;
    p.lr = 1e5;
    assert_error(f, graft_train(f->log, gr_device_to_public(target->device), &p, NULL),
                 GRAFT_ERR_NUMERIC, "`lr`");
    assert_all_finite(in_folder(out, "checkpoint/state.safetensors"));
    assert_null(strstr(text_of(in_folder(out, "metrics.jsonl")), "nan"));
    assert_null(strstr(text_of(in_folder(out, "metrics.jsonl")), "inf"));
    assert_no_temporaries(out);
}

/* The last update may be the one that breaks the model: no further loss tells, the save must. */
static void exploding_update_is_not_saved(void **state)
{
    const test_target *target = *state;
    fixture *f = scratch();
    graft_train_params p = tiny_run(NULL);
    /* A bias of the keys, to which the softmax is blind, that decays beyond all numbers. */
    char *path = path_of(f, "heavy.safetensors");
    gr_tensors *tensors = tiny_tensors(NULL, false);
    ((float *)gr_tensors_find(tensors, "blocks.1.attn.qkv.bias")->data)[32] = 1e27f;
    check_ok(f, gr_safetensors_write(f->log, path, tensors, NULL));
    gr_tensors_destroy(&tensors);
    p.backbone = path;
    p.method = "full";
    p.optimizer = GRAFT_OPTIMIZER_SGD;
    p.warmup_epochs = 0;
    p.lr = 1e6;
    p.weight_decay = 1e6;
    p.max_steps = 1;
    for (int evaluates = 0; evaluates < 2; evaluates++) {
        p.out = new_path("out");
        p.batch_size = evaluates ? RUN_TRAIN : RUN_BATCH;
        assert_error(f, graft_train(f->log, gr_device_to_public(target->device), &p, NULL),
                     GRAFT_ERR_NUMERIC, "`lr`");
        assert_int_equal(access(in_folder(p.out, "adapter.safetensors"), F_OK), -1);
        assert_int_equal(access(in_folder(p.out, "best.safetensors"), F_OK), -1);
    }
}

/* A model of numbers so large in the tensor that sums overflow has no accuracy. */
static void assert_does_not_evaluate(gr_device *device, const char *broken)
{
    fixture *f = scratch();
    char *path = path_of(f, "nan.safetensors");
    gr_tensors *tensors = tiny_tensors(NULL, false);
    void *head;
    check_ok(f, gr_tensors_add_new(f->log, tensors, "head.weight", GR_F32, GR_SHAPE(3, 32), &head));
    check_ok(f, gr_tensors_add_new(f->log, tensors, "head.bias", GR_F32, GR_SHAPE(3), &head));
    const gr_tensor *t = gr_tensors_find(tensors, broken);
    for (int i = 0; i < 64 && i < gr_tensor_count(t); i++)
        ((float *)t->data)[i] = 3e38f;
    check_ok(f, gr_safetensors_write(f->log, path, tensors, NULL));
    gr_tensors_destroy(&tensors);
    graft_model *model = model_ok(f->log, device, path, NULL);
    graft_eval_result result;
    assert_error(f, graft_model_evaluate(model, tiny_images(), "test", &result), GRAFT_ERR_NUMERIC,
                 "the model is broken");
    graft_model_close(&model);
}

/* A file with a NaN or an infinity, in any type, is refused by the tensor's name: as a backbone and
 * as an adapter. */
static void broken_files_are_named(void **state)
{
    gr_device *device = ((test_target *)*state)->device;
    fixture *f = scratch();
    char *path = path_of(f, "broken.safetensors");
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 9; i++) {
        gr_safetensors_params how = {.type = (gr_write_type)(i / 3)};
        gr_tensors *tensors = tiny_tensors(NULL, false);
        const gr_tensor *t = gr_tensors_find(tensors, "blocks.1.mlp.fc2.weight");
        ((float *)t->data)[gr_tensor_count(t) - 1 - i] = bad[i % 3];
        check_ok(f, gr_safetensors_write(f->log, path, tensors, &how));
        gr_tensors_destroy(&tensors);
        graft_train_params p = tiny_run(new_path("out"));
        p.backbone = path;
        assert_error(f, graft_train(f->log, gr_device_to_public(device), &p, NULL),
                     GRAFT_ERR_NUMERIC, path, "blocks.1.mlp.fc2.weight");
    }
    graft_train_params p = tiny_run(new_path("out"));
    train_ok(device, &p);
    gr_tensors *adapter;
    check_ok(f, gr_tensors_load(f->log, in_folder(p.out, "adapter.safetensors"), &adapter));
    void *values;
    check_ok(f, gr_tensors_add_new(f->log, adapter, "another", GR_F32, GR_SHAPE(2), &values));
    ((float *)values)[1] = NAN;
    check_ok(f, gr_safetensors_write(f->log, path, adapter, NULL));
    gr_tensors_destroy(&adapter);
    graft_model_params m = {.backbone = {.path = p.backbone}, .adapter = path};
    graft_model *model;
    assert_error(f, graft_model_open(f->log, gr_device_to_public(device), &m, &model),
                 GRAFT_ERR_NUMERIC, path, "another");
}

static void broken_model_does_not_evaluate(void **state)
{
    gr_device *device = ((test_target *)*state)->device;
    assert_does_not_evaluate(device, "norm.weight");
    /* of queries and keys, which only the softmax sees */
    assert_does_not_evaluate(device, "blocks.1.attn.qkv.bias");
}

static void train_watched(gr_device *device, listener *l, graft_train_params p)
{
    listener_open(l);
    p.out = new_path("out");
    p.epochs = 4;
    p.max_steps = p.max_steps ? p.max_steps : 10;
    p.test_split = "";
    TEST_OK(l->log, graft_train(l->log, gr_device_to_public(device), &p, NULL));
    listener_close(l);
}

/* With alpha 0 no LoRA tensor reaches the loss; the head does. */
static void dead_tensors_are_reported(void **state)
{
    const test_target *target = *state;
    static const char *const dead[] = {"lora.alpha=0"};
    graft_train_params p = tiny_run(NULL);
    p.set.items = dead;
    p.set.count = 1;
    for (int run = 0; run < 2; run++) {
        listener l;
        p.max_steps = run ? 4 : 10; /* in short runs too */
        train_watched(target->device, &l, p);
        assert_int_equal(l.warnings, 1);
        assert_non_null(strstr(l.text, "8 trainable tensors"));
        assert_non_null(strstr(l.text, "blocks.0.attn.q.lora_A.weight"));
        assert_non_null(strstr(l.text, "blocks.1.attn.v.lora_B.weight"));
        assert_null(strstr(l.text, "head"));
    }
}

/* Nothing is said of tensors that are known to stay: FreqFit's last filter, RLRR's shift of the
 * keys. Nor of those that wait for a factor that starts at zero. */
static void living_tensors_are_not_reported(void **state)
{
    const test_target *target = *state;
    static const char *const methods[] = {"freqfit", "rlrr", "lora",        "convpass",
                                          "bitfit",  "full", "freqfit+lora"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        listener l;
        graft_train_params p = tiny_run(NULL);
        p.method = methods[i];
        p.warmup_lr = 0.0;
        train_watched(target->device, &l, p);
        if (l.warnings)
            fail_msg("%s: %s", methods[i], l.text);
    }
}

/* An epoch whose rate is zero moves nothing, and tells nothing. */
static void waiting_tensors_are_not_reported(void **state)
{
    const test_target *target = *state;
    listener l;
    graft_train_params p = tiny_run(NULL);
    p.batch_size = 1;
    p.lr_step = GRAFT_LR_STEP_EPOCH;
    p.warmup_lr = 0.0;
    p.max_steps = RUN_TRAIN + 6;
    train_watched(target->device, &l, p);
    if (l.warnings)
        fail_msg("%s", l.text);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(devices_agree),
        TEST_CASE(devices_agree_with_dropout),
        TEST_CASE(exploding_loss_stops),
        TEST_CASE(exploding_update_is_not_saved),
        TEST_CASE(broken_files_are_named),
        TEST_CASE(broken_model_does_not_evaluate),
        TEST_CASE(dead_tensors_are_reported),
        TEST_CASE(living_tensors_are_not_reported),
        TEST_CASE(waiting_tensors_are_not_reported),
    };
    scratch_open();
    int failures = TEST_RUN("numbers", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
