/* Stride-1 convolution on channels-last images, and the gradient of its weight. */
#include "ops/conv2d.h"

#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/conv2d.gk.h"
#include "shaders/conv2d_grad_w.gk.h"

static bool infer(gr_value *y)
{
    const gr_shape *x = &y->input[0]->shape, *w = &y->input[1]->shape;
    const gr_conv2d_attrs *attrs = y->attrs;
    bool transposed = attrs->transposed;
    if (x->rank != 4 || w->rank != 4 || x->dim[3] != w->dim[transposed ? 0 : 1])
        return gr_op_mismatch(y, "expected x [B, H, W, C] and weight [O, C, k, k]");
    if (w->dim[2] != w->dim[3] || attrs->pad < 0 || attrs->pad >= w->dim[2])
        return gr_op_mismatch(y, "expected a square kernel and a padding smaller than it");
    if (y->input_count > 2 && !gr_op_is_vector(y->input[2], w->dim[0]))
        return gr_op_mismatch(y, "bias must have one element for each output channel");
    int64_t grow = 2 * attrs->pad + 1;
    y->shape = GR_SHAPE(x->dim[0], x->dim[1] + grow - w->dim[2], x->dim[2] + grow - w->dim[3],
                        w->dim[transposed ? 1 : 0]);
    return (y->shape.dim[1] > 0 && y->shape.dim[2] > 0) ||
           gr_op_mismatch(y, "the kernel is larger than the padded image");
}

static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    gr_value *x = y->input[0], *w = y->input[1];
    if (x->needs_grad) {
        const gr_conv2d_attrs *of_y = y->attrs;
        gr_conv2d_attrs attrs = {(int)w->shape.dim[2] - 1 - of_y->pad, true};
        dx[0] = gr_graph_result(y->graph, &gr_op_conv2d, (gr_value *[]){dy, w}, 2, &attrs);
    }
    if (w->needs_grad)
        dx[1] =
            gr_graph_result(y->graph, &gr_op_conv2d_grad_w, (gr_value *[]){x, dy, w}, 3, y->attrs);
    if (y->input_count > 2 && y->input[2]->needs_grad)
        dx[2] = gr_sum_leading(dy, 1);
}

/* Images that lie densely each, at any distance from one another. */
static gr_view image_view(gr_plan *plan, const gr_value *x, gr_rows *rows)
{
    gr_view view = gr_lower_view(plan, x);
    if (!gr_view_rows(&view, 1, rows)) {
        view = gr_lower_dense(plan, x, false);
        gr_view_rows(&view, 1, rows);
    }
    return view;
}

/* Multiply-adds: every weight meets every output pixel of its channel. */
static double work_of(const gr_shape *y, const gr_shape *weight)
{
    return (double)gr_shape_span(y, 0, 3) * (double)gr_shape_count(weight);
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    if (gr_conv2d_product(plan, y))
        return gr_lower_status(plan);
    const gr_conv2d_attrs *attrs = y->attrs;
    const gr_shape *x_shape = &y->input[0]->shape, *w_shape = &y->input[1]->shape;
    gr_rows rows = {0};
    gr_view x = image_view(plan, y->input[0], &rows);
    gr_view w = gr_lower_dense(plan, y->input[1], true);
    gr_view out = gr_lower_dense_result(plan, y);
    bool bias = y->input_count > 2;
    gr_conv2d_params params = {
        .batch = (uint32_t)x_shape->dim[0],
        .height = (uint32_t)x_shape->dim[1],
        .width = (uint32_t)x_shape->dim[2],
        .cin = (uint32_t)x_shape->dim[3],
        .cout = (uint32_t)y->shape.dim[3],
        .kh = (uint32_t)w_shape->dim[2],
        .kw = (uint32_t)w_shape->dim[3],
        .pad = (uint32_t)attrs->pad,
        .x_offset = rows.offset,
        .x_stride = rows.stride,
        .y_stride = (uint32_t)gr_shape_span(&y->shape, 1, 4),
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_conv2d, &params);
    launch.slot[0] = x.slot;
    launch.slot[1] = w.slot;
    launch.slot[2] = bias ? gr_lower_dense(plan, y->input[2], true).slot : w.slot;
    launch.slot[3] = out.slot;
    launch.tunable[1] = bias;
    launch.tunable[2] = attrs->transposed;
    gr_launch_elements(plan, &launch, params.batch, params.y_stride);
    launch.work = work_of(&y->shape, w_shape);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

const gr_op gr_op_conv2d = {.name = "conv2d",
                            .attrs_bytes = sizeof(gr_conv2d_attrs),
                            .infer = infer,
                            .grad = grad,
                            .lower = lower};

static bool infer_grad_w(gr_value *dw)
{
    dw->shape = dw->input[2]->shape;
    return true;
}

static graft_status lower_grad_w(gr_plan *plan, const gr_value *dw)
{
    if (gr_conv2d_grad_w_product(plan, dw))
        return gr_lower_status(plan);
    const gr_conv2d_attrs *attrs = dw->attrs;
    const gr_shape *x_shape = &dw->input[0]->shape;
    gr_rows x_rows = {0}, dy_rows = {0};
    gr_view x = image_view(plan, dw->input[0], &x_rows);
    gr_view dy = image_view(plan, dw->input[1], &dy_rows);
    gr_conv2d_grad_w_params params = {
        .batch = (uint32_t)x_shape->dim[0],
        .height = (uint32_t)x_shape->dim[1],
        .width = (uint32_t)x_shape->dim[2],
        .cin = (uint32_t)x_shape->dim[3],
        .cout = (uint32_t)dw->shape.dim[0],
        .kh = (uint32_t)dw->shape.dim[2],
        .kw = (uint32_t)dw->shape.dim[3],
        .pad = (uint32_t)attrs->pad,
        .x_offset = x_rows.offset,
        .x_stride = x_rows.stride,
        .dy_offset = dy_rows.offset,
        .dy_stride = dy_rows.stride,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_conv2d_grad_w, &params);
    launch.slot[0] = x.slot;
    launch.slot[1] = dy.slot;
    launch.slot[2] = gr_lower_dense_result(plan, dw).slot;
    gr_launch_rows(plan, &launch, (uint32_t)gr_shape_count(&dw->shape));
    launch.work = work_of(&dw->input[1]->shape, &dw->shape);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

/* Inputs x, dy, and the weight for its shape. */
const gr_op gr_op_conv2d_grad_w = {
    .name = "conv2d_grad_w",
    .attrs_bytes = sizeof(gr_conv2d_attrs),
    .infer = infer_grad_w,
    .lower = lower_grad_w,
};

gr_value *gr_conv2d(gr_value *x, gr_value *weight, gr_value *bias, int pad)
{
    if (!x)
        return NULL;
    gr_conv2d_attrs attrs = {pad, false};
    return gr_graph_result(x->graph, &gr_op_conv2d, (gr_value *[]){x, weight, bias}, bias ? 3 : 2,
                           &attrs);
}

gr_value *gr_patches(gr_value *image, int64_t patch)
{
    if (!image)
        return NULL;
    const gr_shape *s = &image->shape;
    if (s->rank != 4 || patch < 1 || s->dim[2] % patch || s->dim[3] % patch)
        return gr_graph_fail(image->graph, GRAFT_ERR_SHAPE,
                             "patches: image sides must be multiples of the patch size %lld",
                             (long long)patch);
    int64_t b = s->dim[0], c = s->dim[1], gh = s->dim[2] / patch, gw = s->dim[3] / patch;
    gr_value *x = gr_reshape(image, GR_SHAPE(b, c, gh, patch, gw, patch));
    x = gr_permute(x, (int[]){0, 2, 4, 1, 3, 5});
    return gr_reshape(x, GR_SHAPE(b, gh * gw, c * patch * patch));
}
