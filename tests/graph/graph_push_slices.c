/* gr_graph_push_slices: the same numbers with less work. */
#include "toy.h"

#include "compare.h"
#include "devices.h"
#include "ops/operators.h"
#include "ops/ops.h"
#include "ops/scalars.h"
#include "plan/plan.h"
#include "passes/passes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 4096 };

/* What one run of a graph gave. */
typedef struct result {
    float values[TOY_MAX_PARAMS + 1][MOST];
    uint64_t memory;
    int dispatches;
} result;

static void write_input(gr_store *store, gr_value *v)
{
    float data[MOST];
    gr_region region;
    size_t count = (size_t)gr_shape_count(&v->shape);
    assert_true(count <= MOST);
    fill_uniform(data, count, -1.0f, 1.0f, 3);
    if (v->dtype == GR_I32)
        memset(data, 0, count * sizeof(int32_t));
    if (strcmp(v->name, "scalars") == 0)
        memcpy(data, &(gr_scalars){.inv_count = 0.5f, .seed_lo = 11, .step = 2},
               sizeof(gr_scalars));
    TEST_OK(gr_store_device(store)->log, gr_store_value(store, v, &region));
    TEST_OK(gr_store_device(store)->log, gr_store_write(store, &region, data));
}

static void run(gr_device *device, gr_graph *graph, gr_value *const *outputs, int count, result *r)
{
    gr_store *store;
    gr_plan *plan;
    TEST_OK(device->log, gr_store_create(device->log, device, &store));
    for (int id = 0; id < gr_graph_count(graph); id++)
        if (gr_graph_at(graph, id)->kind == GR_VALUE_INPUT)
            write_input(store, gr_graph_at(graph, id));
    gr_plan_params params = {.store = store, .outputs = outputs, .output_count = count};
    TEST_OK(device->log, gr_plan_create(device->log, &params, &plan));
    TEST_OK(device->log, gr_plan_run(plan));
    for (int i = 0; i < count; i++) {
        assert_true(gr_shape_count(&outputs[i]->shape) <= MOST);
        TEST_OK(device->log, gr_plan_read(plan, outputs[i], r->values[i]));
    }
    r->memory = gr_plan_memory(plan, NULL);
    r->dispatches = gr_plan_dispatch_count(plan);
    gr_plan_destroy(plan);
    gr_store_destroy(store);
}

static void run_toy(gr_device *device, const toy_config *config, result *r, int64_t *sizes)
{
    toy t;
    toy_open(&t, device->log, config);
    gr_value *outputs[TOY_MAX_PARAMS + 1] = {t.logits};
    for (int i = 0; i < t.param_count; i++) {
        outputs[i + 1] = t.grads[i];
        sizes[i + 1] = gr_shape_count(&t.grads[i]->shape);
    }
    sizes[0] = gr_shape_count(&t.logits->shape);
    run(device, t.graph, outputs, t.param_count + 1, r);
    toy_close(&t);
}

static void compare_toys(gr_device *device, toy_config config, result *plain, result *pushed)
{
    int64_t sizes[TOY_MAX_PARAMS + 1];
    run_toy(device, &config, plain, sizes);
    config.push_slices = true;
    run_toy(device, &config, pushed, sizes);
    for (int i = 0; i <= TOY_MAX_PARAMS; i++) {
        /* Rows that nobody reads have gradients of exactly zero: only the order of sums differs. */
        comparison c = compare_floats(pushed->values[i], plain->values[i], (size_t)sizes[i],
                                      (tolerance){.absolute = 1e-7, .relative = 1e-6});
        char text[256];
        compare_describe(&c, text, sizeof(text));
        if (c.wrong)
            fail_msg("output %d: %s", i, text);
    }
    assert_true(pushed->memory < plain->memory);
}

static const toy_config base = {
    .batch = 2, .tokens = 5, .dim = 8, .heads = 2, .classes = 3, .blocks = 2};

static void a_transformer_gives_the_same(void **state)
{
    const test_target *target = *state;
    result *r = calloc(2, sizeof(*r));
    compare_toys(target->device, base, &r[0], &r[1]);
    assert_true(r[1].dispatches <= r[0].dispatches);
    free(r);
}

static void drop_path_draws_the_same(void **state)
{
    const test_target *target = *state;
    result *r = calloc(2, sizeof(*r));
    toy_config config = base;
    config.drop_path = 0.5f;
    compare_toys(target->device, config, &r[0], &r[1]);
    free(r);
}

static void dropout_draws_the_same(void **state)
{
    const test_target *target = *state;
    result *r = calloc(2, sizeof(*r));
    toy_config config = base;
    config.dropout = 0.5f;
    compare_toys(target->device, config, &r[0], &r[1]);
    free(r);
}

/* The rest looks at graphs with one operator above the slice. */

static gr_value *in(gr_graph *g, const char *name, gr_shape shape)
{
    return gr_graph_input(g, name, GR_F32, shape);
}

/* Narrows `y`, expects equal numbers, and that the largest value of `op` that is still computed
 * has `largest` elements (0: there is none). */
static void check_pushed(const test_target *target, gr_graph *g, gr_value *y, const gr_op *op,
                         int64_t largest)
{
    result *r = calloc(2, sizeof(*r));
    assert_non_null(y);
    run(target->device, g, &y, 1, &r[0]);
    gr_value *pushed = gr_graph_push_slices(g, y);
    assert_non_null(pushed);
    assert_true(gr_shape_equal(&pushed->shape, &y->shape));
    run(target->device, g, &pushed, 1, &r[1]);
    assert_memory_equal(r[0].values[0], r[1].values[0],
                        (size_t)gr_shape_count(&y->shape) * sizeof(float));
    assert_int_equal(toy_largest(pushed, op), largest);
    gr_graph_destroy(g);
    free(r);
}

static void through_broadcast_sums(void **state)
{
    gr_graph *g = gr_graph_create(((const test_target *)*state)->device->log);
    gr_value *x = gr_add(in(g, "x", GR_SHAPE(2, 5, 3)), in(g, "y", GR_SHAPE(5, 3)));
    x = gr_mul(x, in(g, "z", GR_SHAPE(3)));
    check_pushed(*state, g, gr_slice(x, 1, 2, 2), &gr_op_add, 12);
}

static void through_batched_products(void **state)
{
    gr_graph *g = gr_graph_create(((const test_target *)*state)->device->log);
    gr_value *x =
        gr_matmul(in(g, "x", GR_SHAPE(2, 5, 3)), in(g, "y", GR_SHAPE(2, 3, 4)), NULL, 1.0f);
    check_pushed(*state, g, gr_slice(x, 1, 1, 1), &gr_op_matmul, 8);
}

/* Columns of a product, and matrices of a batch, stay as they are. */
static void not_along_other_axes(void **state)
{
    gr_graph *g = gr_graph_create(((const test_target *)*state)->device->log);
    gr_value *x =
        gr_matmul(in(g, "x", GR_SHAPE(2, 5, 3)), in(g, "y", GR_SHAPE(2, 3, 4)), NULL, 1.0f);
    gr_value *y = gr_concat((gr_value *[]){gr_slice(gr_softmax(x, 1.0f), 2, 1, 2)}, 1, 0);
    check_pushed(*state, g, y, &gr_op_matmul, 40);
}

static void through_permute_and_reshape(void **state)
{
    gr_graph *g = gr_graph_create(((const test_target *)*state)->device->log);
    gr_value *x = gr_gelu(in(g, "x", GR_SHAPE(2, 4, 5, 3)));
    x = gr_reshape(gr_permute(x, (int[]){0, 2, 1, 3}), GR_SHAPE(2, 5, 12));
    check_pushed(*state, g, gr_slice(x, 1, 4, 1), &gr_op_unary, 24);
}

/* A reshape that merges the axis of the range stops it. */
static void not_through_merged_axes(void **state)
{
    gr_graph *g = gr_graph_create(((const test_target *)*state)->device->log);
    gr_value *x = gr_reshape(gr_gelu(in(g, "x", GR_SHAPE(4, 5, 3))), GR_SHAPE(20, 3));
    check_pushed(*state, g, gr_slice(x, 0, 3, 4), &gr_op_unary, 60);
}

static void into_one_part_of_a_concatenation(void **state)
{
    gr_graph *g = gr_graph_create(((const test_target *)*state)->device->log);
    gr_value *a = gr_gelu(in(g, "a", GR_SHAPE(2, 1, 3)));
    gr_value *b = gr_gelu(in(g, "b", GR_SHAPE(2, 4, 3)));
    gr_value *x = gr_concat((gr_value *[]){a, b}, 2, 1);
    check_pushed(*state, g, gr_slice(x, 1, 3, 2), &gr_op_concat, 0);
}

static void not_across_parts_or_gaps(void **state)
{
    gr_graph *g = gr_graph_create(((const test_target *)*state)->device->log);
    gr_value *a = in(g, "a", GR_SHAPE(2, 1, 3)), *b = in(g, "b", GR_SHAPE(2, 3, 3));
    gr_value *x = gr_concat_at((gr_value *[]){a, b}, (int64_t[]){0, 2}, 2, 1, 5);
    check_pushed(*state, g, gr_slice(x, 1, 0, 3), &gr_op_concat, 30);
}

/* Readers of different rows: everything is needed. */
static void not_when_more_is_read(void **state)
{
    gr_graph *g = gr_graph_create(((const test_target *)*state)->device->log);
    gr_value *x = gr_gelu(in(g, "x", GR_SHAPE(4, 5, 3)));
    gr_value *y = gr_add(gr_slice(x, 1, 0, 2), gr_slice(x, 1, 2, 2));
    int before = gr_graph_count(g);
    gr_value *pushed = gr_graph_push_slices(g, y);
    assert_ptr_equal(pushed, y);
    assert_int_equal(gr_graph_count(g), before);
    gr_graph_destroy(g);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(a_transformer_gives_the_same),
        TEST_CASE(drop_path_draws_the_same),
        TEST_CASE(dropout_draws_the_same),
        TEST_CASE(through_broadcast_sums),
        TEST_CASE(through_batched_products),
        TEST_CASE(not_along_other_axes),
        TEST_CASE(through_permute_and_reshape),
        TEST_CASE(not_through_merged_axes),
        TEST_CASE(into_one_part_of_a_concatenation),
        TEST_CASE(not_across_parts_or_gaps),
        TEST_CASE(not_when_more_is_read),
    };
    /* The rewriting is the same for all devices: the reference tells whether it is right. */
    setenv("GRAFT_TEST_DEVICES", "", 1);
    return TEST_RUN("push_slices", cases, TEST_EXECUTING);
}
