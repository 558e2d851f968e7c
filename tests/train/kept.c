/* Features that are kept: the numbers are those that are computed anew, to the last bit. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 6, CLASSES = 5 };

static const uint32_t numbers[BATCH] = {4, 0, 3, 1, 5, 2};

static gr_trainer *open_trainer(const train_setup *s, const test_target *target, bool head_norm,
                                uint32_t images)
{
    gr_trainer_params params = train_params(s, target->device);
    params.micro_batch = head_norm ? BATCH : 4;
    params.head_norm = head_norm;
    params.kept_images = params.kept_test_images = images;
    params.kept_bytes = 1u << 20;
    params.preprocess = NULL;
    return train_create(s, &params);
}

static void assert_same_gradients(const train_setup *s, gr_trainer *a, gr_trainer *b)
{
    size_t count;
    float *x = train_gradient_of(s, a, "head.weight", &count);
    float *y = train_gradient_of(s, b, "head.weight", &count);
    assert_true(train_largest(x, count) > 0.0f);
    assert_memory_equal(x, y, count * sizeof(*x));
    free(x);
    free(y);
}

/* Once with images that are new, once with those that are kept, of which none is given. */
static void check_gradients(const train_setup *s, const test_target *target, bool head_norm)
{
    gr_trainer *plain = open_trainer(s, target, head_norm, 0);
    gr_trainer *keeps = open_trainer(s, target, head_norm, BATCH);
    graft_batch batch = {.count = BATCH, .images = s->images, .labels = s->labels};
    float expected, loss;
    assert_false(gr_trainer_keeps_features(plain));
    assert_true(gr_trainer_keeps_features(keeps));
    for (uint64_t step = 0; step < 2; step++) {
        batch.images = s->images, batch.numbers = NULL;
        TEST_OK(s->log, gr_trainer_batch_gradients(plain, &batch, step, &expected));
        assert_int_equal(gr_trainer_has_features(keeps, numbers, BATCH), step > 0);
        batch.images = step ? NULL : s->images, batch.numbers = numbers;
        TEST_OK(s->log, gr_trainer_batch_gradients(keeps, &batch, step, &loss));
        assert_memory_equal(&loss, &expected, sizeof(loss));
        assert_same_gradients(s, plain, keeps);
        TEST_OK(s->log, gr_trainer_update(plain, step, 0.1f));
        TEST_OK(s->log, gr_trainer_update(keeps, step, 0.1f));
    }
    gr_trainer_destroy(plain);
    gr_trainer_destroy(keeps);
}

static void gradients_are_the_same(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, "linear", BATCH);
    check_gradients(&s, target, false);
    check_gradients(&s, target, true); /* the batch's statistics are of no image alone */
    train_setup_close(&s);
}

/* Some images were kept before, in another order; those of the others are needed. */
static void batches_may_mix_both(void **state)
{
    const test_target *target = *state;
    const uint32_t other[BATCH] = {0, 1, 2, 3, 8, 9}; /* two are none of those that are kept */
    train_setup s;
    train_setup_open(&s, target->devices->log, "linear", BATCH);
    gr_trainer *plain = open_trainer(&s, target, false, 0);
    gr_trainer *keeps = open_trainer(&s, target, false, BATCH);
    size_t image = 3u * (size_t)(s.config.image_size * s.config.image_size);
    graft_batch batch = {.count = BATCH, .images = s.images, .labels = s.labels};
    float *images = malloc(BATCH * image * sizeof(*images)), expected, loss;
    assert_non_null(images);
    batch.numbers = numbers;
    TEST_OK(s.log, gr_trainer_batch_gradients(keeps, &batch, 0, &loss));
    for (size_t i = 0; i < BATCH; i++) /* image 4 of `numbers` is the first, and so on */
        for (size_t k = 0; k < BATCH; k++)
            if (numbers[k] == other[i] || (other[i] >= BATCH && k == i))
                memcpy(images + i * image, s.images + k * image, image * sizeof(*images));
    batch.images = images;
    TEST_OK(s.log, gr_trainer_batch_gradients(plain, &batch, 0, &expected));
    batch.numbers = other;
    assert_false(gr_trainer_has_features(keeps, other, BATCH));
    TEST_OK(s.log, gr_trainer_batch_gradients(keeps, &batch, 0, &loss));
    assert_memory_equal(&loss, &expected, sizeof(loss));
    assert_same_gradients(&s, plain, keeps);
    free(images);
    gr_trainer_destroy(plain);
    gr_trainer_destroy(keeps);
    train_setup_close(&s);
}

/* Methods that change the first block leave nothing that is worth keeping, and too little memory
 * keeps nothing. */
static void only_what_is_worth_it(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, "lora", BATCH);
    gr_trainer *t = open_trainer(&s, target, false, BATCH);
    assert_false(gr_trainer_keeps_features(t));
    gr_trainer_destroy(t);
    train_setup_close(&s);
    train_setup_open(&s, target->devices->log, "linear", BATCH);
    gr_trainer_params params = train_params(&s, target->device);
    params.kept_images = params.kept_test_images = BATCH;
    params.kept_bytes = BATCH * 24 * sizeof(float); /* for training alone */
    t = train_create(&s, &params);
    assert_true(gr_trainer_keeps_features(t));
    assert_false(gr_trainer_keeps_test_features(t));
    gr_trainer_destroy(t);
    train_setup_close(&s);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(gradients_are_the_same),
        TEST_CASE(batches_may_mix_both),
        TEST_CASE(only_what_is_worth_it),
    };
    return TEST_RUN("train kept", cases, TEST_EXECUTING);
}
