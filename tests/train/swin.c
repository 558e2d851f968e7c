/* Training a Swin: whatever the split into micro-batches, with every mask drawn. */
#include "support.h"
#include "tiny_swin.h"

#include <stdlib.h>

enum { BATCH = 5 };

static void open_swin(train_setup *s, const test_target *target, const char *methods)
{
    train_setup_open(s, target->devices->log, methods, BATCH);
    int size = s->config.image_size;
    s->config = tiny_swin(size / 8, 8, 5);
    assert_int_equal(s->config.image_size, size);
}

static void every_split_gives_the_same_gradients(void **state)
{
    const test_target *target = *state;
    train_setup s;
    open_swin(&s, target, "full+convpass");
    train_setup_option(&s, "convpass.dropout", "0.2");
    gr_trainer_params params = train_params(&s, target->device);
    params.weights = params.adapter = NULL;
    params.drop_path = 0.4f;
    train_assert_splits_agree(&s, params, (int[]){2, 4}, 2);
    train_setup_close(&s);
}

static void every_split_gives_the_same_logits(void **state)
{
    const test_target *target = *state;
    train_setup s;
    float logits[2][BATCH * 5];
    open_swin(&s, target, "full+convpass");
    gr_trainer_params params = train_params(&s, target->device);
    params.weights = params.adapter = NULL;
    for (int i = 0; i < 2; i++) {
        params.micro_batch = i ? 2 : BATCH;
        gr_trainer *trainer = train_create(&s, &params);
        TEST_OK(s.log, gr_trainer_logits(trainer, s.images, BATCH, logits[i]));
        gr_trainer_destroy(trainer);
    }
    train_assert_close(logits[1], logits[0], BATCH * 5, 1e-5);
    train_setup_close(&s);
}

/* A pixel is seen through the whole image: shifted windows and merging carry it everywhere, also
 * from one corner's window to the other's. */
static void every_tensor_gets_a_gradient(void **state)
{
    const test_target *target = *state;
    train_setup s;
    open_swin(&s, target, "full");
    gr_trainer_params params = train_params(&s, target->device);
    params.weights = params.adapter = NULL;
    train_assert_every_gradient(&s, &params, "swin");
    train_setup_close(&s);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(every_split_gives_the_same_gradients),
        TEST_CASE(every_split_gives_the_same_logits),
        TEST_CASE(every_tensor_gets_a_gradient),
    };
    return TEST_RUN("train swin", cases, TEST_EXECUTING);
}
