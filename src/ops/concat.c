/* Concatenation, and its generalisation: inputs at given starts along an axis, zeros between. */
#include "ops/attrs.h"
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

static bool infer(gr_value *y)
{
    const gr_concat_attrs *attrs = y->attrs;
    int axis = attrs->axis;
    int64_t end = 0;
    y->shape = y->input[0]->shape;
    if (axis < 0 || axis >= y->shape.rank)
        return gr_op_mismatch(y, "no such axis");
    y->shape.dim[axis] = attrs->size;
    for (int i = 0; i < y->input_count; i++) {
        gr_shape shape = y->input[i]->shape;
        if (attrs->start[i] < end)
            return gr_op_mismatch(y, "inputs overlap");
        end = attrs->start[i] + shape.dim[axis];
        shape.dim[axis] = attrs->size;
        if (!gr_shape_equal(&shape, &y->shape))
            return gr_op_mismatch(y, "shapes differ outside the axis");
    }
    if (end > attrs->size)
        return gr_op_mismatch(y, "inputs reach past the end");
    return true;
}

static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    const gr_concat_attrs *attrs = y->attrs;
    int axis = attrs->axis;
    for (int i = 0; i < y->input_count; i++)
        if (y->input[i]->needs_grad)
            dx[i] = gr_slice(dy, axis, attrs->start[i], y->input[i]->shape.dim[axis]);
}

static bool has_gap(const gr_value *y)
{
    const gr_concat_attrs *attrs = y->attrs;
    int64_t filled = 0;
    for (int i = 0; i < y->input_count; i++)
        filled += y->input[i]->shape.dim[attrs->axis];
    return filled != attrs->size;
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    const gr_concat_attrs *attrs = y->attrs;
    int axis = attrs->axis;
    gr_view out = gr_lower_dense_result(plan, y);
    if (has_gap(y))
        gr_lower_fill_zero(plan, out.slot);
    for (int i = 0; i < y->input_count; i++) {
        gr_view from = gr_lower_view(plan, y->input[i]);
        gr_view to = gr_view_slice(&out, axis, attrs->start[i], from.shape.dim[axis]);
        gr_lower_copy(plan, &from, &to, false);
    }
    return gr_lower_status(plan);
}

/* With a gap the whole is filled with zeros when it is lowered, which would erase an input. */
static bool input_view(const gr_value *y, int i, const gr_view *result, gr_view *out)
{
    const gr_concat_attrs *attrs = y->attrs;
    int axis = attrs->axis;
    *out = gr_view_slice(result, axis, attrs->start[i], y->input[i]->shape.dim[axis]);
    return !has_gap(y);
}

/* Only where the range falls into one input: along the axis. */
static gr_value *slice(gr_value *y, gr_range range)
{
    const gr_concat_attrs *attrs = y->attrs;
    if (attrs->axis != range.axis)
        return NULL;
    for (int i = 0; i < y->input_count; i++) {
        int64_t start = range.start - attrs->start[i];
        if (start >= 0 && start + range.length <= y->input[i]->shape.dim[range.axis])
            return gr_slice(y->input[i], range.axis, start, range.length);
    }
    return NULL;
}

/* Gradients of slices are zeros with one block filled in. Blocks that lie apart on one axis are
 * put side by side instead of being added: this is how q, k and v meet again in qkv. */
static gr_value *sum(gr_value *const *results, int count)
{
    gr_value *inputs[GR_MAX_INPUTS];
    int64_t start[GR_MAX_INPUTS], end = 0;
    const gr_concat_attrs *first = results[0]->attrs;
    if (count > GR_MAX_INPUTS)
        return NULL;
    for (int n = 0; n < count; n++) {
        const gr_value *next = NULL; /* the block that starts first at or after `end` */
        int64_t next_start = 0;
        for (int i = 0; i < count; i++) {
            const gr_concat_attrs *attrs = results[i]->attrs;
            if (results[i]->input_count != 1 || attrs->axis != first->axis)
                return NULL;
            if (attrs->start[0] >= end && (!next || attrs->start[0] < next_start)) {
                next = results[i];
                next_start = attrs->start[0];
            }
        }
        if (!next)
            return NULL; /* blocks overlap */
        inputs[n] = next->input[0];
        start[n] = next_start;
        end = start[n] + inputs[n]->shape.dim[first->axis];
    }
    return gr_concat_at(inputs, start, count, first->axis, first->size);
}

const gr_op gr_op_concat = {
    .name = "concat",
    .attrs_bytes = sizeof(gr_concat_attrs),
    .infer = infer,
    .grad = grad,
    .sum = sum,
    .lower = lower,
    .input_view = input_view,
    .slice = slice,
};

gr_value *gr_concat_at(gr_value *const *inputs, const int64_t *start, int count, int axis,
                       int64_t size)
{
    if (count < 1 || !inputs[0])
        return NULL;
    if (count > GR_MAX_INPUTS)
        return gr_graph_fail(inputs[0]->graph, GRAFT_ERR_ARGUMENT, "concat: %d inputs, at most %d",
                             count, GR_MAX_INPUTS);
    gr_concat_attrs attrs = {.axis = axis, .size = size};
    for (int i = 0; i < count; i++)
        attrs.start[i] = start[i];
    return gr_graph_result(inputs[0]->graph, &gr_op_concat, inputs, count, &attrs);
}

gr_value *gr_concat(gr_value *const *inputs, int count, int axis)
{
    int64_t start[GR_MAX_INPUTS] = {0}, size = 0;
    for (int i = 0; i < count && i < GR_MAX_INPUTS; i++) {
        if (!inputs[i])
            return NULL;
        start[i] = size;
        size += axis >= 0 && axis < inputs[i]->shape.rank ? inputs[i]->shape.dim[axis] : 0;
    }
    return gr_concat_at(inputs, start, count, axis, size);
}
