/* Batches of bytes that the device normalises are those that the host normalised, to the last bit;
 * and a batch that is staged beside the one at work changes nothing. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 7, STEPS = 4, SIDE = 16, AREA = SIDE * SIDE };

static const gr_preprocess imagenet = {
    .size = SIDE, .normalization = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}}};

/* Every byte in every channel; another picture for each step. */
static void draw(int step, uint8_t *pixels)
{
    for (int i = 0; i < BATCH * AREA * 3; i++)
        pixels[i] = (uint8_t)(i * 31 + i / 251 + step * 17);
}

static float *normalized(const uint8_t *pixels)
{
    float *images = malloc(sizeof(*images) * BATCH * AREA * 3);
    assert_non_null(images);
    for (int i = 0; i < BATCH; i++)
        gr_normalize(&imagenet.normalization, pixels + (size_t)i * AREA * 3, AREA,
                     images + (size_t)i * AREA * 3);
    return images;
}

static void update(const train_setup *s, gr_trainer *t, int step)
{
    TEST_OK(s->log, gr_trainer_update(t, (uint64_t)step, 0.01f));
}

static graft_batch batch_of(const train_setup *s, int step)
{
    return (graft_batch){.count = step == 1 ? 5 : BATCH, .labels = s->labels};
}

/* Floats of the host, one batch after the other. */
static void train_floats(const train_setup *s, gr_trainer *t, float *losses)
{
    for (int step = 0; step < STEPS; step++) {
        uint8_t pixels[BATCH * AREA * 3];
        draw(step, pixels);
        float *images = normalized(pixels);
        graft_batch batch = batch_of(s, step);
        batch.images = images;
        TEST_OK(s->log, gr_trainer_batch_gradients(t, &batch, (uint64_t)step, &losses[step]));
        update(s, t, step);
        free(images);
    }
}

/* Bytes, the next ones while the last ones are at work; nothing of them is kept. */
static void train_bytes(const train_setup *s, gr_trainer *t, float *losses)
{
    uint8_t pixels[BATCH * AREA * 3];
    for (int step = 0; step < STEPS; step++) {
        graft_batch batch = batch_of(s, step);
        batch.pixels = pixels;
        draw(step, pixels);
        TEST_OK(s->log, gr_trainer_stage(t, &batch, (uint64_t)step));
        memset(pixels, 0xee, sizeof(pixels));
        if (step > 0) {
            TEST_OK(s->log, gr_trainer_finish(t, &losses[step - 1]));
            update(s, t, step - 1);
        }
        TEST_OK(s->log, gr_trainer_start(t));
        TEST_OK(s->log, gr_trainer_queue(t));
    }
    TEST_OK(s->log, gr_trainer_finish(t, &losses[STEPS - 1]));
    update(s, t, STEPS - 1);
}

static void bytes_train_as_floats_do(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, "convpass", BATCH);
    gr_trainer_params params = train_params(&s, target->device);
    params.preprocess = &imagenet;
    params.drop_path = 0.1f;
    for (int micro = BATCH; micro > 0; micro -= 4) { /* 7, 3 */
        float floats[STEPS], bytes[STEPS];
        size_t count;
        params.micro_batch = micro;
        gr_trainer *a = train_create(&s, &params), *b = train_create(&s, &params);
        train_floats(&s, a, floats);
        train_bytes(&s, b, bytes);
        assert_memory_equal(floats, bytes, sizeof(floats));
        float *x = train_plane(&s, a, GR_PLANE_VALUE, &count);
        float *y = train_plane(&s, b, GR_PLANE_VALUE, &count);
        assert_memory_equal(x, y, count * sizeof(*x));
        free(x);
        free(y);
        gr_trainer_destroy(a);
        gr_trainer_destroy(b);
    }
    train_setup_close(&s);
}

/* So are the logits of an evaluation, of batches that are not full as well. */
static void bytes_are_evaluated_as_floats_are(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, "convpass", BATCH);
    gr_trainer_params params = train_params(&s, target->device);
    params.preprocess = &imagenet;
    params.micro_batch = 3;
    gr_trainer *t = train_create(&s, &params);
    size_t values = BATCH * (size_t)s.config.classes, bytes = values * sizeof(float);
    float *of_floats = malloc(bytes), *of_bytes = malloc(bytes);
    assert_true(of_floats && of_bytes);
    for (int step = 0; step < 2; step++) {
        uint8_t pixels[BATCH * AREA * 3];
        draw(step, pixels);
        float *images = normalized(pixels);
        int count = step ? 2 : BATCH;
        TEST_OK(s.log, gr_trainer_logits(t, images, count, of_floats));
        TEST_OK(s.log, gr_trainer_logits_of_pixels(t, pixels, count, of_bytes));
        assert_memory_equal(of_floats, of_bytes, (size_t)count * bytes / BATCH);
        free(images);
    }
    free(of_floats);
    free(of_bytes);
    gr_trainer_destroy(t);
    train_setup_close(&s);
}

int main(void)
{
    const test_case cases[] = {TEST_CASE(bytes_train_as_floats_do),
                               TEST_CASE(bytes_are_evaluated_as_floats_are)};
    return TEST_RUN("pixels", cases, TEST_EXECUTING);
}
