/* x * scale + shift along the last axis. */
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/affine.gk.h"

static bool infer(gr_value *y)
{
    const gr_value *x = y->input[0];
    y->shape = x->shape;
    if (x->shape.rank < 1)
        return gr_op_mismatch(y, "needs a last axis");
    for (int i = 1; i < 3; i++)
        if (!gr_op_is_vector(y->input[i], x->shape.dim[x->shape.rank - 1]))
            return gr_op_mismatch(y, "scale and shift must be as long as the last axis");
    return true;
}

static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    gr_value *x = y->input[0], *scale = y->input[1], *shift = y->input[2];
    if (x->needs_grad)
        dx[0] = gr_mul(dy, scale);
    if (scale->needs_grad)
        dx[1] = gr_sum_leading(gr_mul(dy, x), 1);
    if (shift->needs_grad)
        dx[2] = gr_sum_leading(dy, 1);
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    gr_view x = gr_lower_view(plan, y->input[0]);
    gr_view scale = gr_lower_dense(plan, y->input[1], false);
    gr_view shift = gr_lower_dense(plan, y->input[2], false);
    gr_view out = gr_lower_result(plan, y);
    int last = y->shape.rank - 1;
    gr_rows rows[2];
    if (!gr_view_rows(&x, last, &rows[0]))
        x = gr_lower_dense(plan, y->input[0], false);
    if (!gr_view_rows(&x, last, &rows[0]) || !gr_view_rows(&out, last, &rows[1]))
        return gr_lower_fail(plan, GRAFT_ERR_UNSUPPORTED, "affine: result lies too unevenly");
    gr_affine_params params = {
        .rows = rows[0].rows,
        .cols = rows[0].cols,
        .x_offset = rows[0].offset,
        .x_stride = rows[0].stride,
        .scale_offset = (uint32_t)scale.offset,
        .shift_offset = (uint32_t)shift.offset,
        .y_offset = rows[1].offset,
        .y_stride = rows[1].stride,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_affine, &params);
    launch.slot[0] = x.slot;
    launch.slot[1] = scale.slot;
    launch.slot[2] = shift.slot;
    launch.slot[3] = out.slot;
    gr_launch_elements(plan, &launch, params.rows, params.cols);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

const gr_op gr_op_affine = {
    .name = "affine",
    .infer = infer,
    .grad = grad,
    .lower = lower,
    .row_inputs = gr_op_rows_of_first,
};

gr_value *gr_affine(gr_value *x, gr_value *scale, gr_value *shift)
{
    if (!x)
        return NULL;
    return gr_graph_result(x->graph, &gr_op_affine, (gr_value *[]){x, scale, shift}, 3, NULL);
}
