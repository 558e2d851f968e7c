/* Updates of parameters: AdamW, SGD with momentum and the moving average, against the reference
 * device, over few enough numbers for a simulator. */
#include "support.h"

#include <stdlib.h>

enum { STEPS = 3, BATCH = 2 };

static gr_trainer *trained(train_setup *s, const test_target *target, gr_device *device,
                           graft_optimizer kind)
{
    train_setup_open(s, target->devices->log, "linear", BATCH);
    gr_trainer_params params = train_params(s, device);
    params.optimizer.kind = kind;
    params.optimizer.momentum = 0.9f;
    params.optimizer.weight_decay = 0.05f;
    params.ema = 0.7;
    gr_trainer *t = train_create(s, &params);
    for (uint64_t i = 0; i < STEPS; i++) {
        float loss;
        TEST_OK(s->log, gr_trainer_gradients(t, s->images, s->labels, i, &loss));
        TEST_OK(s->log, gr_trainer_update(t, i, 0.02f));
    }
    return t;
}

static void equals_the_reference(const test_target *target, graft_optimizer kind)
{
    train_setup s, expected;
    gr_trainer *t = trained(&s, target, target->device, kind);
    gr_trainer *r = trained(&expected, target, target->devices->reference, kind);
    const gr_param_plane planes[] = {GR_PLANE_VALUE, GR_PLANE_MOMENT1, GR_PLANE_AVERAGE,
                                     GR_PLANE_MOMENT2};
    int count_of_planes = kind == GRAFT_OPTIMIZER_ADAMW ? 4 : 3;
    for (int i = 0; i < count_of_planes; i++) {
        size_t count, expected_count;
        float *a = train_plane(&s, t, planes[i], &count);
        float *b = train_plane(&expected, r, planes[i], &expected_count);
        assert_int_equal(count, expected_count);
        assert_true(train_largest(b, count) > 0.0f);
        train_assert_close(a, b, count, 1e-5);
        free(a);
        free(b);
    }
    gr_trainer_destroy(t);
    gr_trainer_destroy(r);
    train_setup_close(&s);
    train_setup_close(&expected);
}

static void adamw(void **state)
{
    equals_the_reference(*state, GRAFT_OPTIMIZER_ADAMW);
}

static void sgd(void **state)
{
    equals_the_reference(*state, GRAFT_OPTIMIZER_SGD);
}

int main(void)
{
    const test_case cases[] = {TEST_CASE(adamw), TEST_CASE(sgd)};
    return TEST_RUN("train updates", cases, TEST_EXECUTING);
}
