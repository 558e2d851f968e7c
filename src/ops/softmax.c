/* softmax(scale x) along the last axis, and its gradient. */
#include "ops/attrs.h"
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/softmax.gk.h"
#include "shaders/softmax_grad.gk.h"

static float scale_of(const gr_value *y)
{
    const gr_softmax_attrs *attrs = y->attrs;
    return attrs->scale;
}

static bool infer(gr_value *y)
{
    y->shape = y->input[0]->shape;
    return y->shape.rank >= 1 || gr_op_mismatch(y, "needs a last axis");
}

static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    dx[0] = gr_graph_result(y->graph, &gr_op_softmax_grad, (gr_value *[]){y, dy}, 2, y->attrs);
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    gr_view x = gr_lower_dense(plan, y->input[0], true);
    gr_view out = gr_lower_dense_result(plan, y);
    int last = y->shape.rank - 1;
    gr_softmax_params params = {
        .rows = (uint32_t)gr_shape_span(&y->shape, 0, last),
        .cols = (uint32_t)y->shape.dim[last],
        .scale = scale_of(y),
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_softmax, &params);
    launch.slot[0] = x.slot;
    launch.slot[1] = out.slot;
    gr_launch_rows(plan, &launch, params.rows);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

const gr_op gr_op_softmax = {
    .name = "softmax",
    .attrs_bytes = sizeof(gr_softmax_attrs),
    .infer = infer,
    .grad = grad,
    .lower = lower,
    .row_inputs = gr_op_rows_of_first,
};

static graft_status lower_grad(gr_plan *plan, const gr_value *dx)
{
    gr_view y = gr_lower_dense(plan, dx->input[0], true);
    gr_view dy = gr_lower_dense(plan, dx->input[1], true);
    gr_view out = gr_lower_dense_result(plan, dx);
    int last = dx->shape.rank - 1;
    gr_softmax_grad_params params = {
        .rows = (uint32_t)gr_shape_span(&dx->shape, 0, last),
        .cols = (uint32_t)dx->shape.dim[last],
        .scale = scale_of(dx),
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_softmax_grad, &params);
    launch.slot[0] = y.slot;
    launch.slot[1] = dy.slot;
    launch.slot[2] = out.slot;
    gr_launch_rows(plan, &launch, params.rows);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

/* Inputs y = softmax(scale x), dy. */
const gr_op gr_op_softmax_grad = {.name = "softmax_grad",
                                  .attrs_bytes = sizeof(gr_softmax_attrs),
                                  .infer = infer,
                                  .lower = lower_grad};

gr_value *gr_softmax(gr_value *x, float scale)
{
    if (!x)
        return NULL;
    gr_softmax_attrs attrs = {scale};
    return gr_graph_result(x->graph, &gr_op_softmax, &x, 1, &attrs);
}
