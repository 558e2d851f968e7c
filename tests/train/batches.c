/* Steps: micro-batches, rows without a label, the memory budget. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char all_methods[] = "freqfit+rlrr+lora+convpass";

static void every_split_gives_the_same_gradients(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, all_methods, 7);
    gr_trainer_params params = train_params(&s, target->device);
    train_assert_splits_agree(&s, params, (int[]){1, 2, 3, 4, 6}, 5);
    train_setup_close(&s);
}

/* Targets for all classes: any numbers, and a row that does not count. */
static void every_split_gives_the_same_soft_gradients(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, all_methods, 7);
    gr_trainer_params params = train_params(&s, target->device);
    params.soft_targets = true;
    float targets[7 * 5], loss, whole_loss = 0.0f, *whole = NULL;
    for (int i = 0; i < 7 * 5; i++)
        targets[i] = i / 5 == 3 ? 0.0f : (float)(i * 7 % 11) / 25.0f;
    graft_batch batch = {.count = 7, .images = s.images, .targets = targets};
    for (int micro = 7; micro > 0; micro -= 3) { /* 7, 4, 1 */
        size_t count;
        params.micro_batch = micro;
        gr_trainer *trainer = train_create(&s, &params);
        TEST_OK(s.log, gr_trainer_batch_gradients(trainer, &batch, 0, &loss));
        float *split = train_plane(&s, trainer, GR_PLANE_GRADIENT, &count);
        if (!whole) {
            whole = split, whole_loss = loss;
            assert_true(train_largest(whole, count) > 1e-3f);
        } else {
            train_assert_close(split, whole, count, 1e-5);
            assert_float_equal(loss, whole_loss, 2e-6f);
            free(split);
        }
        gr_trainer_destroy(trainer);
    }
    free(whole);
    train_setup_close(&s);
}

/* A target of one class is a label, and rows without either are left out of the mean alike. */
static void one_hot_targets_are_labels(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, all_methods, 7);
    s.labels[2] = -1;
    gr_trainer_params params = train_params(&s, target->device);
    float targets[7 * 5] = {0}, loss, label_loss;
    for (int i = 0; i < 7; i++)
        if (s.labels[i] >= 0)
            targets[i * 5 + s.labels[i]] = 1.0f;
    size_t count;
    float *expected = train_first_gradients(&s, &params, &label_loss, &count);
    params.soft_targets = true;
    graft_batch batch = {.count = 7, .images = s.images, .targets = targets};
    gr_trainer *trainer = train_create(&s, &params);
    TEST_OK(s.log, gr_trainer_batch_gradients(trainer, &batch, 0, &loss));
    float *found = train_plane(&s, trainer, GR_PLANE_GRADIENT, &count);
    train_assert_close(found, expected, count, 1e-5);
    assert_float_equal(loss, label_loss, 2e-6f);
    free(found);
    free(expected);
    gr_trainer_destroy(trainer);
    train_setup_close(&s);
}

/* Mean cross entropy of logits over the labelled rows, in double. */
static double mean_loss(const float *logits, const int32_t *labels, int rows, int classes)
{
    double sum = 0;
    int labelled = 0;
    for (int r = 0; r < rows; r++) {
        double total = 0;
        for (int c = 0; c < classes; c++)
            total += exp((double)logits[r * classes + c]);
        if (labels[r] < 0)
            continue;
        sum += log(total) - (double)logits[r * classes + labels[r]];
        labelled++;
    }
    return sum / labelled;
}

static void loss_is_the_mean_over_labelled_rows(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, all_methods, 7);
    s.labels[1] = s.labels[4] = s.labels[6] = -1;
    float logits[7 * 5], loss;
    for (int micro = 2; micro <= 7; micro += 5) {
        gr_trainer_params params = train_params(&s, target->device);
        params.micro_batch = micro;
        gr_trainer *trainer = train_create(&s, &params);
        TEST_OK(s.log, gr_trainer_logits(trainer, s.images, 7, logits));
        TEST_OK(s.log, gr_trainer_gradients(trainer, s.images, s.labels, 0, &loss));
        assert_float_equal(loss, (float)mean_loss(logits, s.labels, 7, 5), 5e-6f);
        gr_trainer_destroy(trainer);
    }
    train_setup_close(&s);
}

/* The last batch of an epoch is short: its missing rows have no label and stale pixels. */
static void rows_without_label_change_nothing(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, all_methods, 7);
    const size_t pixels = 3 * 16 * 16;
    gr_trainer_params params = train_params(&s, target->device);
    float loss, loss_of_four, loss_of_stale;
    size_t count;
    params.batch = s.batch = 4;
    float *four = train_first_gradients(&s, &params, &loss_of_four, &count);
    params.batch = s.batch = 7;
    s.labels[4] = s.labels[5] = s.labels[6] = -1;
    gr_trainer *trainer = train_create(&s, &params);
    float *got = train_gradients(&s, trainer, 0, &loss, &count);
    for (size_t i = 4 * pixels; i < 7 * pixels; i++)
        s.images[i] = 3.0f - s.images[i];
    float *stale = train_gradients(&s, trainer, 0, &loss_of_stale, &count);
    train_assert_close(got, four, count, 1e-5);
    assert_float_equal(loss, loss_of_four, 2e-6f);
    assert_memory_equal(got, stale, count * sizeof(*got));
    assert_memory_equal(&loss, &loss_of_stale, sizeof(loss));
    free(four);
    free(got);
    free(stale);
    gr_trainer_destroy(trainer);
    train_setup_close(&s);
}

static void a_batch_without_labels_gives_zero(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, "lora", 3);
    gr_trainer_params params = train_params(&s, target->device);
    float loss;
    size_t count;
    gr_trainer *trainer = train_create(&s, &params);
    free(train_gradients(&s, trainer, 0, &loss, &count));
    s.labels[0] = s.labels[1] = s.labels[2] = -1;
    float *got = train_gradients(&s, trainer, 1, &loss, &count);
    assert_true(train_largest(got, count) == 0.0f);
    assert_true(loss == 0.0f);
    free(got);
    gr_trainer_destroy(trainer);
    train_setup_close(&s);
}

/* Any number of images, more and fewer than a micro-batch. */
static void logits_come_for_any_count(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, all_methods, 7);
    gr_trainer_params params = train_params(&s, target->device);
    float whole[7 * 5], split[7 * 5];
    gr_trainer *trainer = train_create(&s, &params);
    TEST_OK(s.log, gr_trainer_logits(trainer, s.images, 7, whole));
    gr_trainer_destroy(trainer);
    params.micro_batch = 3;
    trainer = train_create(&s, &params);
    for (int count = 1; count <= 7; count++) {
        memset(split, 0, sizeof(split));
        TEST_OK(s.log, gr_trainer_logits(trainer, s.images, count, split));
        train_assert_close(split, whole, (size_t)count * 5, 1e-5);
    }
    gr_trainer_destroy(trainer);
    train_setup_close(&s);
}

/* Most bytes of device memory while training, and the micro-batch that was chosen. */
static uint64_t measure(const train_setup *s, const gr_trainer_params *params, int *micro,
                        float **gradients, size_t *count)
{
    gr_device *device = params->device;
    float loss;
    assert_int_equal(device->allocated_bytes, 0);
    device->peak_bytes = 0;
    gr_trainer *trainer = train_create(s, params);
    *micro = gr_trainer_micro_batch(trainer);
    *gradients = train_gradients(s, trainer, 0, &loss, count);
    gr_trainer_destroy(trainer);
    assert_int_equal(device->allocated_bytes, 0);
    return device->peak_bytes;
}

/* What plans say they need is exact: with a byte less than that, the batch is split. */
static void memory_budget_chooses_micro_batches(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, all_methods, 7);
    gr_trainer_params params = train_params(&s, target->device);
    int micro, last = 7;
    float *whole, *split;
    size_t count;
    uint64_t most = measure(&s, &params, &micro, &whole, &count);
    assert_int_equal(micro, 7);
    params.memory_budget = most;
    for (;;) {
        uint64_t peak = measure(&s, &params, &micro, &split, &count);
        assert_true(peak <= params.memory_budget);
        assert_true(params.memory_budget == most ? micro == 7 : micro < last);
        train_assert_close(split, whole, count, 1e-5);
        free(split);
        if (micro == 1)
            break;
        params.memory_budget = peak - 1;
        last = micro;
    }
    free(whole);
    train_setup_close(&s);
}

static void count_message(void *user, graft_log_level level, const char *text)
{
    (void)level;
    print_message("%s\n", text);
    ++*(int *)user;
}

/* What the device does not bind at once is no error while a smaller batch helps. */
static void small_bindings_choose_micro_batches(void **state)
{
    const test_target *target = *state;
    gr_device *device = target->device;
    int messages = 0;
    graft_log *log =
        graft_log_create(&(graft_log_params){count_message, &messages, GRAFT_LOG_WARN});
    train_setup s;
    train_setup_open(&s, log, all_methods, 7);
    gr_trainer_params params = train_params(&s, device);
    uint64_t limit = device->caps.max_binding_bytes;
    device->caps.max_binding_bytes = 20000; /* the widest value of four images */
    gr_trainer *trainer = train_create(&s, &params);
    device->caps.max_binding_bytes = limit;
    assert_in_range(gr_trainer_micro_batch(trainer), 1, 4); /* padding differs */
    assert_int_equal(messages, 0);
    gr_trainer_destroy(trainer);
    train_setup_close(&s);
    graft_log_destroy(&log);
}

static void too_small_a_budget_is_an_error(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, "lora", 3);
    gr_trainer_params params = train_params(&s, target->device);
    gr_trainer *trainer = NULL;
    params.memory_budget = 10000;
    assert_int_equal(gr_trainer_create(s.log, &params, &trainer), GRAFT_ERR_DEVICE_MEMORY);
    test_assert_error(s.log, "memory budget of 0.0 MiB: training one image at a time needs 8");
    assert_null(trainer);
    assert_int_equal(target->device->allocated_bytes, 0);
    train_setup_close(&s);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(every_split_gives_the_same_gradients),
        TEST_CASE(every_split_gives_the_same_soft_gradients),
        TEST_CASE(one_hot_targets_are_labels),
        TEST_CASE(loss_is_the_mean_over_labelled_rows),
        TEST_CASE(rows_without_label_change_nothing),
        TEST_CASE(a_batch_without_labels_gives_zero),
        TEST_CASE(logits_come_for_any_count),
        TEST_CASE(memory_budget_chooses_micro_batches),
        TEST_CASE(small_bindings_choose_micro_batches),
        TEST_CASE(too_small_a_budget_is_an_error),
    };
    return TEST_RUN("train batches", cases, TEST_EXECUTING);
}
