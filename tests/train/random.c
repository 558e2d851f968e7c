/* Randomness: the same seed gives the same bits, and masks belong to samples. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 5 };

/* A setup in which everything that can be random is. */
static void open_random(train_setup *s, const test_target *target)
{
    train_setup_open(s, target->devices->log, "freqfit+lora+convpass", 6);
    train_setup_option(s, "lora.dropout", "0.3");
    train_setup_option(s, "convpass.dropout", "0.3");
}

/* The same for what does not go with convolutions. */
static void open_random_prompts(train_setup *s, const test_target *target)
{
    train_setup_open(s, target->devices->log, "vpt_deep+adaptformer", 6);
    train_setup_reshape(s, "vpt_deep.num_tokens", "3");
    train_setup_option(s, "vpt_deep.dropout", "0.3");
    train_setup_option(s, "adaptformer.dropout", "0.3");
}

static gr_trainer_params random_params(const train_setup *s, gr_device *device)
{
    gr_trainer_params params = train_params(s, device);
    params.drop_path = 0.3f;
    return params;
}

/* Parameters after a few steps, from start values that are drawn. */
static float *train_steps(const train_setup *s, gr_device *device, uint64_t seed,
                          float losses[STEPS], size_t *count)
{
    gr_trainer_params params = random_params(s, device);
    params.adapter = NULL;
    params.seed = seed;
    gr_trainer *trainer = train_create(s, &params);
    for (uint64_t step = 0; step < STEPS; step++) {
        TEST_OK(s->log, gr_trainer_gradients(trainer, s->images, s->labels, step, &losses[step]));
        TEST_OK(s->log, gr_trainer_update(trainer, step, 1e-2f));
    }
    float *values = train_plane(s, trainer, GR_PLANE_VALUE, count);
    gr_trainer_destroy(trainer);
    return values;
}

static void same_seed_gives_the_same_bits(void **state)
{
    const test_target *target = *state;
    train_setup s;
    float losses[3][STEPS], *values[3];
    size_t count;
    open_random(&s, target);
    values[0] = train_steps(&s, target->device, 7, losses[0], &count);
    values[1] = train_steps(&s, target->device, 7, losses[1], &count);
    values[2] = train_steps(&s, target->device, 8, losses[2], &count);
    assert_memory_equal(values[0], values[1], count * sizeof(float));
    assert_memory_equal(losses[0], losses[1], sizeof(losses[0]));
    assert_memory_not_equal(losses[0], losses[2], sizeof(losses[0]));
    assert_true(losses[0][STEPS - 1] < losses[0][0]);
    for (int i = 0; i < 3; i++)
        free(values[i]);
    train_setup_close(&s);
}

static bool differ(const float *a, const float *b, size_t count)
{
    float largest = train_largest(a, count);
    for (size_t i = 0; i < count; i++)
        if (a[i] - b[i] > 0.05f * largest || b[i] - a[i] > 0.05f * largest)
            return true;
    return false;
}

static void compare_splits(const test_target *target,
                           void (*open)(train_setup *s, const test_target *target))
{
    train_setup s;
    open(&s, target);
    train_assert_splits_agree(&s, random_params(&s, target->device), (int[]){1, 2, 3}, 3);
    train_setup_close(&s);
}

static void masks_do_not_depend_on_the_split(void **state)
{
    compare_splits(*state, open_random);
    compare_splits(*state, open_random_prompts);
}

static void masks_change_with_step_and_seed(void **state)
{
    const test_target *target = *state;
    train_setup s;
    float loss;
    size_t count;
    open_random(&s, target);
    gr_trainer_params params = random_params(&s, target->device);
    gr_trainer *trainer = train_create(&s, &params);
    float *first = train_gradients(&s, trainer, 0, &loss, &count);
    float *second = train_gradients(&s, trainer, 1, &loss, &count);
    float *again = train_gradients(&s, trainer, 0, &loss, &count);
    gr_trainer_destroy(trainer);
    params.seed++;
    float *other = train_first_gradients(&s, &params, &loss, &count);
    assert_true(differ(first, second, count));
    assert_true(differ(first, other, count));
    assert_memory_equal(first, again, count * sizeof(float));
    free(first);
    free(second);
    free(again);
    free(other);
    train_setup_close(&s);
}

/* Each kind of mask alone changes the gradients. */
static void each_rate_acts(void **state)
{
    const test_target *target = *state;
    static const char *const keys[] = {"lora.dropout", "adaptformer.dropout", "vpt_deep.dropout",
                                       NULL};
    train_setup s;
    float loss;
    size_t count;
    train_setup_open(&s, target->devices->log, "vpt_deep+lora+adaptformer", 6);
    train_setup_reshape(&s, "vpt_deep.num_tokens", "3");
    gr_trainer_params params = train_params(&s, target->device);
    float *plain = train_first_gradients(&s, &params, &loss, &count);
    for (int i = 0; i < 4; i++) {
        if (keys[i])
            train_setup_option(&s, keys[i], "0.3");
        params.drop_path = keys[i] ? 0.0f : 0.3f;
        float *dropped = train_first_gradients(&s, &params, &loss, &count);
        assert_true(differ(plain, dropped, count));
        if (keys[i])
            train_setup_option(&s, keys[i], "0");
        free(dropped);
    }
    free(plain);
    train_setup_close(&s);
}

enum { DRAWS = 48 };

/* The losses of one sample with dropped branches that differ, and how often each came. */
static int distinct_losses(const test_target *target, bool elements, int counts[DRAWS])
{
    train_setup s;
    train_setup_open(&s, target->devices->log, "linear", 1);
    gr_trainer_params params = train_params(&s, target->device);
    params.drop_path = 0.5f;
    params.drop_elements = elements;
    gr_trainer *trainer = train_create(&s, &params);
    float seen[DRAWS];
    int distinct = 0;
    memset(counts, 0, DRAWS * sizeof(*counts));
    for (uint64_t step = 0; step < DRAWS; step++) {
        float loss;
        TEST_OK(s.log, gr_trainer_gradients(trainer, s.images, s.labels, step, &loss));
        int i = 0;
        while (i < distinct && memcmp(&seen[i], &loss, sizeof(loss)) != 0)
            i++;
        distinct += i == distinct;
        seen[i] = loss;
        counts[i]++;
    }
    gr_trainer_destroy(trainer);
    train_setup_close(&s);
    return distinct;
}

/* DropPath drops the whole branch of a sample: of two blocks the first has rate 0, so one sample
 * has a loss for each of both, attention only, MLP only and none. */
static void drop_path_drops_whole_branches(void **state)
{
    int counts[DRAWS];
    assert_int_equal(distinct_losses(*state, false, counts), 4);
    for (int i = 0; i < 4; i++)
        assert_in_range(counts[i], 4, 24);
}

/* Elements of branches are dropped in more ways than there are draws. */
static void drop_path_drops_elements(void **state)
{
    int counts[DRAWS];
    assert_int_equal(distinct_losses(*state, true, counts), DRAWS);
}

/* Evaluation is without dropout. */
static void logits_have_no_masks(void **state)
{
    const test_target *target = *state;
    train_setup s;
    float logits[2][6 * 5];
    for (int i = 0; i < 2; i++) {
        if (i == 0)
            open_random(&s, target);
        else
            train_setup_open(&s, target->devices->log, "freqfit+lora+convpass", 6);
        gr_trainer_params params = random_params(&s, target->device);
        params.drop_path = i == 0 ? 0.3f : 0.0f;
        gr_trainer *trainer = train_create(&s, &params);
        TEST_OK(s.log, gr_trainer_logits(trainer, s.images, 6, logits[i]));
        gr_trainer_destroy(trainer);
        train_setup_close(&s);
    }
    assert_memory_equal(logits[0], logits[1], sizeof(logits[0]));
}

static void masks_are_equal_on_all_devices(void **state)
{
    const test_target *target = *state;
    if (!target->devices->reference)
        skip();
    train_setup s;
    float loss, reference_loss;
    size_t count;
    open_random(&s, target);
    gr_trainer_params params = random_params(&s, target->devices->reference);
    float *reference = train_first_gradients(&s, &params, &reference_loss, &count);
    params.device = target->device;
    float *got = train_first_gradients(&s, &params, &loss, &count);
    train_assert_close(got, reference, count, 2e-5);
    assert_float_equal(loss, reference_loss, 1e-5f);
    free(reference);
    free(got);
    train_setup_close(&s);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(same_seed_gives_the_same_bits),
        TEST_CASE(masks_do_not_depend_on_the_split),
        TEST_CASE(masks_change_with_step_and_seed),
        TEST_CASE(each_rate_acts),
        TEST_CASE(drop_path_drops_whole_branches),
        TEST_CASE(drop_path_drops_elements),
        TEST_CASE(logits_have_no_masks),
        TEST_CASE(masks_are_equal_on_all_devices),
    };
    return TEST_RUN("train random", cases, TEST_EXECUTING);
}
