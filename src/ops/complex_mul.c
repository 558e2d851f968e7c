/* Complex product of a batch with one filter, and the gradient of the filter. */
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/complex_mul.gk.h"
#include "shaders/complex_mul_grad.gk.h"

#include <string.h>

typedef struct complex_mul_attrs {
    bool conjugate; /* the filter */
} complex_mul_attrs;

static bool infer(gr_value *y)
{
    const gr_shape *z = &y->input[0]->shape, *f = &y->input[1]->shape;
    if (f->rank < 1 || z->rank != f->rank + 1 || f->dim[f->rank - 1] != 2 ||
        memcmp(z->dim + 1, f->dim, (size_t)f->rank * sizeof(f->dim[0])) != 0)
        return gr_op_mismatch(y, "expected z [B, .., 2] and filter [.., 2]");
    y->shape = *z;
    return true;
}

/* d/dz = dy conj(filter); d/dfilter = sum over the batch of conj(z) dy, for real losses. */
static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    gr_value *z = y->input[0], *filter = y->input[1];
    if (z->needs_grad) {
        const complex_mul_attrs *of_y = y->attrs;
        complex_mul_attrs attrs = {!of_y->conjugate};
        dx[0] =
            gr_graph_result(y->graph, &gr_op_complex_mul, (gr_value *[]){dy, filter}, 2, &attrs);
    }
    if (filter->needs_grad)
        dx[1] = gr_graph_result(y->graph, &gr_op_complex_mul_grad, (gr_value *[]){dy, z}, 2, NULL);
}

static void shape_params(const gr_shape *shape, uint32_t *rows, uint32_t *cols)
{
    *rows = (uint32_t)shape->dim[0];
    *cols = (uint32_t)(gr_shape_span(shape, 1, shape->rank) / 2);
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    const complex_mul_attrs *attrs = y->attrs;
    gr_complex_mul_params params;
    shape_params(&y->shape, &params.rows, &params.cols);
    gr_launch launch = gr_launch_of(plan, &gr_kernel_complex_mul, &params);
    launch.slot[0] = gr_lower_dense(plan, y->input[0], true).slot;
    launch.slot[1] = gr_lower_dense(plan, y->input[1], true).slot;
    launch.slot[2] = gr_lower_dense_result(plan, y).slot;
    launch.tunable[1] = attrs->conjugate;
    gr_launch_elements(plan, &launch, params.rows, params.cols);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

const gr_op gr_op_complex_mul = {
    .name = "complex_mul",
    .attrs_bytes = sizeof(complex_mul_attrs),
    .infer = infer,
    .grad = grad,
    .lower = lower,
};

static bool infer_grad(gr_value *df)
{
    const gr_shape *dy = &df->input[0]->shape;
    df->shape = gr_shape_of(dy->rank - 1, dy->dim + 1);
    return true;
}

static graft_status lower_grad(gr_plan *plan, const gr_value *df)
{
    gr_complex_mul_grad_params params;
    shape_params(&df->input[0]->shape, &params.rows, &params.cols);
    gr_launch launch = gr_launch_of(plan, &gr_kernel_complex_mul_grad, &params);
    launch.slot[0] = gr_lower_dense(plan, df->input[0], true).slot;
    launch.slot[1] = gr_lower_dense(plan, df->input[1], true).slot;
    launch.slot[2] = gr_lower_dense_result(plan, df).slot;
    gr_launch_elements(plan, &launch, 1, params.cols);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

/* Inputs dy, z. */
const gr_op gr_op_complex_mul_grad = {
    .name = "complex_mul_grad",
    .infer = infer_grad,
    .lower = lower_grad,
};

gr_value *gr_complex_mul(gr_value *z, gr_value *filter)
{
    if (!z)
        return NULL;
    return gr_graph_result(z->graph, &gr_op_complex_mul, (gr_value *[]){z, filter}, 2, NULL);
}
