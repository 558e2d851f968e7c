/* Layer normalisation along the last axis, and its gradient (the statistics are recomputed). */
#include "ops/attrs.h"
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/layer_norm.gk.h"
#include "shaders/layer_norm_grad.gk.h"

static float eps_of(const gr_value *y)
{
    const gr_norm_attrs *attrs = y->attrs;
    return attrs->eps;
}

static bool infer(gr_value *y)
{
    const gr_value *x = y->input[0];
    y->shape = x->shape;
    if (x->shape.rank < 1)
        return gr_op_mismatch(y, "needs a last axis");
    for (int i = 1; i < y->input_count; i++)
        if (!gr_op_is_vector(y->input[i], x->shape.dim[x->shape.rank - 1]))
            return gr_op_mismatch(y, "gamma and beta must be as long as the last axis");
    return true;
}

static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    gr_value *x = y->input[0];
    bool affine = y->input_count == 3;
    if (x->needs_grad)
        dx[0] = gr_graph_result(y->graph, &gr_op_layer_norm_grad,
                                (gr_value *[]){x, dy, affine ? y->input[1] : NULL}, affine ? 3 : 2,
                                y->attrs);
    if (affine && y->input[1]->needs_grad)
        dx[1] = gr_sum_leading(gr_mul(dy, gr_layer_norm(x, NULL, NULL, eps_of(y))), 1);
    if (affine && y->input[2]->needs_grad)
        dx[2] = gr_sum_leading(dy, 1);
}

/* The input as rows of the last axis, with any distance between rows. */
static gr_view row_view(gr_plan *plan, const gr_value *x, gr_rows *rows)
{
    gr_view view = gr_lower_view(plan, x);
    if (!gr_view_rows(&view, x->shape.rank - 1, rows)) {
        view = gr_lower_dense(plan, x, false);
        gr_view_rows(&view, x->shape.rank - 1, rows);
    }
    return view;
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    gr_rows rows = {0};
    gr_view x = row_view(plan, y->input[0], &rows);
    bool affine = y->input_count == 3;
    gr_view out = gr_lower_dense_result(plan, y);
    gr_layer_norm_params params = {
        .rows = rows.rows,
        .cols = rows.cols,
        .x_offset = rows.offset,
        .x_stride = rows.stride,
        .eps = eps_of(y),
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_layer_norm, &params);
    launch.slot[0] = x.slot;
    launch.slot[1] = affine ? gr_lower_dense(plan, y->input[1], true).slot : x.slot;
    launch.slot[2] = affine ? gr_lower_dense(plan, y->input[2], true).slot : x.slot;
    launch.slot[3] = out.slot;
    launch.tunable[1] = affine;
    gr_launch_rows(plan, &launch, params.rows);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

const gr_op gr_op_layer_norm = {
    .name = "layer_norm",
    .attrs_bytes = sizeof(gr_norm_attrs),
    .infer = infer,
    .grad = grad,
    .lower = lower,
    .row_inputs = gr_op_rows_of_first,
};

static bool infer_grad(gr_value *dx)
{
    dx->shape = dx->input[0]->shape;
    return true;
}

static graft_status lower_grad(gr_plan *plan, const gr_value *dx)
{
    gr_rows rows = {0};
    gr_view x = row_view(plan, dx->input[0], &rows);
    bool affine = dx->input_count == 3;
    gr_view dy = gr_lower_dense(plan, dx->input[1], true);
    gr_view out = gr_lower_dense_result(plan, dx);
    gr_layer_norm_grad_params params = {
        .rows = rows.rows,
        .cols = rows.cols,
        .x_offset = rows.offset,
        .x_stride = rows.stride,
        .eps = eps_of(dx),
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_layer_norm_grad, &params);
    launch.slot[0] = x.slot;
    launch.slot[1] = affine ? gr_lower_dense(plan, dx->input[2], true).slot : x.slot;
    launch.slot[2] = dy.slot;
    launch.slot[3] = out.slot;
    launch.tunable[1] = affine;
    gr_launch_rows(plan, &launch, params.rows);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

/* Inputs x, dy and, where there is one, gamma. */
const gr_op gr_op_layer_norm_grad = {
    .name = "layer_norm_grad",
    .attrs_bytes = sizeof(gr_norm_attrs),
    .infer = infer_grad,
    .lower = lower_grad,
};

gr_value *gr_layer_norm(gr_value *x, gr_value *gamma, gr_value *beta, float eps)
{
    if (!x)
        return NULL;
    gr_norm_attrs attrs = {eps};
    return gr_graph_result(x->graph, &gr_op_layer_norm, (gr_value *[]){x, gamma, beta},
                           gamma ? 3 : 1, &attrs);
}
