/* Elementwise sum and product; the second operand may be broadcast over leading axes. */
#include "ops/attrs.h"
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/binary.gk.h"

#include <string.h>

enum { FUNC_ADD = 0, FUNC_MUL = 1 };

static float alpha_of(const gr_value *y)
{
    const gr_binary_attrs *attrs = y->attrs;
    return attrs->alpha;
}

static bool infer(gr_value *y)
{
    const gr_value *a = y->input[0], *b = y->input[1];
    int lead = a->shape.rank - b->shape.rank;
    if (lead < 0 || memcmp(a->shape.dim + lead, b->shape.dim,
                           (size_t)b->shape.rank * sizeof(b->shape.dim[0])) != 0)
        return gr_op_mismatch(y, "the second operand must have the trailing axes of the first");
    y->shape = a->shape;
    return true;
}

/* A gradient of the result's shape, summed over the axes along which `operand` was broadcast. */
static gr_value *unbroadcast(gr_value *gradient, const gr_value *operand)
{
    if (!gradient || gradient->shape.rank == operand->shape.rank)
        return gradient;
    return gr_sum_leading(gradient, operand->shape.rank);
}

static void grad_add(gr_value *y, gr_value *dy, gr_value **dx)
{
    if (y->input[0]->needs_grad)
        dx[0] = dy;
    if (y->input[1]->needs_grad)
        dx[1] = unbroadcast(gr_scale(dy, alpha_of(y)), y->input[1]);
}

static void grad_mul(gr_value *y, gr_value *dy, gr_value **dx)
{
    if (y->input[0]->needs_grad)
        dx[0] = gr_scale(gr_mul(dy, y->input[1]), alpha_of(y));
    if (y->input[1]->needs_grad)
        dx[1] = unbroadcast(gr_scale(gr_mul(dy, y->input[0]), alpha_of(y)), y->input[1]);
}

/* Rows x cols for a, result and b, where b repeats every b_rows rows. */
static bool split(const gr_view *a, const gr_view *b, const gr_view *out, gr_rows rows[3])
{
    int lead = a->shape.rank - b->shape.rank;
    if (lead == 0)
        return gr_lower_split((const gr_view *[]){a, b, out}, 3, 0, rows) >= 0;
    for (int axis = lead; axis < a->shape.rank || axis == lead; axis++)
        if (gr_view_rows(a, axis, &rows[0]) && gr_view_rows(b, axis - lead, &rows[1]) &&
            gr_view_rows(out, axis, &rows[2]))
            return true;
    return false;
}

/* a += b, where the sum is all that anybody wants of a. Two parts of one value are added elsewhere:
 * no kernel reads and writes the same slot through two bindings. */
static bool lower_in_place(gr_plan *plan, const gr_value *y)
{
    const gr_value *b = y->input[1];
    gr_view sum;
    if (y->op != &gr_op_add || alpha_of(y) != 1.0f || !gr_shape_equal(&y->shape, &b->shape))
        return false;
    gr_view from = gr_lower_view(plan, b);
    if (from.slot == gr_lower_view(plan, y->input[0]).slot || !gr_lower_in_place(plan, y, &sum))
        return false;
    gr_lower_copy(plan, &from, &sum, true);
    return true;
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    if (lower_in_place(plan, y))
        return gr_lower_status(plan);
    gr_view a = gr_lower_view(plan, y->input[0]), b = gr_lower_view(plan, y->input[1]);
    gr_view out = gr_lower_result(plan, y);
    gr_rows rows[3];
    if (!split(&a, &b, &out, rows)) {
        a = gr_lower_dense(plan, y->input[0], false);
        b = gr_lower_dense(plan, y->input[1], false);
        if (!split(&a, &b, &out, rows))
            return gr_lower_fail(plan, GRAFT_ERR_UNSUPPORTED, "%s: operands lie too unevenly",
                                 y->name);
    }
    gr_binary_params params = {
        .rows = rows[0].rows,
        .cols = rows[0].cols,
        .a_offset = rows[0].offset,
        .a_stride = rows[0].stride,
        .b_offset = rows[1].offset,
        .b_rows = rows[1].rows,
        .b_stride = rows[1].stride,
        .b_step = 1,
        .y_offset = rows[2].offset,
        .y_stride = rows[2].stride,
        .alpha = alpha_of(y),
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_binary, &params);
    launch.slot[0] = a.slot;
    launch.slot[1] = b.slot;
    launch.slot[2] = out.slot;
    launch.tunable[1] = y->op == &gr_op_mul ? FUNC_MUL : FUNC_ADD;
    gr_launch_elements(plan, &launch, params.rows, params.cols);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

static uint32_t row_inputs(const gr_value *y, int axis)
{
    (void)y, (void)axis;
    return 1u << 0 | 1u << 1;
}

const gr_op gr_op_add = {
    .name = "add",
    .attrs_bytes = sizeof(gr_binary_attrs),
    .infer = infer,
    .grad = grad_add,
    .lower = lower,
    .row_inputs = row_inputs,
};

const gr_op gr_op_mul = {
    .name = "mul",
    .attrs_bytes = sizeof(gr_binary_attrs),
    .infer = infer,
    .grad = grad_mul,
    .lower = lower,
    .row_inputs = row_inputs,
};

static gr_value *binary(const gr_op *op, gr_value *a, gr_value *b, float alpha)
{
    if (!a)
        return NULL;
    gr_binary_attrs attrs = {alpha};
    return gr_graph_result(a->graph, op, (gr_value *[]){a, b}, 2, &attrs);
}

gr_value *gr_add(gr_value *a, gr_value *b)
{
    return binary(&gr_op_add, a, b, 1.0f);
}

gr_value *gr_add_scaled(gr_value *a, gr_value *b, float alpha)
{
    return binary(&gr_op_add, a, b, alpha);
}

gr_value *gr_mul(gr_value *a, gr_value *b)
{
    return binary(&gr_op_mul, a, b, 1.0f);
}
