/* Cross entropy of logits with labels, or with targets for all classes: the loss, the root of every
 * gradient. */
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/cross_entropy.gk.h"
#include "shaders/cross_entropy_grad.gk.h"

static bool is_soft(const gr_value *y)
{
    return y->input[1]->dtype == GR_F32;
}

static bool infer(gr_value *y)
{
    const gr_shape *logits = &y->input[0]->shape, *labels = &y->input[1]->shape;
    if (logits->rank != 2)
        return gr_op_mismatch(y, "expected logits [B, C]");
    if (is_soft(y) && !gr_shape_equal(logits, labels))
        return gr_op_mismatch(y, "expected targets [B, C] as the logits");
    if (!is_soft(y) && !gr_op_is_vector(y->input[1], logits->dim[0]))
        return gr_op_mismatch(y, "expected labels [B] (I32) for logits [B, C]");
    y->shape = (gr_shape){.rank = 0};
    return true;
}

static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    dx[0] = gr_graph_result(y->graph, &gr_op_cross_entropy_grad, y->input, 3, NULL);
    if (dy) /* a part of the loss only */
        dx[0] = gr_mul(dx[0], dy);
}

/* Labels and targets have a binding each; the one that is absent is bound to the logits. */
static void bind_inputs(gr_plan *plan, gr_launch *launch, const gr_value *y)
{
    bool soft = is_soft(y);
    int logits = gr_lower_dense(plan, y->input[0], true).slot;
    int given = gr_lower_dense(plan, y->input[1], true).slot;
    launch->slot[0] = logits;
    launch->slot[1] = soft ? logits : given;
    launch->slot[2] = soft ? given : logits;
    launch->slot[3] = gr_lower_dense(plan, y->input[2], true).slot;
    launch->slot[4] = gr_lower_dense_result(plan, y).slot;
    launch->tunable[1] = soft;
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    const gr_shape *logits = &y->input[0]->shape;
    gr_cross_entropy_params params = {(uint32_t)logits->dim[0], (uint32_t)logits->dim[1]};
    gr_launch launch = gr_launch_of(plan, &gr_kernel_cross_entropy, &params);
    bind_inputs(plan, &launch, y);
    gr_launch_rows(plan, &launch, 1);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

/* Inputs logits, labels or targets, scalars. */
const gr_op gr_op_cross_entropy = {
    .name = "cross_entropy",
    .infer = infer,
    .grad = grad,
    .is_loss = true,
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
    bind_inputs(plan, &launch, dx);
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

gr_value *gr_soft_cross_entropy(gr_value *logits, gr_value *targets, gr_value *scalars)
{
    return gr_cross_entropy(logits, targets, scalars);
}
