/* Dropout and drop-path. The mask is drawn anew by the backward pass, not kept. */
#include "ops/dropout.h"

#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/dropout.gk.h"

static bool infer(gr_value *y)
{
    y->shape = y->input[0]->shape;
    const gr_dropout_attrs *attrs = y->attrs;
    float rate = attrs->rate;
    if (y->shape.rank < 1)
        return gr_op_mismatch(y, "needs a leading axis of samples");
    return (rate >= 0.0f && rate < 1.0f) || gr_op_mismatch(y, "the rate must be in [0, 1)");
}

static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    dx[0] = gr_graph_result(y->graph, &gr_op_dropout, (gr_value *[]){dy, y->input[1]}, 2, y->attrs);
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    const gr_dropout_attrs *attrs = y->attrs;
    gr_dropout_params params = {
        .rows = (uint32_t)y->shape.dim[0],
        .cols = (uint32_t)gr_shape_span(&y->shape, 1, y->shape.rank),
        .per_row = attrs->per_sample,
        .stream = attrs->stream,
        .rate = attrs->rate,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_dropout, &params);
    launch.slot[0] = gr_lower_dense(plan, y->input[0], true).slot;
    launch.slot[1] = gr_lower_dense(plan, y->input[1], true).slot;
    launch.slot[2] = gr_lower_dense_result(plan, y).slot;
    gr_launch_elements(plan, &launch, params.rows, params.cols);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

/* An element is drawn by its index in the tensor, which a slice changes; a sample of drop-path by
 * that of the sample only. */
static uint32_t row_inputs(const gr_value *y, int axis)
{
    const gr_dropout_attrs *attrs = y->attrs;
    return axis == 0 || !attrs->per_sample ? 0 : 1u << 0;
}

/* Inputs x, scalars. */
const gr_op gr_op_dropout = {
    .name = "dropout",
    .attrs_bytes = sizeof(gr_dropout_attrs),
    .infer = infer,
    .grad = grad,
    .lower = lower,
    .row_inputs = row_inputs,
};

gr_value *gr_dropout(gr_value *x, float rate, uint32_t stream, bool per_sample, gr_value *scalars)
{
    if (!x || rate == 0.0f)
        return x;
    gr_dropout_attrs attrs = {rate, stream, per_sample};
    return gr_graph_result(x->graph, &gr_op_dropout, (gr_value *[]){x, scalars}, 2, &attrs);
}
