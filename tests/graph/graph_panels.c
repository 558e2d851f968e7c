/* What the plan packs for devices with wide vectors. The null device counts, with the capability
 * given to it; tests/ops checks the numbers on real ones. */
#include "backends/null/null.h"
#include "devices.h"
#include "ops/ops.h"
#include "plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ROWS = 100, OUT = 96, IN = 80 };

typedef struct layer {
    graft_device *device;
    gr_device *inner;
    gr_graph *graph;
    gr_store *store;
    gr_value *w, *y, *dx;
    int packed; /* dispatches that prepare() needed */
} layer;

static float weight[OUT * IN];

static void open_layer(layer *l, graft_log *log, bool wide)
{
    TEST_OK(log, graft_device_open(log, "null:0", "", &l->device));
    l->inner = gr_device_from_public(l->device);
    l->inner->caps.vector_bits = wide ? 256 : 0;
    l->inner->caps.vector_registers = wide ? 16 : 0;
    l->inner->caps.shared_bytes = 256 << 10;
    TEST_OK(log, gr_store_create(log, l->inner, &l->store));
    l->graph = gr_graph_create(log);
    l->w = gr_graph_frozen(l->graph, "w", GR_SHAPE(OUT, IN), GR_F32, weight);
    gr_value *x = gr_graph_input(l->graph, "x", GR_F32, GR_SHAPE(ROWS, IN));
    gr_value *dy = gr_graph_input(l->graph, "dy", GR_F32, GR_SHAPE(ROWS, OUT));
    l->y = gr_linear(x, l->w, NULL);
    l->dx = gr_matmul(dy, l->w, NULL, 1.0f);
}

static void close_layer(layer *l)
{
    gr_graph_destroy(l->graph);
    gr_store_destroy(l->store);
    graft_device_close(&l->device);
}

/* Dispatches of one run of a plan of `outputs`; those of the preparation go to l->packed. */
static int dispatches_of(layer *l, graft_log *log, gr_value **outputs, int count)
{
    const gr_null_stats *stats = gr_null_stats_of(l->inner);
    gr_plan_params params = {.store = l->store, .outputs = outputs, .output_count = count};
    gr_plan *plan;
    int before = (int)stats->dispatches;
    TEST_OK(log, gr_plan_create(log, &params, &plan));
    TEST_OK(log, gr_plan_prepare(plan));
    l->packed = (int)stats->dispatches - before;
    TEST_OK(log, gr_plan_run(plan));
    int ran = (int)stats->dispatches - before - l->packed;
    gr_plan_destroy(plan);
    return ran;
}

static void both_directions_share_one_packed_weight(void **state)
{
    layer l;
    open_layer(&l, *state, true);
    assert_int_equal(dispatches_of(&l, *state, (gr_value *[]){l.y, l.dx}, 2), 2);
    assert_int_equal(l.packed, 1);
    assert_null(gr_store_find(l.store, "w").buffer);
    close_layer(&l);
}

static void another_plan_packs_nothing(void **state)
{
    layer l;
    open_layer(&l, *state, true);
    assert_int_equal(dispatches_of(&l, *state, &l.y, 1), 1);
    assert_int_equal(l.packed, 1);
    assert_int_equal(dispatches_of(&l, *state, &l.dx, 1), 1);
    assert_int_equal(l.packed, 0);
    close_layer(&l);
}

static void other_devices_read_the_weight_as_it_is(void **state)
{
    layer l;
    open_layer(&l, *state, false);
    assert_int_equal(dispatches_of(&l, *state, (gr_value *[]){l.y, l.dx}, 2), 2);
    assert_int_equal(l.packed, 0);
    assert_non_null(gr_store_find(l.store, "w").buffer);
    close_layer(&l);
}

static void too_little_shared_memory_means_the_portable_kernel(void **state)
{
    layer l;
    open_layer(&l, *state, true);
    l.inner->caps.shared_bytes = 8 << 10;
    assert_int_equal(dispatches_of(&l, *state, (gr_value *[]){l.y, l.dx}, 2), 2);
    assert_int_equal(l.packed, 0);
    close_layer(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_share_one_packed_weight),
        cmocka_unit_test(another_plan_packs_nothing),
        cmocka_unit_test(other_devices_read_the_weight_as_it_is),
        cmocka_unit_test(too_little_shared_memory_means_the_portable_kernel),
    };
    return cmocka_run_group_tests(tests, test_log_open, test_log_close);
}
