/* Sums that take over the storage of their first operand: where they may, and where they must not,
 * because somebody else reads it. On the reference device, against numbers worked out here. */
#include "devices.h"
#include "ops/ops.h"
#include "plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ROWS = 3, COLS = 4, WIDE = 3 * COLS };

/* One graph: part = columns [first, first + COLS) of 2 x, plus b; and a product that reads what
 * `build` says. */
typedef struct sums {
    graft_device *device;
    gr_graph *graph;
    gr_store *store;
    gr_value *x, *b, *twice;
    float x_data[ROWS * WIDE], b_data[ROWS * COLS];
} sums;

static int open_sums(void **state)
{
    static sums s;
    graft_log *log = test_log_create();
    s = (sums){0};
    TEST_OK(log, graft_device_open(log, "reference:0", "", &s.device));
    TEST_OK(log, gr_store_create(log, gr_device_from_public(s.device), &s.store));
    s.graph = gr_graph_create(log);
    s.x = gr_graph_input(s.graph, "x", GR_F32, GR_SHAPE(ROWS, WIDE));
    s.b = gr_graph_input(s.graph, "b", GR_F32, GR_SHAPE(ROWS, COLS));
    s.twice = gr_scale(s.x, 2.0f);
    for (int i = 0; i < ROWS * WIDE; i++)
        s.x_data[i] = (float)i;
    for (int i = 0; i < ROWS * COLS; i++)
        s.b_data[i] = 100.0f + (float)i;
    *state = &s;
    return 0;
}

static int close_sums(void **state)
{
    sums *s = *state;
    graft_log *log = gr_graph_log(s->graph);
    gr_graph_destroy(s->graph);
    gr_store_destroy(s->store);
    graft_device_close(&s->device);
    graft_log_destroy(&log);
    return 0;
}

/* Runs y twice, and returns the bytes of its plan. */
static uint64_t run(sums *s, gr_value *y, float *out)
{
    graft_log *log = gr_graph_log(s->graph);
    gr_plan_params params = {.store = s->store, .outputs = &y, .output_count = 1};
    gr_plan *plan;
    gr_region x, b;
    TEST_OK(log, gr_graph_status(s->graph));
    TEST_OK(log, gr_plan_create(log, &params, &plan));
    TEST_OK(log, gr_store_value(s->store, s->x, &x));
    TEST_OK(log, gr_store_value(s->store, s->b, &b));
    TEST_OK(log, gr_store_write(s->store, &x, s->x_data));
    TEST_OK(log, gr_store_write(s->store, &b, s->b_data));
    for (int i = 0; i < 2; i++)
        TEST_OK(log, gr_plan_run(plan));
    TEST_OK(log, gr_plan_read(plan, y, out));
    uint64_t bytes = gr_plan_memory(plan, NULL);
    gr_plan_destroy(plan);
    return bytes;
}

static float twice_at(const sums *s, int row, int col)
{
    return 2.0f * s->x_data[row * WIDE + col];
}

/* (part + b) * other, where other starts at column `other`. */
static uint64_t check_product(sums *s, gr_value *part, int other)
{
    float got[ROWS * COLS];
    gr_value *sum = gr_add(part, s->b);
    uint64_t bytes = run(s, gr_mul(sum, gr_slice(s->twice, 1, other, COLS)), got);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLS; c++) {
            float expected =
                (twice_at(s, r, c) + s->b_data[r * COLS + c]) * twice_at(s, r, other + c);
            assert_true(got[r * COLS + c] == expected);
        }
    return bytes;
}

static void parts_that_lie_apart(void **state)
{
    sums *s = *state;
    uint64_t bytes = check_product(s, gr_slice(s->twice, 1, 0, COLS), COLS);
    uint64_t align = gr_device_from_public(s->device)->caps.offset_align;
    uint64_t twice = (ROWS * WIDE * 4 + align - 1) / align * align;
    uint64_t product = (ROWS * COLS * 4 + align - 1) / align * align;
    assert_int_equal(bytes, twice + product); /* and none for the sum */
}

static void parts_that_overlap(void **state)
{
    sums *s = *state;
    check_product(s, gr_slice(s->twice, 1, 0, COLS), COLS - 1);
}

static void two_parts_of_one_value(void **state)
{
    sums *s = *state;
    float got[ROWS * COLS];
    gr_value *sum = gr_add(gr_slice(s->twice, 1, 0, COLS), gr_slice(s->twice, 1, COLS, COLS));
    run(s, gr_mul(sum, s->b), got);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLS; c++)
            assert_true(got[r * COLS + c] ==
                        (twice_at(s, r, c) + twice_at(s, r, COLS + c)) * s->b_data[r * COLS + c]);
}

static void a_part_that_is_read_twice(void **state)
{
    sums *s = *state;
    float got[ROWS * COLS];
    gr_value *part = gr_slice(s->twice, 1, 0, COLS);
    run(s, gr_mul(gr_add(part, s->b), part), got);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLS; c++)
            assert_true(got[r * COLS + c] ==
                        (twice_at(s, r, c) + s->b_data[r * COLS + c]) * twice_at(s, r, c));
}

static void a_whole_that_is_read_too(void **state)
{
    sums *s = *state;
    float got[ROWS * WIDE];
    gr_value *sum = gr_add(gr_slice(s->twice, 1, 0, COLS), s->b);
    gr_value *three[] = {sum, sum, sum};
    run(s, gr_mul(gr_concat(three, 3, 1), s->twice), got);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < WIDE; c++)
            assert_true(got[r * WIDE + c] ==
                        (twice_at(s, r, c % COLS) + s->b_data[r * COLS + c % COLS]) *
                            twice_at(s, r, c));
}

static void inputs_stay_as_they_are(void **state)
{
    sums *s = *state;
    float got[ROWS * COLS], x[ROWS * WIDE];
    gr_region region;
    run(s, gr_add(gr_slice(s->x, 1, 0, COLS), s->b), got);
    TEST_OK(gr_graph_log(s->graph), gr_store_value(s->store, s->x, &region));
    TEST_OK(gr_graph_log(s->graph), gr_store_read(s->store, &region, x));
    assert_memory_equal(x, s->x_data, sizeof(x));
}

static void an_output_stays_as_it_is(void **state)
{
    sums *s = *state;
    float got[ROWS * WIDE];
    graft_log *log = gr_graph_log(s->graph);
    gr_value *sum = gr_add(gr_slice(s->twice, 1, 0, COLS), s->b);
    gr_plan_params params = {
        .store = s->store, .outputs = (gr_value *[]){sum, s->twice}, .output_count = 2};
    gr_plan *plan;
    gr_region x;
    TEST_OK(log, gr_plan_create(log, &params, &plan));
    TEST_OK(log, gr_store_value(s->store, s->x, &x));
    TEST_OK(log, gr_store_write(s->store, &x, s->x_data));
    TEST_OK(log, gr_plan_run(plan));
    TEST_OK(log, gr_plan_read(plan, s->twice, got));
    for (int i = 0; i < ROWS * WIDE; i++)
        assert_true(got[i] == 2.0f * s->x_data[i]);
    gr_plan_destroy(plan);
}

#define SUM_TEST(f) cmocka_unit_test_setup_teardown(f, open_sums, close_sums)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SUM_TEST(parts_that_lie_apart),      SUM_TEST(parts_that_overlap),
        SUM_TEST(a_part_that_is_read_twice), SUM_TEST(a_whole_that_is_read_too),
        SUM_TEST(inputs_stay_as_they_are),   SUM_TEST(an_output_stays_as_it_is),
        SUM_TEST(two_parts_of_one_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
