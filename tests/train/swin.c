/* Training a Swin: whatever the split into micro-batches, with every mask drawn. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

/* Two stages: an 8x8 grid in windows of 4, every other block shifted, then a single window. */
static const gr_model_config swin = {
    .family = GR_FAMILY_SWIN,
    .patch_size = 2,
    .dim = 8,
    .depth = 3,
    .heads = 2,
    .hidden = 16,
    .classes = 5,
    .norm_eps = 1e-5f,
    .activation = GR_FUNC_GELU,
    .pool = GR_POOL_AVG,
    .stages = 2,
    .stage_depth = {2, 1},
    .stage_heads = {2, 4},
    .window = 4,
};

enum { BATCH = 5 };

static void every_split_gives_the_same_numbers(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, "full+convpass", BATCH);
    int size = s.config.image_size;
    s.config = swin;
    s.config.image_size = size;
    train_setup_option(&s, "convpass.dropout", "0.2");
    gr_trainer_params params = train_params(&s, target->device);
    params.weights = params.adapter = NULL;
    params.drop_path = 0.4f;
    float loss, whole_loss, logits[2][BATCH * 5];
    size_t count, whole_count;
    gr_trainer *trainer = train_create(&s, &params);
    TEST_OK(s.log, gr_trainer_logits(trainer, s.images, BATCH, logits[0]));
    float *whole = train_gradients(&s, trainer, 0, &whole_loss, &whole_count);
    assert_true(train_largest(whole, whole_count) > 1e-3f);
    gr_trainer_destroy(trainer);
    for (int micro = 2; micro < BATCH; micro += 2) {
        params.micro_batch = micro;
        trainer = train_create(&s, &params);
        TEST_OK(s.log, gr_trainer_logits(trainer, s.images, BATCH, logits[1]));
        train_assert_close(logits[1], logits[0], BATCH * 5, 1e-5);
        float *split = train_gradients(&s, trainer, 0, &loss, &count);
        assert_int_equal(count, whole_count);
        train_assert_close(split, whole, count, 1e-5);
        assert_float_equal(loss, whole_loss, 2e-6f);
        free(split);
        gr_trainer_destroy(trainer);
    }
    free(whole);
    train_setup_close(&s);
}

/* A pixel is seen through the whole image: shifted windows and merging carry it everywhere, also
 * from one corner's window to the other's. */
static void every_tensor_gets_a_gradient(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, "full", BATCH);
    int size = s.config.image_size;
    s.config = swin;
    s.config.image_size = size;
    gr_trainer_params params = train_params(&s, target->device);
    params.weights = params.adapter = NULL;
    gr_trainer *trainer = train_create(&s, &params);
    float loss;
    TEST_OK(s.log, gr_trainer_gradients(trainer, s.images, s.labels, 0, &loss));
    const gr_params *all = gr_trainer_parameters(trainer);
    for (size_t i = 0; i < all->count; i++) {
        size_t count;
        float *gradient = train_gradient_of(&s, trainer, all->items[i].name, &count);
        if (!(train_largest(gradient, count) > 1e-9f))
            fail_msg("%s has no gradient", all->items[i].name);
        free(gradient);
    }
    gr_trainer_destroy(trainer);
    train_setup_close(&s);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(every_split_gives_the_same_numbers),
        TEST_CASE(every_tensor_gets_a_gradient),
    };
    return TEST_RUN("train swin", cases, TEST_EXECUTING);
}
