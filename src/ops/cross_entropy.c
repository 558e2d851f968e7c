/* Cross entropy of logits and labels: the loss, the root of every gradient. */
#include "ops/op.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/cross_entropy.gk.h"
#include "shaders/cross_entropy_grad.gk.h"

static bool infer(gr_value *y)
{
    const gr_value *logits = y->input[0], *labels = y->input[1];
    if (logits->shape.rank != 2 || labels->shape.rank != 1 || labels->dtype != GR_I32 ||
        logits->shape.dim[0] != labels->shape.dim[0])
        return gr_op_mismatch(y, "expected logits [B, C] and labels [B] (I32)");
    y->shape = (gr_shape){.rank = 0};
    return true;
}

static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    if (dy) {
        gr_graph_fail(y->graph, GRAFT_ERR_UNSUPPORTED, "%s: must be the loss itself", y->name);
        return;
    }
    dx[0] = gr_graph_result(y->graph, &gr_op_cross_entropy_grad, y->input, 3, NULL);
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    const gr_shape *logits = &y->input[0]->shape;
    gr_cross_entropy_params params = {(uint32_t)logits->dim[0], (uint32_t)logits->dim[1]};
    gr_launch launch = gr_launch_of(plan, &gr_kernel_cross_entropy, &params);
    for (int i = 0; i < 3; i++)
        launch.slot[i] = gr_lower_dense(plan, y->input[i], true).slot;
    launch.slot[3] = gr_lower_dense_result(plan, y).slot;
    gr_launch_rows(plan, &launch, 1);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

/* Inputs logits, labels, scalars. */
const gr_op gr_op_cross_entropy = {
    .name = "cross_entropy",
    .infer = infer,
    .grad = grad,
    .lower = lower,
};

static bool infer_grad(gr_value *dx)
{
    dx->shape = dx->input[0]->shape;
    return true;
}

static graft_status lower_grad(gr_plan *plan, const gr_value *dx)
{
    gr_cross_entropy_grad_params params = {(uint32_t)dx->shape.dim[0], (uint32_t)dx->shape.dim[1]};
    gr_launch launch = gr_launch_of(plan, &gr_kernel_cross_entropy_grad, &params);
    for (int i = 0; i < 3; i++)
        launch.slot[i] = gr_lower_dense(plan, dx->input[i], true).slot;
    launch.slot[3] = gr_lower_dense_result(plan, dx).slot;
    gr_launch_rows(plan, &launch, params.rows);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

const gr_op gr_op_cross_entropy_grad = {
    .name = "cross_entropy_grad",
    .infer = infer_grad,
    .lower = lower_grad,
};

gr_value *gr_cross_entropy(gr_value *logits, gr_value *labels, gr_value *scalars)
{
    if (!logits)
        return NULL;
    return gr_graph_result(logits->graph, &gr_op_cross_entropy,
                           (gr_value *[]){logits, labels, scalars}, 3, NULL);
}
