/* Plans without a GPU: memory layout, limits, sharing, packing, failures. */
#include "toy.h"

#include "backends/null/null.h"
#include "compare.h"
#include "devices.h"
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const toy_config small = {
    .batch = 2, .tokens = 5, .dim = 8, .heads = 2, .classes = 3, .blocks = 3};

/* As large as ViT-B with a batch of 64; only the null device can run it here. */
static const toy_config large = {
    .batch = 64, .tokens = 197, .dim = 768, .heads = 12, .classes = 100, .blocks = 2};

static gr_device *open_device(graft_log *log, const char *id, const char *limits)
{
    graft_device *device = NULL;
    if (limits)
        setenv("GRAFT_LIMITS", limits, 1);
    graft_status status = graft_device_open(log, id, "", &device);
    unsetenv("GRAFT_LIMITS");
    assert_int_equal(status, GRAFT_OK);
    return gr_device_from_public(device);
}

static void close_device(gr_device *device)
{
    graft_device *public_device = gr_device_to_public(device);
    assert_int_equal(graft_device_memory(public_device, NULL), 0);
    graft_device_close(&public_device);
}

/* A plan of the toy's loss and gradients. */
static graft_status plan_toy(const toy *t, gr_store *store, gr_plan **plan)
{
    gr_value *outputs[TOY_MAX_PARAMS + 1] = {t->loss};
    memcpy(outputs + 1, t->grads, sizeof(t->grads));
    gr_plan_params params = {
        .store = store, .outputs = outputs, .output_count = t->param_count + 1};
    return gr_plan_create(gr_graph_log(t->graph), &params, plan);
}

static bool planned(const gr_slot *slot)
{
    return !slot->external && slot->first >= 0;
}

static bool live_together(const gr_slot *a, const gr_slot *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static void check_layout(const gr_plan *plan)
{
    uint64_t align = plan->device->caps.offset_align, used[64] = {0};
    assert_in_range(plan->block_count, 1, 64);
    for (size_t i = 0; i < plan->slot_count; i++) {
        const gr_slot *a = &plan->slots[i];
        if (!planned(a))
            continue;
        assert_int_equal(a->offset % align, 0);
        assert_true(a->offset + a->bytes <= plan->block_bytes[a->block]);
        if (a->offset + a->bytes > used[a->block])
            used[a->block] = a->offset + a->bytes;
        for (size_t k = 0; k < i; k++) {
            const gr_slot *b = &plan->slots[k];
            if (planned(b) && a->block == b->block && live_together(a, b))
                assert_true(a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset);
        }
    }
    for (size_t i = 0; i < plan->block_count; i++) {
        assert_int_equal(used[i], plan->block_bytes[i]);
        assert_true(plan->block_bytes[i] <= plan->device->caps.max_buffer_bytes);
    }
}

static uint64_t sum_of_slots(const gr_plan *plan)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < plan->slot_count; i++)
        sum += planned(&plan->slots[i]) ? plan->slots[i].bytes : 0;
    return sum;
}

static size_t lay_out(graft_log *log, const toy_config *config, const char *limits)
{
    gr_device *device = open_device(log, "null:0", limits);
    gr_store *store;
    gr_plan *plan;
    toy t;
    toy_open(&t, log, config);
    TEST_OK(device->log, gr_store_create(log, device, &store));
    TEST_OK(device->log, plan_toy(&t, store, &plan));
    check_layout(plan);
    uint64_t largest, total = gr_plan_memory(plan, &largest);
    assert_true(largest <= total);
    assert_true(total < sum_of_slots(plan) / 2); /* memory is shared */
    assert_int_equal(gr_null_stats_of(device)->live_buffers, 0);
    size_t blocks = plan->block_count;
    TEST_OK(device->log, gr_plan_prepare(plan));
    TEST_OK(device->log, gr_plan_run(plan));
    const gr_null_stats *stats = gr_null_stats_of(device);
    assert_int_equal(stats->dispatches + stats->fills, gr_plan_dispatch_count(plan));
    assert_in_range(stats->barriers, 1, stats->dispatches + stats->fills - 1);
    gr_plan_destroy(plan);
    gr_store_destroy(store);
    close_device(device);
    toy_close(&t);
    return blocks;
}

static void live_values_do_not_overlap(void **state)
{
    assert_int_equal(lay_out(*state, &small, NULL), 1);
    assert_int_equal(lay_out(*state, &large, NULL), 1);
}

static void blocks_respect_the_largest_buffer(void **state)
{
    assert_true(lay_out(*state, &large, "opencl12-min") > 1);
    assert_true(lay_out(*state, &large, "mali-mid") > 1);
}

static void a_value_beyond_the_limit_is_named(void **state)
{
    gr_device *device = open_device(*state, "null:0", "opencl12-min");
    toy_config config = large;
    gr_store *store;
    gr_plan *plan = NULL;
    toy t;
    config.batch = 256; /* 256 x 197 x 768 floats are 147 MiB */
    toy_open(&t, *state, &config);
    TEST_OK(device->log, gr_store_create(*state, device, &store));
    assert_int_equal(plan_toy(&t, store, &plan), GRAFT_ERR_DEVICE_MEMORY);
    test_assert_error(*state, "MiB that null:0 binds at once: use a smaller batch");
    gr_store_destroy(store);
    close_device(device);
    toy_close(&t);
}

static void a_stored_tensor_beyond_the_limit_is_named(void **state)
{
    gr_device *device = open_device(*state, "null:0", "opencl12-min");
    gr_store *store;
    gr_region region;
    TEST_OK(device->log, gr_store_create(*state, device, &store));
    assert_int_equal(
        gr_store_allocate(store, "table", (uint64_t)129 << 20, GR_MEMORY_DEVICE, &region),
        GRAFT_ERR_DEVICE_MEMORY);
    test_assert_error(*state, "table: 129 MiB, but null:0 binds at most 128 MiB at once");
    gr_store_destroy(store);
    close_device(device);
}

static void nothing_to_compute_is_an_error(void **state)
{
    gr_device *device = open_device(*state, "null:0", NULL);
    gr_store *store;
    gr_plan *plan;
    TEST_OK(device->log, gr_store_create(*state, device, &store));
    assert_int_equal(gr_plan_create(*state, &(gr_plan_params){.store = store}, &plan),
                     GRAFT_ERR_ARGUMENT);
    test_assert_error(*state, "plan: nothing to compute");
    gr_store_destroy(store);
    close_device(device);
}

static void only_outputs_can_be_read(void **state)
{
    gr_device *device = open_device(*state, "null:0", NULL);
    gr_store *store;
    gr_plan *plan;
    float data[64];
    toy t;
    toy_open(&t, *state, &small);
    TEST_OK(device->log, gr_store_create(*state, device, &store));
    TEST_OK(device->log, plan_toy(&t, store, &plan));
    assert_int_equal(gr_plan_read(plan, t.loss, data), GRAFT_ERR_ARGUMENT); /* before a run */
    TEST_OK(device->log, gr_plan_run(plan));
    TEST_OK(device->log, gr_plan_read(plan, t.loss, data));
    assert_int_equal(gr_plan_read(plan, t.logits, data), GRAFT_ERR_ARGUMENT);
    test_assert_error(*state, "matmul: not an output of this plan");
    gr_plan_destroy(plan);
    gr_store_destroy(store);
    close_device(device);
    toy_close(&t);
}

/* A second plan finds the weights of the first: only its own memory comes on top. */
static void plans_share_a_store(void **state)
{
    gr_device *device = open_device(*state, "null:0", NULL);
    const gr_null_stats *stats = gr_null_stats_of(device);
    gr_store *store;
    gr_plan *training, *evaluation;
    toy t;
    toy_open(&t, *state, &small);
    TEST_OK(device->log, gr_store_create(*state, device, &store));
    TEST_OK(device->log, plan_toy(&t, store, &training));
    TEST_OK(device->log, gr_plan_prepare(training));
    uint64_t written = stats->bytes_written;
    int buffers = stats->live_buffers;
    assert_true(written > 0);
    gr_plan_params params = {.store = store, .outputs = &t.logits, .output_count = 1};
    TEST_OK(device->log, gr_plan_create(*state, &params, &evaluation));
    TEST_OK(device->log, gr_plan_prepare(evaluation));
    assert_int_equal(stats->bytes_written, written);
    assert_int_equal(stats->live_buffers, buffers + 1);
    gr_plan_destroy(training);
    TEST_OK(device->log, gr_plan_run(evaluation));
    gr_plan_destroy(evaluation);
    gr_store_destroy(store);
    close_device(device);
    toy_close(&t);
}

/* A stored tensor of another size than the graph's must not be bound. */
static void sizes_in_the_store_are_checked(void **state)
{
    gr_device *device = open_device(*state, "null:0", NULL);
    gr_store *store;
    gr_plan *plan;
    gr_region region;
    toy t;
    toy_open(&t, *state, &small);
    TEST_OK(device->log, gr_store_create(*state, device, &store));
    TEST_OK(device->log, gr_store_allocate(store, "head", 40, GR_MEMORY_DEVICE, &region));
    TEST_OK(device->log, plan_toy(&t, store, &plan));
    assert_int_equal(gr_plan_prepare(plan), GRAFT_ERR_SHAPE);
    test_assert_error(*state, "head: 40 bytes on the device, expected 96");
    gr_plan_destroy(plan);
    gr_store_destroy(store);
    close_device(device);
    toy_close(&t);
}

/* An operator that packs its frozen input: transposed ahead of time, and turned back by the
 * plan. */

static void turn(gr_plan *plan, const gr_view *from, const gr_view *to, void *user)
{
    gr_view turned = gr_view_permute(from, (int[]){1, 0});
    gr_lower_copy(plan, &turned, to, false);
    *(int *)user += 1;
}

static int turns; /* how often `turn` was asked to emit dispatches */

static graft_status lower_packing(gr_plan *plan, const gr_value *y)
{
    gr_view w = gr_lower_view(plan, y->input[0]), out = gr_lower_result(plan, y);
    assert_ptr_equal(gr_lower_frozen_source(plan, &w), y->input[0]);
    gr_shape shape = GR_SHAPE(w.shape.dim[1], w.shape.dim[0]);
    int slot = gr_lower_packed(plan, &w, "turned", shape, turn, &turns);
    assert_int_equal(gr_lower_packed(plan, &w, "turned", shape, turn, &turns), slot);
    gr_view packed = gr_view_dense(slot, shape);
    packed = gr_view_permute(&packed, (int[]){1, 0});
    gr_lower_copy(plan, &packed, &out, false);
    return gr_lower_status(plan);
}

static bool infer_packing(gr_value *y)
{
    y->shape = y->input[0]->shape;
    return true;
}

static const gr_op packing = {.name = "packing", .infer = infer_packing, .lower = lower_packing};

static const float weight[6] = {1, 2, 3, 4, 5, 6};

static gr_value *packed_weight(gr_graph *graph)
{
    gr_value *w = gr_graph_frozen(graph, "w", GR_SHAPE(2, 3), GR_F32, weight);
    return gr_graph_result(graph, &packing, &w, 1, NULL);
}

static void packed_weights_are_made_once(void **state)
{
    gr_device *device = open_device(*state, "null:0", NULL);
    const gr_null_stats *stats = gr_null_stats_of(device);
    gr_graph *graph = gr_graph_create(*state);
    gr_value *y = packed_weight(graph);
    gr_store *store;
    gr_plan *plan[2];
    TEST_OK(device->log, gr_store_create(*state, device, &store));
    turns = 0;
    for (int i = 0; i < 2; i++) {
        gr_plan_params params = {.store = store, .outputs = &y, .output_count = 1};
        TEST_OK(device->log, gr_plan_create(*state, &params, &plan[i]));
        TEST_OK(device->log, gr_plan_prepare(plan[i]));
        assert_int_equal(turns, i + 1);         /* lowered once for each plan, ... */
        assert_int_equal(stats->dispatches, 1); /* but run for the first only */
    }
    assert_null(gr_store_find(store, "w").buffer); /* nobody reads the row-major form */
    for (int i = 0; i < 2; i++)
        TEST_OK(device->log, gr_plan_run(plan[i]));
    assert_int_equal(stats->dispatches, 3);
    gr_plan_destroy(plan[0]);
    gr_plan_destroy(plan[1]);
    gr_store_destroy(store);
    close_device(device);
    gr_graph_destroy(graph);
}

static void packed_weights_are_right(void **state)
{
    gr_device *device = open_device(*state, "reference:0", NULL);
    gr_graph *graph = gr_graph_create(*state);
    gr_value *y = packed_weight(graph);
    gr_store *store;
    float got[6];
    TEST_OK(device->log, gr_store_create(*state, device, &store));
    for (int i = 0; i < 2; i++) {
        gr_plan_params params = {.store = store, .outputs = &y, .output_count = 1};
        gr_plan *plan;
        TEST_OK(device->log, gr_plan_create(*state, &params, &plan));
        TEST_OK(device->log, gr_plan_run(plan));
        TEST_OK(device->log, gr_plan_read(plan, y, got));
        assert_memory_equal(got, weight, sizeof(weight));
        gr_plan_destroy(plan);
    }
    gr_store_destroy(store);
    close_device(device);
    gr_graph_destroy(graph);
}

/* Everything that a device can refuse, refused once: an error, and nothing is left behind. */
static void every_failure_is_survived(void **state)
{
    gr_device *device = open_device(*state, "null:0", NULL);
    graft_status status = GRAFT_ERR_DEVICE;
    toy t;
    toy_open(&t, *state, &small);
    int operations = 0;
    for (; status != GRAFT_OK; operations++) {
        gr_store *store;
        gr_plan *plan;
        TEST_OK(device->log, gr_store_create(*state, device, &store));
        TEST_OK(device->log, plan_toy(&t, store, &plan));
        gr_null_fail_after(device, operations, GRAFT_ERR_DEVICE);
        status = gr_plan_run(plan);
        if (status != GRAFT_OK) {
            assert_int_equal(status, GRAFT_ERR_DEVICE);
            test_assert_error(*state, "null:0: planned failure");
        }
        gr_null_fail_after(device, 0, GRAFT_OK);
        bool recorded = gr_plan_segments(plan) > 0 && plan->segments[0].list;
        if (status != GRAFT_OK && !recorded) /* what failed once is not tried again */
            assert_int_equal(gr_plan_run(plan), GRAFT_ERR_DEVICE);
        gr_plan_destroy(plan);
        gr_store_destroy(store);
        assert_int_equal(gr_null_stats_of(device)->live_buffers, 0);
        assert_int_equal(gr_null_stats_of(device)->live_lists, 0);
    }
    assert_true(operations > 10);
    close_device(device);
    toy_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_values_do_not_overlap),
        cmocka_unit_test(blocks_respect_the_largest_buffer),
        cmocka_unit_test(a_value_beyond_the_limit_is_named),
        cmocka_unit_test(a_stored_tensor_beyond_the_limit_is_named),
        cmocka_unit_test(nothing_to_compute_is_an_error),
        cmocka_unit_test(only_outputs_can_be_read),
        cmocka_unit_test(plans_share_a_store),
        cmocka_unit_test(sizes_in_the_store_are_checked),
        cmocka_unit_test(packed_weights_are_made_once),
        cmocka_unit_test(packed_weights_are_right),
        cmocka_unit_test(every_failure_is_survived),
    };
    return cmocka_run_group_tests_name("plan", tests, test_log_open, test_log_close);
}
