/* What plans say they will take of a device's memory is what they take. On the null device, which
 * counts, with the capabilities given to it. */
#include "base/log.h"
#include "devices.h"
#include "ops/ops.h"
#include "plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MIB = 1 << 20 };

typedef struct setting {
    graft_log *log;
    graft_device *device;
    gr_device *inner;
    gr_graph *graph;
    gr_store *store;
} setting;

static float numbers[1024 * 2048];

static void open_setting(setting *s, graft_log *log)
{
    s->log = log;
    TEST_OK(log, graft_device_open(log, "null:0", "", &s->device));
    s->inner = gr_device_from_public(s->device);
    s->inner->caps.vector_bits = 256; /* weights are packed */
    s->inner->caps.vector_registers = 16;
    s->inner->caps.shared_bytes = 256 << 10;
    TEST_OK(log, gr_store_create(log, s->inner, &s->store));
    s->graph = gr_graph_create(log);
}

static void close_setting(setting *s)
{
    gr_graph_destroy(s->graph);
    gr_store_destroy(s->store);
    assert_int_equal(s->inner->allocated_bytes, 0);
    graft_device_close(&s->device);
}

static gr_plan *plan_of(const setting *s, gr_value *const *outputs, int count)
{
    gr_plan_params params = {.store = s->store, .outputs = outputs, .output_count = count};
    gr_plan *plan = NULL;
    TEST_OK(s->log, gr_plan_create(s->log, &params, &plan));
    return plan;
}

/* Prepares the plans, and checks that the peak is what they said before. */
static uint64_t check_peak(const setting *s, gr_plan *const *plans, int count)
{
    uint64_t said, again, before = s->inner->allocated_bytes;
    TEST_OK(s->log, gr_plan_peak_memory(plans, count, &said));
    TEST_OK(s->log, gr_plan_peak_memory(plans, count, &again));
    assert_int_equal(said, again);
    assert_int_equal(s->inner->allocated_bytes, before);
    s->inner->peak_bytes = before;
    for (int i = 0; i < count; i++)
        TEST_OK(s->log, gr_plan_prepare(plans[i]));
    assert_int_equal(s->inner->peak_bytes - before, said);
    for (int i = 0; i < count; i++)
        TEST_OK(s->log, gr_plan_run(plans[i]));
    return said;
}

/* y = x w, where w is the largest value by far. */
static gr_value *layer(const setting *s, const char *x, gr_value *w)
{
    return gr_matmul(gr_graph_input(s->graph, x, GR_F32, GR_SHAPE(32, 1024)), w, NULL, 1.0f);
}

static void a_weight_is_there_twice_while_it_is_packed(void **state)
{
    setting s;
    open_setting(&s, *state);
    gr_value *w = gr_graph_frozen(s.graph, "w", GR_SHAPE(1024, 2048), GR_F32, numbers);
    gr_value *y = layer(&s, "x", w);
    gr_plan *plan = plan_of(&s, &y, 1);
    uint64_t peak = check_peak(&s, &plan, 1);
    assert_true(peak > 16 * MIB); /* w, and w packed */
    assert_null(gr_store_find(s.store, "w").buffer);
    assert_true(peak > s.inner->allocated_bytes);
    gr_plan_destroy(plan);
    close_setting(&s);
}

static void plans_of_one_store_share_weights(void **state)
{
    setting s;
    open_setting(&s, *state);
    gr_value *w = gr_graph_frozen(s.graph, "w", GR_SHAPE(1024, 2048), GR_F32, numbers);
    gr_value *v = gr_graph_frozen(s.graph, "v", GR_SHAPE(2048, 1024), GR_F32, numbers);
    gr_value *first = layer(&s, "x", w), *second = layer(&s, "z", w);
    second = gr_matmul(second, v, NULL, 1.0f);
    gr_plan *plans[] = {plan_of(&s, &first, 1), plan_of(&s, &second, 1)};
    uint64_t peak = check_peak(&s, plans, 2);
    assert_in_range(peak, 28 * MIB, 30 * MIB); /* w and v packed, v as it was, inputs */
    gr_plan *another = plan_of(&s, &first, 1);
    assert_true(check_peak(&s, &another, 1) < 4 * MIB); /* all weights are there */
    gr_plan_destroy(another);
    gr_plan_destroy(plans[0]);
    gr_plan_destroy(plans[1]);
    close_setting(&s);
}

/* Four tensors of a little less than 1 MiB fill a block of 4 MiB when each is followed by the gap
 * that offsets of the device need: a fifth opens another block, however small it is. */
static void small_tensors_are_padded(void **state)
{
    setting s;
    open_setting(&s, *state);
    assert_true(s.inner->caps.offset_align > 4);
    const char *const names[] = {"a", "b", "c", "d", "e"};
    gr_value *y[5];
    for (int i = 0; i < 5; i++) {
        int64_t count = i < 4 ? MIB / 4 - 1 : 1;
        y[i] = gr_gelu(gr_graph_frozen(s.graph, names[i], GR_SHAPE(count), GR_F32, numbers));
    }
    gr_plan *plan = plan_of(&s, y, 5);
    assert_int_equal(check_peak(&s, &plan, 1), gr_plan_memory(plan, NULL) + 8 * MIB);
    gr_plan_destroy(plan);
    close_setting(&s);
}

static void a_tentative_plan_that_does_not_fit_says_nothing(void **state)
{
    setting s;
    open_setting(&s, *state);
    gr_value *x = gr_graph_input(s.graph, "x", GR_F32, GR_SHAPE(1024, 1024));
    gr_value *y = gr_slice(x, 0, 0, 1);
    uint64_t bytes;
    for (int tentative = 0; tentative < 2; tentative++) {
        gr_plan_params params = {
            .store = s.store, .outputs = &y, .output_count = 1, .tentative = tentative};
        gr_plan *plan = NULL;
        TEST_OK(s.log, gr_plan_create(s.log, &params, &plan));
        s.inner->caps.max_binding_bytes = 1 * MIB;
        TEST_OK(s.log, gr_fail(s.log, GRAFT_OK, "nothing"));
        assert_int_equal(gr_plan_peak_memory(&plan, 1, &bytes), GRAFT_ERR_DEVICE_MEMORY);
        test_assert_error(s.log, tentative ? "nothing" : "x: 4 MiB");
        gr_plan_destroy(plan);
    }
    close_setting(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weight_is_there_twice_while_it_is_packed),
        cmocka_unit_test(plans_of_one_store_share_weights),
        cmocka_unit_test(small_tensors_are_padded),
        cmocka_unit_test(a_tentative_plan_that_does_not_fit_says_nothing),
    };
    return cmocka_run_group_tests(tests, test_log_open, test_log_close);
}
