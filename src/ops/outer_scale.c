/* RLRR's effective weight: w[o, j] (1 + scale_out[o] scale_in[j]). */
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/outer_scale.gk.h"

static bool infer(gr_value *y)
{
    const gr_shape *w = &y->input[0]->shape;
    if (w->rank != 2 || gr_shape_count(&y->input[1]->shape) != w->dim[0] ||
        gr_shape_count(&y->input[2]->shape) != w->dim[1])
        return gr_op_mismatch(y, "expected w [O, I], scale_out [O], scale_in [I]");
    y->shape = *w;
    return true;
}

static gr_value *column(gr_value *v)
{
    return v ? gr_reshape(v, GR_SHAPE(gr_shape_count(&v->shape), 1)) : NULL;
}

/* With G = dy * w:  dscale_out = G scale_in,  dscale_in = G^T scale_out. */
static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    gr_value *w = y->input[0], *out = y->input[1], *in = y->input[2];
    if (w->needs_grad)
        dx[0] = gr_outer_scale(dy, out, in);
    if (!out->needs_grad && !in->needs_grad)
        return;
    gr_value *g = gr_mul(dy, w);
    if (out->needs_grad)
        dx[1] = gr_reshape(gr_matmul(g, column(in), NULL, 1.0f), out->shape);
    if (in->needs_grad)
        dx[2] = gr_reshape(gr_matmul(gr_transpose(g), column(out), NULL, 1.0f), in->shape);
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    gr_rows rows = {0};
    gr_view w = gr_lower_view(plan, y->input[0]);
    if (!gr_view_rows(&w, 1, &rows)) {
        w = gr_lower_dense(plan, y->input[0], false);
        gr_view_rows(&w, 1, &rows);
    }
    gr_outer_scale_params params = {
        .rows = rows.rows,
        .cols = rows.cols,
        .w_offset = rows.offset,
        .w_stride = rows.stride,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_outer_scale, &params);
    launch.slot[0] = w.slot;
    launch.slot[1] = gr_lower_dense(plan, y->input[1], true).slot;
    launch.slot[2] = gr_lower_dense(plan, y->input[2], true).slot;
    launch.slot[3] = gr_lower_dense_result(plan, y).slot;
    gr_launch_elements(plan, &launch, params.rows, params.cols);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

const gr_op gr_op_outer_scale = {
    .name = "outer_scale",
    .infer = infer,
    .grad = grad,
    .lower = lower,
};

gr_value *gr_outer_scale(gr_value *w, gr_value *scale_out, gr_value *scale_in)
{
    if (!w)
        return NULL;
    return gr_graph_result(w->graph, &gr_op_outer_scale, (gr_value *[]){w, scale_out, scale_in}, 3,
                           NULL);
}
