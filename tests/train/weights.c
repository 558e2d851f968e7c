/* Frozen weights in fewer bits: how far the numbers are from those of f32, and that nothing but the
 * rounding of the weights is different. */
#include "support.h"

#include "base/f16.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"f32", "f16", "bf16", "int8"};

/* A ViT whose matrices are large enough to be kept so. */
static void open_setup(train_setup *s, const test_target *target, const char *methods)
{
    train_setup_open(s, target->devices->log, methods, 3);
    gr_model_config config = s->config;
    config.dim = 64;
    config.hidden = 128;
    config.heads = 2;
    train_setup_remodel(s, &config);
}

static float *logits_of(const train_setup *s, const test_target *target, graft_weights weights)
{
    gr_trainer_params params = train_params(s, target->device);
    params.kept_weights = weights;
    gr_trainer *t = train_create(s, &params);
    float *logits = malloc(3 * 5 * sizeof(*logits));
    assert_non_null(logits);
    TEST_OK(s->log, gr_trainer_logits(t, s->images, 3, logits));
    gr_trainer_destroy(t);
    return logits;
}

static float *gradients_of(const train_setup *s, const test_target *target, graft_weights weights,
                           size_t *count)
{
    gr_trainer_params params = train_params(s, target->device);
    float loss;
    params.kept_weights = weights;
    return train_first_gradients(s, &params, &loss, count);
}

/* The tolerances of docs/checkpoints.md, of the largest logit or gradient. */
static void modes_keep_their_tolerances(void **state)
{
    const test_target *target = *state;
    const double limits[] = {0.0, 2e-3, 2e-2, 4e-2};
    train_setup s;
    size_t count;
    open_setup(&s, target, "rlrr+lora+convpass");
    float *expected = logits_of(&s, target, GRAFT_WEIGHTS_F32);
    float *slope = gradients_of(&s, target, GRAFT_WEIGHTS_F32, &count);
    for (int mode = GRAFT_WEIGHTS_F16; mode <= GRAFT_WEIGHTS_INT8; mode++) {
        float *found = logits_of(&s, target, (graft_weights)mode);
        float *gradient = gradients_of(&s, target, (graft_weights)mode, &count);
        train_assert_close(found, expected, 3 * 5, limits[mode]);
        train_assert_close(gradient, slope, count, limits[mode]);
        if (memcmp(found, expected, 3 * 5 * sizeof(*found)) == 0)
            fail_msg("%s: changes nothing", names[mode]);
        free(found);
        free(gradient);
    }
    free(expected);
    free(slope);
    train_setup_close(&s);
}

/* Weights that are bfloat16 already lose nothing: what is left is the rounding of sums. */
static void weights_that_fit_lose_nothing(void **state)
{
    const test_target *target = *state;
    train_setup s;
    open_setup(&s, target, "lora");
    for (size_t i = 0; i < gr_tensors_count(s.weights); i++) {
        const gr_tensor *t = gr_tensors_at(s.weights, i);
        float *values = (float *)t->data;
        for (size_t k = 0; k < t->size_bytes / sizeof(float); k++)
            values[k] = gr_bf16_to_f32(gr_f32_to_bf16(values[k]));
    }
    float *expected = logits_of(&s, target, GRAFT_WEIGHTS_F32);
    for (int mode = GRAFT_WEIGHTS_F16; mode <= GRAFT_WEIGHTS_BF16; mode++) {
        float *found = logits_of(&s, target, (graft_weights)mode);
        train_assert_close(found, expected, 3 * 5, 2e-6);
        free(found);
    }
    free(expected);
    train_setup_close(&s);
}

/* Numbers that a half cannot hold are told, with what can. */
static void too_large_for_half(void **state)
{
    const test_target *target = *state;
    train_setup s;
    gr_trainer *t = NULL;
    open_setup(&s, target, "lora");
    float *values = (float *)gr_tensors_find(s.weights, "blocks.1.mlp.fc1.weight")->data;
    values[17] = 1e5f;
    gr_trainer_params params = train_params(&s, target->device);
    params.kept_weights = GRAFT_WEIGHTS_F16;
    char text[300];
    assert_int_equal(gr_trainer_create(s.log, &params, &t), GRAFT_ERR_NUMERIC);
    graft_log_error(s.log, text, sizeof(text));
    assert_non_null(strstr(text, "blocks.1.mlp.fc1.weight"));
    assert_non_null(strstr(text, "bf16"));
    params.kept_weights = GRAFT_WEIGHTS_BF16;
    t = train_create(&s, &params);
    gr_trainer_destroy(t);
    train_setup_close(&s);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(modes_keep_their_tolerances),
        TEST_CASE(weights_that_fit_lose_nothing),
        TEST_CASE(too_large_for_half),
    };
    return TEST_RUN("train weights", cases, TEST_EXECUTING);
}
