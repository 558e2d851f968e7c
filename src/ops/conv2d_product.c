#include "ops/conv2d.h"

#include "ops/gemm/gemm.h"

/* Whether the row for `kernel` has no kernel of its own. */
static bool is_product(const gr_plan *plan, const char *kernel)
{
    return !gr_lower_variant(plan, kernel, NULL, NULL)->runs;
}

/* x [B, H, W, C] with a border of zeros. */
static gr_view padded(gr_plan *plan, const gr_view *x, int64_t pad)
{
    const int64_t *d = x->shape.dim;
    if (pad == 0)
        return *x;
    gr_view whole = gr_lower_scratch(plan, GR_SHAPE(d[0], d[1] + 2 * pad, d[2] + 2 * pad, d[3]));
    gr_view inside = gr_view_slice(&whole, 1, pad, d[1]);
    inside = gr_view_slice(&inside, 2, pad, d[2]);
    gr_lower_fill_zero(plan, whole.slot);
    gr_lower_copy(plan, x, &inside, false);
    return whole;
}

/* The k x k windows of an image: [B, height, width, k, k, C], dense. */
static gr_view windows_of(gr_plan *plan, const gr_value *image, int64_t k, int64_t pad)
{
    gr_view raw = gr_lower_view(plan, image), x = padded(plan, &raw, pad);
    const int64_t *d = x.shape.dim, *s = x.stride;
    gr_view overlapping = {
        .slot = x.slot,
        .offset = x.offset,
        .shape = GR_SHAPE(d[0], d[1] + 1 - k, d[2] + 1 - k, k, k, d[3]),
        .stride = {s[0], s[1], s[2], s[1], s[2], s[3]},
    };
    gr_view windows = gr_lower_scratch(plan, overlapping.shape);
    gr_lower_copy(plan, &overlapping, &windows, false);
    return windows;
}

/* The weight [O, I, k, k] as [k, k, inputs, outputs], dense; transposed: inputs are O, and the taps
 * go backwards. */
static gr_view taps_of(gr_plan *plan, const gr_value *weight, bool transposed)
{
    gr_view w = gr_lower_view(plan, weight);
    if (transposed) {
        for (int axis = 2; axis < 4; axis++) {
            w.offset += (w.shape.dim[axis] - 1) * w.stride[axis];
            w.stride[axis] = -w.stride[axis];
        }
        w = gr_view_permute(&w, (int[]){2, 3, 0, 1});
    } else {
        w = gr_view_permute(&w, (int[]){2, 3, 1, 0});
    }
    gr_view taps = gr_lower_scratch(plan, w.shape);
    gr_lower_copy(plan, &w, &taps, false);
    return taps;
}

static gr_gemm_operand dense_operand(const gr_view *view, int64_t columns)
{
    return (gr_gemm_operand){.slot = view->slot, .offset = view->offset, .row = columns, .col = 1};
}

bool gr_conv2d_product(gr_plan *plan, const gr_value *y)
{
    if (!is_product(plan, "conv2d"))
        return false;
    const gr_conv2d_attrs *attrs = y->attrs;
    int64_t k = y->input[1]->shape.dim[2], outputs = y->shape.dim[3];
    gr_view windows = windows_of(plan, y->input[0], k, attrs->pad);
    gr_view taps = taps_of(plan, y->input[1], attrs->transposed);
    gr_view out = gr_lower_dense_result(plan, y);
    int64_t columns = gr_shape_span(&windows.shape, 3, 6);
    gr_gemm g = {
        .m = (uint32_t)gr_shape_span(&windows.shape, 0, 3),
        .n = (uint32_t)outputs,
        .k = (uint32_t)columns,
        .outer = 1,
        .inner = 1,
        .a = dense_operand(&windows, columns),
        .b = dense_operand(&taps, outputs),
        .c = dense_operand(&out, outputs),
        .bias_slot = -1,
        .alpha = 1.0f,
    };
    if (y->input_count > 2) {
        gr_view bias = gr_lower_dense(plan, y->input[2], false);
        g.bias_slot = bias.slot;
        g.bias_offset = bias.offset;
    }
    gr_matmul_emit(plan, &g);
    return true;
}

/* dw [O, (k, k, C)] = transposed(dy [rows, O]) windows [rows, (k, k, C)] */
bool gr_conv2d_grad_w_product(gr_plan *plan, const gr_value *dw)
{
    if (!is_product(plan, "conv2d_grad_w"))
        return false;
    const gr_conv2d_attrs *attrs = dw->attrs;
    int64_t k = dw->shape.dim[2], outputs = dw->shape.dim[0];
    gr_view windows = windows_of(plan, dw->input[0], k, attrs->pad);
    gr_view dy = gr_lower_dense(plan, dw->input[1], false);
    gr_view taps = gr_lower_scratch(plan, GR_SHAPE(outputs, k, k, dw->shape.dim[1]));
    int64_t columns = gr_shape_span(&windows.shape, 3, 6);
    gr_gemm g = {
        .m = (uint32_t)outputs,
        .n = (uint32_t)columns,
        .k = (uint32_t)gr_shape_span(&windows.shape, 0, 3),
        .outer = 1,
        .inner = 1,
        .a = {.slot = dy.slot, .offset = dy.offset, .row = 1, .col = outputs},
        .b = dense_operand(&windows, columns),
        .c = dense_operand(&taps, columns),
        .bias_slot = -1,
        .alpha = 1.0f,
    };
    gr_matmul_emit(plan, &g);
    gr_view out = gr_lower_dense_result(plan, dw);
    taps = gr_view_permute(&taps, (int[]){0, 3, 1, 2});
    gr_lower_copy(plan, &taps, &out, false);
    return true;
}
