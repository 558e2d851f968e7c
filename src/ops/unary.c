/* Elementwise functions of one value: scale, gelu (also with tanh), quick gelu, relu, 1 / sqrt. */
#include "ops/attrs.h"
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/unary.gk.h"
#include "shaders/unary_grad.gk.h"

static bool infer_same(gr_value *y)
{
    y->shape = y->input[0]->shape;
    return true;
}

static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    const gr_unary_attrs *attrs = y->attrs;
    if (attrs->func == GR_FUNC_SCALE) {
        dx[0] = gr_scale(dy, attrs->alpha);
        return;
    }
    gr_value *inputs[] = {y->input[0], dy};
    dx[0] = gr_graph_result(y->graph, &gr_op_unary_grad, inputs, 2, y->attrs);
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    const gr_unary_attrs *attrs = y->attrs;
    gr_view x = gr_lower_view(plan, y->input[0]);
    gr_view out = gr_lower_result(plan, y);
    gr_rows rows[2];
    if (gr_lower_split((const gr_view *[]){&x, &out}, 2, 0, rows) < 0) {
        x = gr_lower_dense(plan, y->input[0], false);
        gr_lower_split((const gr_view *[]){&x, &out}, 2, 0, rows);
    }
    gr_unary_params params = {
        .rows = rows[0].rows,
        .cols = rows[0].cols,
        .x_offset = rows[0].offset,
        .x_stride = rows[0].stride,
        .y_offset = rows[1].offset,
        .y_stride = rows[1].stride,
        .alpha = attrs->alpha,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_unary, &params);
    launch.slot[0] = x.slot;
    launch.slot[1] = out.slot;
    launch.tunable[1] = attrs->func;
    gr_launch_elements(plan, &launch, params.rows, params.cols);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

const gr_op gr_op_unary = {
    .name = "unary",
    .attrs_bytes = sizeof(gr_unary_attrs),
    .infer = infer_same,
    .grad = grad,
    .lower = lower,
    .row_inputs = gr_op_rows_of_first,
};

static graft_status lower_grad(gr_plan *plan, const gr_value *y)
{
    const gr_unary_attrs *attrs = y->attrs;
    gr_view x = gr_lower_dense(plan, y->input[0], true);
    gr_view dy = gr_lower_dense(plan, y->input[1], true);
    gr_view out = gr_lower_dense_result(plan, y);
    gr_unary_grad_params params = {.alpha = attrs->alpha};
    gr_fold((uint64_t)gr_shape_count(&y->shape), &params.rows, &params.cols);
    gr_launch launch = gr_launch_of(plan, &gr_kernel_unary_grad, &params);
    launch.slot[0] = x.slot;
    launch.slot[1] = dy.slot;
    launch.slot[2] = out.slot;
    launch.tunable[1] = attrs->func;
    gr_launch_elements(plan, &launch, params.rows, params.cols);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

/* f'(x) dy; inputs x, dy. */
const gr_op gr_op_unary_grad = {
    .name = "unary_grad",
    .attrs_bytes = sizeof(gr_unary_attrs),
    .infer = infer_same,
    .lower = lower_grad,
};

gr_value *gr_unary(gr_value *x, gr_func func, float alpha)
{
    if (!x)
        return NULL;
    gr_unary_attrs attrs = {func, alpha};
    return gr_graph_result(x->graph, &gr_op_unary, &x, 1, &attrs);
}

gr_value *gr_gelu(gr_value *x)
{
    return gr_unary(x, GR_FUNC_GELU, 1.0f);
}

gr_value *gr_quick_gelu(gr_value *x)
{
    return gr_unary(x, GR_FUNC_QUICK_GELU, 1.0f);
}

gr_value *gr_relu(gr_value *x)
{
    return gr_unary(x, GR_FUNC_RELU, 1.0f);
}

gr_value *gr_rsqrt(gr_value *x, float eps)
{
    return gr_unary(x, GR_FUNC_RSQRT, eps);
}

gr_value *gr_scale(gr_value *x, float alpha)
{
    return alpha == 1.0f ? x : gr_unary(x, GR_FUNC_SCALE, alpha);
}
