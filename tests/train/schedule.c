/* Learning rates against those of the official schedulers, to the last bit. The file holds some
 * epochs of each; GRAFT_GOLDEN_DIR/schedules.json, which is read when there is one, holds all. */
#include "train/schedule.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static double number(const json_t *object, const char *key, double otherwise)
{
    const json_t *value = json_object_get(object, key);
    return value ? json_number_value(value) : otherwise;
}

/* From the words of the file to ours. */
static gr_schedule schedule_of(const json_t *entry)
{
    const char *stepping = json_string_value(json_object_get(entry, "stepping"));
    gr_schedule s = {
        .lr = number(entry, "base_lr", -1),
        .min_lr = number(entry, "min_lr", 0),
        .epochs = number(entry, "epochs", -1),
        .warmup_epochs = number(entry, "warmup_epochs", 0),
        .warmup_lr = number(entry, "warmup_lr", 0),
        .restart_epochs = number(entry, "period", 0),
        .restart_factor = number(entry, "period_mult", 1),
    };
    assert_non_null(stepping);
    bool timm = strcmp(stepping, "S1") == 0 || strcmp(stepping, "S2") == 0;
    bool restarts = strcmp(stepping, "restarts") == 0;
    bool late = restarts || strcmp(stepping, "S2") == 0;
    s.curve = restarts ? GRAFT_SCHEDULE_RESTARTS
              : timm   ? GRAFT_SCHEDULE_TIMM_COSINE
                       : GRAFT_SCHEDULE_COSINE;
    s.step = late                          ? GRAFT_LR_STEP_LATE_EPOCH
             : strcmp(stepping, "S4") == 0 ? GRAFT_LR_STEP_ITERATION
                                           : GRAFT_LR_STEP_EPOCH;
    return s;
}

static void check_entry(const char *name, const json_t *entry)
{
    gr_schedule s = schedule_of(entry);
    uint64_t per_epoch = (uint64_t)number(entry, "iters_per_epoch", 1);
    const json_t *rates = json_object_get(entry, "lr"), *at = json_object_get(entry, "at");
    assert_true(json_array_size(rates) > 20);
    for (size_t i = 0; i < json_array_size(rates); i++) {
        uint64_t step = at ? (uint64_t)json_integer_value(json_array_get(at, i)) : i;
        double expected = json_number_value(json_array_get(rates, i));
        double found = gr_schedule_lr(&s, step, per_epoch);
        if (found != expected)
            fail_msg("%s, step %llu: expected %.17g, found %.17g", name, (unsigned long long)step,
                     expected, found);
    }
}

static void check_file(const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error), *entry;
    const char *name;
    if (!root)
        fail_msg("%s: %s", path, error.text);
    assert_int_equal(json_object_size(root), 8);
    json_object_foreach(root, name, entry) check_entry(name, entry);
    json_decref(root);
}

static void official_rates(void **state)
{
    (void)state;
    const char *more = getenv("GRAFT_GOLDEN_DIR");
    char path[4096];
    check_file(getenv("SCHEDULES"));
    snprintf(path, sizeof(path), "%s/schedules.json", more ? more : "");
    if (more && access(path, R_OK) == 0)
        check_file(path);
    else
        printf("no $GRAFT_GOLDEN_DIR/schedules.json: only the epochs of the committed file\n");
}

/* Within an epoch only the rate of each iteration changes. */
static void steps_of_an_epoch(void **state)
{
    (void)state;
    gr_schedule s = {.curve = GRAFT_SCHEDULE_COSINE, .lr = 1, .epochs = 4, .warmup_epochs = 1};
    s.step = GRAFT_LR_STEP_ITERATION;
    assert_true(gr_schedule_lr(&s, 1, 4) == 0.25);
    assert_true(gr_schedule_lr(&s, 5, 4) < gr_schedule_lr(&s, 4, 4));
    s.step = GRAFT_LR_STEP_EPOCH;
    for (uint64_t step = 4; step < 8; step++)
        assert_true(gr_schedule_lr(&s, step, 4) == 1.0);
    s.step = GRAFT_LR_STEP_LATE_EPOCH;
    for (uint64_t step = 0; step < 8; step++)
        assert_true(gr_schedule_lr(&s, step, 4) == 0.0);
    assert_true(gr_schedule_lr(&s, 8, 4) == 1.0);
}

static void constant_and_cooldown(void **state)
{
    (void)state;
    gr_schedule s = {.lr = 0.5, .min_lr = 0.125, .epochs = 4, .warmup_epochs = 2};
    s.curve = GRAFT_SCHEDULE_CONSTANT;
    assert_true(gr_schedule_lr(&s, 1, 1) == 0.25 && gr_schedule_lr(&s, 9, 1) == 0.5);
    s.curve = GRAFT_SCHEDULE_COSINE;
    assert_true(gr_schedule_lr(&s, 4, 1) == 0.125 && gr_schedule_lr(&s, 9, 1) == 0.125);
    s.curve = GRAFT_SCHEDULE_TIMM_COSINE;
    assert_true(gr_schedule_lr(&s, 4, 1) == 0.125 && gr_schedule_lr(&s, 2, 1) == 0.3125);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(official_rates),
        cmocka_unit_test(steps_of_an_epoch),
        cmocka_unit_test(constant_and_cooldown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
