/* Numbers put to given places of a tensor of zeros, and read from there: each is the other's
 * gradient. */
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/gather.gk.h"
#include "shaders/scatter.gk.h"

typedef struct scatter_attrs {
    gr_shape shape; /* of the result */
} scatter_attrs;

/* `size`: of the tensor that the indices are for. What is known when the graph is built is checked:
 * places come from files, too. */
static bool indices_fit(gr_value *y, const gr_value *index, int64_t size)
{
    if (index->dtype != GR_I32 || index->shape.rank != 1)
        return gr_op_mismatch(y, "expected indices [n] (I32)");
    const int32_t *places = index->source;
    for (int64_t j = 0; places && j < index->shape.dim[0]; j++)
        if (places[j] < 0 || places[j] >= size) {
            gr_graph_fail(y->graph, GRAFT_ERR_ARGUMENT,
                          "%s: %s[%lld] is %d, expected 0 to %lld for the places of the tensor",
                          y->op->name, index->name, (long long)j, places[j], (long long)size - 1);
            return false;
        }
    return true;
}

static bool infer_scatter(gr_value *y)
{
    const gr_value *values = y->input[0], *index = y->input[1];
    const scatter_attrs *attrs = y->attrs;
    y->shape = attrs->shape;
    int64_t size = gr_shape_count(&y->shape);
    if (size < 1 || !gr_shape_equal(&values->shape, &index->shape))
        return gr_op_mismatch(y, "expected values [n] and indices [n] into a tensor");
    return indices_fit(y, index, size);
}

static void grad_scatter(gr_value *y, gr_value *dy, gr_value **dx)
{
    dx[0] = gr_gather(dy, y->input[1]);
}

static graft_status lower_scatter(gr_plan *plan, const gr_value *y)
{
    gr_scatter_params params = {
        .count = (uint32_t)y->input[0]->shape.dim[0],
        .size = (uint32_t)gr_shape_count(&y->shape),
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_scatter, &params);
    launch.slot[0] = gr_lower_dense(plan, y->input[0], true).slot;
    launch.slot[1] = gr_lower_dense(plan, y->input[1], true).slot;
    launch.slot[2] = gr_lower_dense_result(plan, y).slot;
    gr_lower_fill_zero(plan, launch.slot[2]);
    gr_launch_flat(plan, &launch, params.count);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

/* Inputs values, index. */
const gr_op gr_op_scatter = {
    .name = "scatter",
    .attrs_bytes = sizeof(scatter_attrs),
    .infer = infer_scatter,
    .grad = grad_scatter,
    .lower = lower_scatter,
};

static bool infer_gather(gr_value *y)
{
    const gr_value *x = y->input[0], *index = y->input[1];
    y->shape = index->shape;
    return indices_fit(y, index, gr_shape_count(&x->shape));
}

static void grad_gather(gr_value *y, gr_value *dy, gr_value **dx)
{
    dx[0] = gr_scatter(dy, y->input[1], y->input[0]->shape);
}

static graft_status lower_gather(gr_plan *plan, const gr_value *y)
{
    gr_gather_params params = {
        .count = (uint32_t)y->shape.dim[0],
        .size = (uint32_t)gr_shape_count(&y->input[0]->shape),
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_gather, &params);
    launch.slot[0] = gr_lower_dense(plan, y->input[0], true).slot;
    launch.slot[1] = gr_lower_dense(plan, y->input[1], true).slot;
    launch.slot[2] = gr_lower_dense_result(plan, y).slot;
    gr_launch_flat(plan, &launch, params.count);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

/* Inputs x, index. */
const gr_op gr_op_gather = {
    .name = "gather",
    .infer = infer_gather,
    .grad = grad_gather,
    .lower = lower_gather,
};

gr_value *gr_scatter(gr_value *values, gr_value *index, gr_shape shape)
{
    if (!values)
        return NULL;
    scatter_attrs attrs = {shape};
    return gr_graph_result(values->graph, &gr_op_scatter, (gr_value *[]){values, index}, 2, &attrs);
}

gr_value *gr_gather(gr_value *x, gr_value *index)
{
    if (!x)
        return NULL;
    return gr_graph_result(x->graph, &gr_op_gather, (gr_value *[]){x, index}, 2, NULL);
}
