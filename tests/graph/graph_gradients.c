/* Which gradients a graph gets, and how they are put together. Their numbers: tests/ops. */
#include "toy.h"

#include "devices.h"
#include "ops/operators.h"
#include "ops/ops.h"
#include "passes/passes.h"
#include "plan/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const float zeros[1024];

static int open_graph(void **state)
{
    *state = gr_graph_create(test_log_create());
    return *state ? 0 : -1;
}

static int close_graph(void **state)
{
    graft_log *log = gr_graph_log(*state);
    gr_graph_destroy(*state);
    graft_log_destroy(&log);
    return 0;
}

static gr_value *param(gr_graph *g, const char *name, gr_shape shape)
{
    return gr_graph_param(g, name, shape, GR_F32, zeros);
}

static gr_value *loss_of(gr_graph *g, gr_value *logits)
{
    return gr_cross_entropy(logits,
                            gr_graph_input(g, "labels", GR_I32, GR_SHAPE(logits->shape.dim[0])),
                            gr_graph_input(g, "scalars", GR_F32, GR_SHAPE(16)));
}

static void slices_side_by_side_are_placed_once(void **state)
{
    gr_graph *g = *state;
    gr_value *x = param(g, "x", GR_SHAPE(4, 6)), *grad;
    gr_value *q = gr_slice(x, 1, 0, 2), *k = gr_slice(x, 1, 2, 2), *v = gr_slice(x, 1, 4, 2);
    gr_value *loss = loss_of(g, gr_mul(gr_mul(v, q), k));
    assert_int_equal(gr_graph_gradients(g, loss, &x, 1, &grad), GRAFT_OK);
    assert_ptr_equal(grad->op, &gr_op_concat);
    assert_int_equal(grad->input_count, 3);
    assert_int_equal(toy_count(grad, &gr_op_add), 0);
    gr_view whole = gr_view_dense(0, grad->shape), part;
    for (int i = 0; i < 3; i++) {
        assert_true(grad->op->input_view(grad, i, &whole, &part));
        assert_int_equal(part.offset, 2 * i);
    }
}

static void overlapping_slices_are_added(void **state)
{
    gr_graph *g = *state;
    gr_value *x = param(g, "x", GR_SHAPE(4, 6)), *grad;
    gr_value *loss = loss_of(g, gr_mul(gr_slice(x, 1, 0, 4), gr_slice(x, 1, 2, 4)));
    assert_int_equal(gr_graph_gradients(g, loss, &x, 1, &grad), GRAFT_OK);
    assert_ptr_equal(grad->op, &gr_op_add);
}

/* Nine slices do not fit into one placing. */
static void many_slices_are_added(void **state)
{
    gr_graph *g = *state;
    gr_value *x = param(g, "x", GR_SHAPE(2, 9)), *grad;
    gr_value *y = gr_slice(x, 1, 0, 1);
    for (int i = 1; i < 9; i++)
        y = gr_mul(y, gr_slice(x, 1, i, 1));
    assert_int_equal(gr_graph_gradients(g, loss_of(g, y), &x, 1, &grad), GRAFT_OK);
    assert_true(gr_shape_equal(&grad->shape, &x->shape));
    assert_int_equal(toy_count(grad, &gr_op_add), 8);
}

static void parameters_without_influence_have_none(void **state)
{
    gr_graph *g = *state;
    gr_value *used = param(g, "used", GR_SHAPE(4, 3)), *unused = param(g, "unused", GR_SHAPE(7));
    gr_value *dead_end = gr_gelu(unused);
    gr_value *params[] = {unused, used}, *grads[] = {used, NULL};
    assert_non_null(dead_end);
    assert_int_equal(gr_graph_gradients(g, loss_of(g, used), params, 2, grads), GRAFT_OK);
    assert_null(grads[0]);
    assert_non_null(grads[1]);
}

static void a_loss_of_constants_has_none(void **state)
{
    gr_graph *g = *state;
    gr_value *x = gr_graph_input(g, "x", GR_F32, GR_SHAPE(4, 3));
    gr_value *w = param(g, "w", GR_SHAPE(3)), *grad = w;
    assert_int_equal(gr_graph_gradients(g, loss_of(g, x), &w, 1, &grad), GRAFT_OK);
    assert_null(grad);
}

/* Below the first parameter nothing is differentiated, and of frozen weights nothing either. */
static void frozen_values_cost_nothing(void **state)
{
    gr_graph *g = *state;
    gr_value *x = gr_graph_input(g, "x", GR_F32, GR_SHAPE(4, 8)), *grad;
    for (int i = 0; i < 4; i++) {
        char name[2] = {(char)('a' + i), 0};
        gr_value *w = gr_graph_frozen(g, name, GR_SHAPE(8, 8), GR_F32, zeros);
        x = gr_linear(x, w, NULL);
        if (i == 2)
            x = gr_add(x, param(g, "bias", GR_SHAPE(8)));
    }
    gr_value *bias = gr_graph_find(g, "bias"), *loss = loss_of(g, x);
    int before = gr_graph_count(g);
    assert_int_equal(gr_graph_gradients(g, loss, &bias, 1, &grad), GRAFT_OK);
    int products = 0;
    for (int id = before; id < gr_graph_count(g); id++)
        products += gr_graph_at(g, id)->op == &gr_op_matmul;
    assert_int_equal(products, 1);
}

static void the_loss_must_be_a_scalar(void **state)
{
    gr_graph *g = *state;
    gr_value *x = param(g, "x", GR_SHAPE(4, 3)), *grad;
    assert_int_equal(gr_graph_gradients(g, gr_gelu(x), &x, 1, &grad), GRAFT_ERR_SHAPE);
    test_assert_error(gr_graph_log(g), "gradients: the loss must be a scalar");
}

static void operators_without_gradient_are_named(void **state)
{
    gr_graph *g = *state;
    gr_value *x = param(g, "x", GR_SHAPE(4, 3)), *grad, *second;
    assert_int_equal(gr_graph_gradients(g, gr_sum_leading(gr_gelu(x), 0), &x, 1, &grad), GRAFT_OK);
    gr_value *loss = gr_sum_leading(grad, 0); /* of the second order */
    assert_int_equal(gr_graph_gradients(g, loss, &x, 1, &second), GRAFT_ERR_UNSUPPORTED);
    test_assert_error(gr_graph_log(g), "unary_grad: has no gradient");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_graph, close_graph)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(slices_side_by_side_are_placed_once),
        TEST(overlapping_slices_are_added),
        TEST(many_slices_are_added),
        TEST(parameters_without_influence_have_none),
        TEST(a_loss_of_constants_has_none),
        TEST(frozen_values_cost_nothing),
        TEST(the_loss_must_be_a_scalar),
        TEST(operators_without_gradient_are_named),
    };
    return cmocka_run_group_tests_name("gradients", tests, NULL, NULL);
}
