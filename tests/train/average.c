/* The moving average of the parameters: its formula and timm's, and changing places with the
 * values. */
#include "support.h"

#include "python.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 4, BATCH = 4, CLASSES = 5 };

static gr_trainer *open_average(train_setup *s, const test_target *target)
{
    train_setup_open(s, target->devices->log, "lora+bitfit", BATCH);
    gr_trainer_params params = train_params(s, target->device);
    params.ema = 0.7;
    return train_create(s, &params);
}

static void step(const train_setup *s, gr_trainer *t, uint64_t number)
{
    float loss;
    TEST_OK(s->log, gr_trainer_gradients(t, s->images, s->labels, number, &loss));
    TEST_OK(s->log, gr_trainer_update(t, number, 0.02f));
}

/* average = 0.7 average + 0.3 value, from the start values on. */
static void follows_its_formula(void **state)
{
    train_setup s;
    gr_trainer *t = open_average(&s, *state);
    size_t count;
    float *expected = train_plane(&s, t, GR_PLANE_VALUE, &count);
    float *found = train_plane(&s, t, GR_PLANE_AVERAGE, &count);
    assert_memory_equal(found, expected, count * sizeof(float));
    free(found);
    for (uint64_t i = 0; i < STEPS; i++) {
        step(&s, t, i);
        float *values = train_plane(&s, t, GR_PLANE_VALUE, &count);
        found = train_plane(&s, t, GR_PLANE_AVERAGE, &count);
        for (size_t k = 0; k < count; k++)
            expected[k] = 0.7f * expected[k] + 0.3f * values[k];
        train_assert_close(found, expected, count, 1e-6);
        assert_memory_not_equal(found, values, count * sizeof(float));
        free(values);
        free(found);
    }
    free(expected);
    gr_trainer_destroy(t);
    train_setup_close(&s);
}

static void write_plane(FILE *file, const train_setup *s, gr_trainer *t, gr_param_plane plane)
{
    size_t count;
    float *values = train_plane(s, t, plane, &count);
    assert_int_equal(fwrite(values, sizeof(*values), count, file), count);
    free(values);
}

/* The values that steps leave, from the first ones on, and their averages. */
static size_t write_steps(fixture *f, const test_target *target)
{
    train_setup s;
    gr_trainer *t = open_average(&s, target);
    FILE *values = open_in(f, "values", "wb"), *averages = open_in(f, "averages", "wb");
    write_plane(values, &s, t, GR_PLANE_VALUE);
    for (uint64_t i = 0; i < STEPS; i++) {
        step(&s, t, i);
        write_plane(values, &s, t, GR_PLANE_VALUE);
        write_plane(averages, &s, t, GR_PLANE_AVERAGE);
    }
    size_t count = (size_t)ftell(averages) / sizeof(float);
    assert_int_equal(fclose(values) | fclose(averages), 0);
    gr_trainer_destroy(t);
    train_setup_close(&s);
    return count;
}

static float *read_floats(fixture *f, const char *name, size_t count)
{
    float *values = malloc(count * sizeof(*values));
    FILE *file = open_in(f, name, "rb");
    assert_non_null(values);
    assert_int_equal(fread(values, sizeof(*values), count, file), count);
    fclose(file);
    return values;
}

/* What timm's ModelEmaV2 makes of the same values. */
static void equals_live_timm(void **state)
{
    void *scratch;
    assert_int_equal(fixture_setup(&scratch), 0);
    fixture *f = scratch;
    size_t count = write_steps(f, *state);
    FILE *draws = open_in(f, "draws", "w");
    fprintf(draws, "0.7 %zu\n", count / STEPS);
    fclose(draws);
    bool ran = python_ran(f, "data/transforms.py", "average", "one of torch, torchvision and timm");
    if (ran) {
        float *found = read_floats(f, "averages", count);
        float *expected = read_floats(f, "results", count);
        train_assert_close(found, expected, count, 1e-6);
        free(found);
        free(expected);
    }
    fixture_teardown(&scratch);
    if (!ran)
        skip();
}

/* Logits are those of the averages, then exactly those of the values again; training goes on as if
 * nothing had been. */
static void swaps_exactly(void **state)
{
    train_setup s, undisturbed;
    gr_trainer *t = open_average(&s, *state), *u = open_average(&undisturbed, *state);
    size_t count;
    float before[BATCH * CLASSES], during[BATCH * CLASSES], after[BATCH * CLASSES];
    for (uint64_t i = 0; i < STEPS; i++) {
        step(&s, t, i);
        step(&undisturbed, u, i);
        TEST_OK(s.log, gr_trainer_logits(t, s.images, BATCH, before));
        float *average = train_plane(&s, t, GR_PLANE_AVERAGE, &count);
        TEST_OK(s.log, gr_trainer_swap_average(t));
        float *shown = train_plane(&s, t, GR_PLANE_VALUE, &count);
        assert_memory_equal(shown, average, count * sizeof(float));
        TEST_OK(s.log, gr_trainer_logits(t, s.images, BATCH, during));
        assert_memory_not_equal(during, before, sizeof(before));
        TEST_OK(s.log, gr_trainer_swap_average(t));
        TEST_OK(s.log, gr_trainer_logits(t, s.images, BATCH, after));
        assert_memory_equal(after, before, sizeof(before));
        free(average);
        free(shown);
    }
    for (int plane = 0; plane < GR_PLANE_COUNT; plane++) {
        if (plane == GR_PLANE_GRADIENT)
            continue;
        float *a = train_plane(&s, t, (gr_param_plane)plane, &count);
        float *b = train_plane(&undisturbed, u, (gr_param_plane)plane, &count);
        assert_memory_equal(a, b, count * sizeof(float));
        free(a);
        free(b);
    }
    gr_trainer_destroy(t);
    gr_trainer_destroy(u);
    train_setup_close(&s);
    train_setup_close(&undisturbed);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(follows_its_formula),
        TEST_CASE(equals_live_timm),
        TEST_CASE(swaps_exactly),
    };
    return TEST_RUN("train average", cases, TEST_EXECUTING);
}
