/* How the classifier starts: the five ways of the papers' codes. */
#include "support.h"

#include <math.h>
#include <stdlib.h>

enum { DIM = 24 };

/* A tensor of a new trainer; free() it. */
static float *start_of(const train_setup *s, gr_device *device, graft_head_init init,
                       const char *name, size_t *count)
{
    gr_trainer_params params = train_params(s, device);
    params.adapter = NULL;
    params.head_init = init;
    gr_trainer *trainer = train_create(s, &params);
    const gr_params *all = gr_trainer_parameters(trainer);
    const gr_param *p = gr_params_find(all, name);
    assert_non_null(p);
    *count = p->bytes / sizeof(float);
    float *values = malloc(p->bytes);
    assert_non_null(values);
    TEST_OK(s->log, gr_params_read(all, p, GR_PLANE_VALUE, values));
    gr_trainer_destroy(trainer);
    return values;
}

/* Checks mean deviation and largest magnitude; a negative bound is not checked. */
static void check_start(const train_setup *s, gr_device *device, graft_head_init init,
                        const char *name, double deviation, double bound)
{
    size_t count;
    float *values = start_of(s, device, init, name, &count);
    double squares = 0.0;
    for (size_t i = 0; i < count; i++) {
        squares += (double)values[i] * (double)values[i];
        if (bound >= 0)
            assert_true(fabs((double)values[i]) <= bound);
    }
    double found = sqrt(squares / (double)count);
    double slack = count > 100 ? 0.2 : 0.6; /* of so few numbers */
    if (fabs(found - deviation) > slack * deviation)
        fail_msg("%s, init %d: expected a deviation of %g, found %g", name, init, deviation, found);
    free(values);
}

static void head_starts(void **state)
{
    const test_target *target = *state;
    gr_device *d = target->device;
    train_setup s;
    train_setup_open(&s, target->devices->log, "linear", 1);
    s.config.classes = 40;                                    /* more numbers */
    const double linear = 1.0 / sqrt(DIM), truncation = 0.88; /* of a normal at two deviations */
    check_start(&s, d, GRAFT_HEAD_INIT_UNIFORM, "head.weight", linear / sqrt(3.0), linear);
    check_start(&s, d, GRAFT_HEAD_INIT_UNIFORM, "head.bias", linear / sqrt(3.0), linear);
    check_start(&s, d, GRAFT_HEAD_INIT_ZERO, "head.weight", 0, 0);
    check_start(&s, d, GRAFT_HEAD_INIT_ZERO, "head.bias", 0, 0);
    check_start(&s, d, GRAFT_HEAD_INIT_TRUNCATED, "head.weight", truncation * 0.02, 0.04);
    check_start(&s, d, GRAFT_HEAD_INIT_TRUNCATED, "head.bias", 0, 0);
    check_start(&s, d, GRAFT_HEAD_INIT_NARROW, "head.weight", truncation * 0.01, 0.02);
    check_start(&s, d, GRAFT_HEAD_INIT_NARROW, "head.bias", linear / sqrt(3.0), linear);
    check_start(&s, d, GRAFT_HEAD_INIT_KAIMING, "head.weight", sqrt(2.0 / 40), -1);
    size_t count;
    float *bias = start_of(&s, d, GRAFT_HEAD_INIT_KAIMING, "head.bias", &count);
    for (size_t i = 0; i < count; i++)
        assert_float_equal(bias[i], -4.59512, 1e-5);
    free(bias);
    train_setup_close(&s);
}

/* What is drawn does not depend on the device. */
int main(void)
{
#ifdef GRAFT_HAVE_REFERENCE
    setenv("GRAFT_TEST_DEVICES", "", 1);
#endif
    const test_case cases[] = {
        TEST_CASE(head_starts),
    };
    return TEST_RUN("start", cases, TEST_EXECUTING);
}
