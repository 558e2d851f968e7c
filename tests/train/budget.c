/* Steps in pieces, as small as they come, are steps: the same bits. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 3, BATCH = 7 };

static graft_batch batch_of(const train_setup *s)
{
    return (graft_batch){.count = BATCH, .images = s->images, .labels = s->labels};
}

/* Steps with a budget of `seconds` for each call; returns how many calls there were. */
static int train_within(const train_setup *s, gr_trainer *t, double seconds, float losses[STEPS])
{
    graft_batch batch = batch_of(s);
    int calls = 0;
    for (uint64_t step = 0; step < STEPS; step++) {
        bool done = false, updated = false;
        TEST_OK(s->log, gr_trainer_begin(t, &batch, step));
        for (; !updated; calls++) {
            gr_budget budget = gr_budget_begin(seconds);
            if (!done)
                TEST_OK(s->log, gr_trainer_advance(t, &budget, &done, &losses[step]));
            if (done)
                TEST_OK(s->log, gr_trainer_update_within(t, &budget, step, 0.01f, &updated));
        }
    }
    return calls;
}

static void train_whole(const train_setup *s, gr_trainer *t, float losses[STEPS])
{
    for (uint64_t step = 0; step < STEPS; step++) {
        TEST_OK(s->log, gr_trainer_gradients(t, s->images, s->labels, step, &losses[step]));
        TEST_OK(s->log, gr_trainer_update(t, step, 0.01f));
    }
}

static void assert_same_planes(const train_setup *s, gr_trainer *a, gr_trainer *b)
{
    for (int plane = 0; plane <= GR_PLANE_MOMENT2; plane++) {
        size_t count;
        float *x = train_plane(s, a, (gr_param_plane)plane, &count);
        float *y = train_plane(s, b, (gr_param_plane)plane, &count);
        if (memcmp(x, y, count * sizeof(*x)) != 0)
            fail_msg("plane %d differs", plane);
        free(x);
        free(y);
    }
}

/* Three micro-batches, with all random masks. */
static void pieces_give_the_same_bits(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, "freqfit+lora", BATCH);
    train_setup_option(&s, "lora.dropout", "0.3");
    gr_trainer_params params = train_params(&s, target->device);
    params.micro_batch = 3;
    params.drop_path = 0.2f;
    params.ema = 0.9;
    float whole[STEPS] = {0}, pieces[STEPS] = {0}, large[STEPS] = {0};
    gr_trainer *a = train_create(&s, &params), *b = train_create(&s, &params),
               *c = train_create(&s, &params);
    train_whole(&s, a, whole);
    int calls = train_within(&s, b, 0.0, pieces);
    assert_true(calls > STEPS * 3 * 10); /* a piece of a micro-batch for each call */
    assert_int_equal(train_within(&s, c, 3600.0, large), STEPS);
    for (int i = 0; i < STEPS; i++) {
        assert_true(memcmp(&whole[i], &pieces[i], sizeof(float)) == 0);
        assert_true(memcmp(&whole[i], &large[i], sizeof(float)) == 0);
    }
    assert_same_planes(&s, a, b);
    assert_same_planes(&s, a, c);
    gr_trainer_destroy(a);
    gr_trainer_destroy(b);
    gr_trainer_destroy(c);
    train_setup_close(&s);
}

/* Where a piece takes longer than a call may, it becomes smaller with the next batch; and the bits
 * stay the same. */
static void long_pieces_are_cut(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, "lora", BATCH);
    gr_trainer_params params = train_params(&s, target->device);
    gr_trainer *a = train_create(&s, &params), *b = train_create(&s, &params);
    float whole[STEPS], pieces[STEPS];
    int calls[4];
    train_whole(&s, a, whole);
    calls[0] = train_within(&s, b, 0.0, pieces);
    assert_memory_equal(whole, pieces, sizeof(whole));
    assert_same_planes(&s, a, b);
    for (int i = 1; i < 4; i++)
        calls[i] = train_within(&s, b, 0.0, pieces);
    assert_true(calls[1] > calls[0]);
    assert_int_equal(calls[2], calls[3]); /* one kernel is the least */
    assert_int_equal(train_within(&s, b, 3600.0, pieces), STEPS);
    gr_trainer_destroy(a);
    gr_trainer_destroy(b);
    train_setup_close(&s);
}

/* What is known of the pieces decides how many go into a span. */
static void times_tell_how_much_fits(void **state)
{
    double seconds[5] = {10.0, 20.0, 0.0, 5.0, 1e6};
    gr_timings timings = {seconds, 5};
    gr_budget budget = gr_budget_begin(100.0);
    assert_int_equal(gr_budget_take(&budget, &timings, 0, 4), 2); /* what is unknown goes alone */
    assert_int_equal(gr_budget_take(&budget, &timings, 2, 3), 1);
    assert_int_equal(gr_budget_take(&budget, &timings, 3, 1), 1);
    assert_int_equal(gr_budget_take(&budget, &timings, 4, 1), 1); /* at least one */
    assert_false(gr_budget_is_spent(&budget, &timings, 4));
    TEST_OK(NULL, gr_budget_wait(&budget, test_device_of(state), &timings, 2, 1));
    assert_true(seconds[2] > 0.0 && seconds[2] < 10.0);
    assert_true(gr_budget_is_spent(&budget, &timings, 4));
    assert_false(gr_budget_is_spent(&budget, &timings, 3));
    budget = gr_budget_begin(25.0);
    assert_int_equal(gr_budget_take(&budget, &timings, 0, 4), 1);
    budget = gr_budget_begin(0.0);
    assert_int_equal(gr_budget_take(&budget, &timings, 0, 4), 1);
    assert_false(gr_budget_is_spent(&budget, &timings, 0));
    TEST_OK(NULL, gr_budget_wait(&budget, test_device_of(state), &timings, 0, 2));
    assert_true(seconds[0] + seconds[1] < 10.0 && seconds[1] > 1.5 * seconds[0]);
    assert_true(gr_budget_is_spent(&budget, &timings, 0));
}

int main(void)
{
    const test_case cases[] = {TEST_CASE(pieces_give_the_same_bits), TEST_CASE(long_pieces_are_cut),
                               TEST_CASE(times_tell_how_much_fits)};
    return TEST_RUN("budget", cases, TEST_ALL);
}
