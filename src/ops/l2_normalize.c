/* Rows scaled to Euclidean length 1, and the gradient. */
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/l2_normalize.gk.h"
#include "shaders/l2_normalize_grad.gk.h"

/* A row shorter than this is divided by it instead, as torch does. */
static const float MIN_NORM = 1e-12f;

static bool infer(gr_value *y)
{
    y->shape = y->input[0]->shape;
    return y->shape.rank >= 1 || gr_op_mismatch(y, "needs a last axis");
}

static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    gr_value *inputs[] = {y->input[0], dy};
    dx[0] = gr_graph_result(y->graph, &gr_op_l2_normalize_grad, inputs, 2, NULL);
}

static uint32_t rows_of(const gr_shape *shape)
{
    return (uint32_t)gr_shape_span(shape, 0, shape->rank - 1);
}

static uint32_t cols_of(const gr_shape *shape)
{
    return (uint32_t)shape->dim[shape->rank - 1];
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    gr_l2_normalize_params params = {rows_of(&y->shape), cols_of(&y->shape), MIN_NORM};
    gr_launch launch = gr_launch_of(plan, &gr_kernel_l2_normalize, &params);
    launch.slot[0] = gr_lower_dense(plan, y->input[0], true).slot;
    launch.slot[1] = gr_lower_dense_result(plan, y).slot;
    gr_launch_rows(plan, &launch, params.rows);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

const gr_op gr_op_l2_normalize = {
    .name = "l2_normalize",
    .infer = infer,
    .grad = grad,
    .lower = lower,
    .row_inputs = gr_op_rows_of_first,
};

static graft_status lower_grad(gr_plan *plan, const gr_value *dx)
{
    gr_l2_normalize_grad_params params = {rows_of(&dx->shape), cols_of(&dx->shape), MIN_NORM};
    gr_launch launch = gr_launch_of(plan, &gr_kernel_l2_normalize_grad, &params);
    launch.slot[0] = gr_lower_dense(plan, dx->input[0], true).slot;
    launch.slot[1] = gr_lower_dense(plan, dx->input[1], true).slot;
    launch.slot[2] = gr_lower_dense_result(plan, dx).slot;
    gr_launch_rows(plan, &launch, params.rows);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

/* Inputs x, dy. */
const gr_op gr_op_l2_normalize_grad = {
    .name = "l2_normalize_grad",
    .infer = infer,
    .lower = lower_grad,
};

gr_value *gr_l2_normalize(gr_value *x)
{
    return x ? gr_graph_result(x->graph, &gr_op_l2_normalize, &x, 1, NULL) : NULL;
}
