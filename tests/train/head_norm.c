/* Batch normalisation before the head: the batch's statistics in training, running ones otherwise.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>

enum { BATCH = 6, DIM = 24, CLASSES = 5 };

static const char mean_name[] = "head.bn.running_mean", var_name[] = "head.bn.running_var";

static gr_trainer *open_trainer(train_setup *s, const test_target *target, bool head_norm)
{
    train_setup_open(s, target->devices->log, "linear", BATCH);
    gr_trainer_params params = train_params(s, target->device);
    params.head_norm = head_norm;
    return train_create(s, &params);
}

static void close_trainer(train_setup *s, gr_trainer *trainer)
{
    gr_trainer_destroy(trainer);
    train_setup_close(s);
}

static void read_tensor(const train_setup *s, const gr_trainer *t, const char *name, float *values)
{
    const gr_param *p = gr_params_find(gr_trainer_parameters(t), name);
    assert_non_null(p);
    TEST_OK(s->log, gr_params_read(gr_trainer_parameters(t), p, GR_PLANE_VALUE, values));
}

static void fill_tensor(const train_setup *s, gr_trainer *t, const char *name, float value)
{
    float values[DIM];
    const gr_param *p = gr_params_find(gr_trainer_parameters(t), name);
    assert_non_null(p);
    for (int i = 0; i < DIM; i++)
        values[i] = value;
    TEST_OK(s->log, gr_params_write(gr_trainer_parameters(t), p, GR_PLANE_VALUE, values));
}

static float loss_of(const train_setup *s, gr_trainer *t)
{
    float loss;
    TEST_OK(s->log, gr_trainer_gradients(t, s->images, s->labels, 0, &loss));
    return loss;
}

/* r becomes 0.9 r + 0.1 b: from 0 to 0.1 b and then 0.19 b; from 1 to 0.9 + 0.1 b, 0.81 + 0.19 b.
 */
static void running_statistics_follow_the_batch(void **state)
{
    train_setup s;
    gr_trainer *t = open_trainer(&s, *state, true);
    float mean[2][DIM], var[2][DIM];
    for (int step = 0; step < 2; step++) {
        loss_of(&s, t);
        read_tensor(&s, t, mean_name, mean[step]);
        read_tensor(&s, t, var_name, var[step]);
    }
    assert_true(train_largest(mean[0], DIM) > 0.01f);
    for (int i = 0; i < DIM; i++) {
        assert_float_equal(mean[1][i], 1.9f * mean[0][i], 1e-6);
        assert_float_equal(var[1][i] - 1, 1.9f * (var[0][i] - 1), 1e-6);
        assert_true(var[0][i] > 0.9f); /* a variance is not negative */
    }
    close_trainer(&s, t);
}

/* They have no variance: of the 1 at the start, 0.9 is left. */
static void statistics_of_equal_images(void **state)
{
    train_setup s;
    gr_trainer *t = open_trainer(&s, *state, true);
    float mean[DIM], var[DIM];
    int size = s.config.image_size, pixels = 3 * size * size;
    for (int i = pixels; i < BATCH * pixels; i++)
        s.images[i] = s.images[i % pixels];
    loss_of(&s, t);
    read_tensor(&s, t, mean_name, mean);
    read_tensor(&s, t, var_name, var);
    for (int i = 0; i < DIM; i++)
        assert_float_equal(var[i], 0.9f, 1e-6);
    assert_true(train_largest(mean, DIM) > 0.01f);
    close_trainer(&s, t);
}

static void training_does_not_read_them_and_updates_leave_them(void **state)
{
    train_setup s;
    gr_trainer *t = open_trainer(&s, *state, true);
    float before = loss_of(&s, t), var[DIM], bias[2][CLASSES];
    fill_tensor(&s, t, mean_name, 3.0f);
    fill_tensor(&s, t, var_name, 100.0f);
    assert_true(loss_of(&s, t) == before);
    fill_tensor(&s, t, var_name, 100.0f);
    read_tensor(&s, t, "head.bias", bias[0]);
    TEST_OK(s.log, gr_trainer_update(t, 0, 0.5f));
    read_tensor(&s, t, "head.bias", bias[1]);
    assert_true(fabsf(bias[1][0] - bias[0][0]) > 0.1f);
    read_tensor(&s, t, var_name, var);
    for (int i = 0; i < DIM; i++)
        assert_true(var[i] == 100.0f);
    assert_int_equal(gr_params_total(gr_trainer_parameters(t), true), CLASSES * (DIM + 1));
    close_trainer(&s, t);
}

/* With mean 0 and variance v, logits less their bias are those of the plain head over sqrt(v). */
static void evaluation_reads_them(void **state)
{
    train_setup s;
    float plain[BATCH * CLASSES], normed[BATCH * CLASSES], bias[CLASSES];
    gr_trainer *t = open_trainer(&s, *state, false);
    TEST_OK(s.log, gr_trainer_logits(t, s.images, BATCH, plain));
    read_tensor(&s, t, "head.bias", bias);
    close_trainer(&s, t);
    t = open_trainer(&s, *state, true);
    fill_tensor(&s, t, mean_name, 0.0f);
    fill_tensor(&s, t, var_name, 4.0f);
    TEST_OK(s.log, gr_trainer_logits(t, s.images, BATCH, normed));
    for (int i = 0; i < BATCH * CLASSES; i++)
        assert_float_equal(normed[i] - bias[i % CLASSES], (plain[i] - bias[i % CLASSES]) / 2, 1e-5);
    close_trainer(&s, t);
}

static void takes_whole_batches(void **state)
{
    const test_target *target = *state;
    train_setup s;
    float loss;
    gr_trainer *t = open_trainer(&s, target, true), *none = NULL;
    assert_true(gr_trainer_takes_whole_batches(t));
    s.labels[BATCH - 1] = -1;
    assert_int_equal(gr_trainer_gradients(t, s.images, s.labels, 0, &loss), GRAFT_ERR_ARGUMENT);
    test_assert_error(s.log, "head norm: 5 of the batch's 6 images count");
    gr_trainer_params params = train_params(&s, target->device);
    params.head_norm = true;
    params.micro_batch = 4;
    assert_int_equal(gr_trainer_create(s.log, &params, &none), GRAFT_ERR_DEVICE_MEMORY);
    test_assert_error(s.log, "head norm: takes its statistics from a whole batch, and 6 images");
    params.micro_batch = 0;
    params.memory_budget = 100000;
    assert_int_equal(gr_trainer_create(s.log, &params, &none), GRAFT_ERR_DEVICE_MEMORY);
    test_assert_error(s.log, "head norm: takes its statistics from a whole batch");
    assert_null(none);
    close_trainer(&s, t);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(running_statistics_follow_the_batch),
        TEST_CASE(statistics_of_equal_images),
        TEST_CASE(training_does_not_read_them_and_updates_leave_them),
        TEST_CASE(evaluation_reads_them),
        TEST_CASE(takes_whole_batches),
    };
    return TEST_RUN("train head norm", cases, TEST_EXECUTING);
}
