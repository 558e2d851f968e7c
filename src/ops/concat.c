/* Concatenation, and its generalisation: inputs placed along an axis, zeros between. */
#include "ops/op.h"
#include "ops/ops.h"
#include "plan/lower.h"

static bool infer(gr_value *y)
{
    int axis = y->attr.concat.axis;
    int64_t end = 0;
    y->shape = y->input[0]->shape;
    if (axis < 0 || axis >= y->shape.rank)
        return gr_op_mismatch(y, "no such axis");
    y->shape.dim[axis] = y->attr.concat.size;
    for (int i = 0; i < y->input_count; i++) {
        gr_shape shape = y->input[i]->shape;
        if (y->attr.concat.start[i] < end)
            return gr_op_mismatch(y, "inputs overlap");
        end = y->attr.concat.start[i] + shape.dim[axis];
        shape.dim[axis] = y->attr.concat.size;
        if (!gr_shape_equal(&shape, &y->shape))
            return gr_op_mismatch(y, "shapes differ outside the axis");
    }
    if (end > y->attr.concat.size)
        return gr_op_mismatch(y, "inputs reach past the end");
    return true;
}

static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    int axis = y->attr.concat.axis;
    for (int i = 0; i < y->input_count; i++)
        if (y->input[i]->needs_grad)
            dx[i] = gr_slice(dy, axis, y->attr.concat.start[i], y->input[i]->shape.dim[axis]);
}

static bool has_gap(const gr_value *y)
{
    int64_t filled = 0;
    for (int i = 0; i < y->input_count; i++)
        filled += y->input[i]->shape.dim[y->attr.concat.axis];
    return filled != y->attr.concat.size;
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    int axis = y->attr.concat.axis;
    gr_view out = gr_lower_dense_result(plan, y);
    if (has_gap(y))
        gr_lower_fill_zero(plan, out.slot);
    for (int i = 0; i < y->input_count; i++) {
        gr_view from = gr_lower_view(plan, y->input[i]);
        gr_view to = gr_view_slice(&out, axis, y->attr.concat.start[i], from.shape.dim[axis]);
        gr_lower_copy(plan, &from, &to, false);
    }
    return gr_lower_status(plan);
}

/* With a gap the whole is filled with zeros when it is lowered, which would erase an input. */
static bool input_view(const gr_value *y, int i, const gr_view *result, gr_view *out)
{
    int axis = y->attr.concat.axis;
    *out = gr_view_slice(result, axis, y->attr.concat.start[i], y->input[i]->shape.dim[axis]);
    return !has_gap(y);
}

/* Only where the range falls into one input: along the axis. */
static gr_value *slice(gr_value *y, gr_range range)
{
    if (y->attr.concat.axis != range.axis)
        return NULL;
    for (int i = 0; i < y->input_count; i++) {
        int64_t start = range.start - y->attr.concat.start[i];
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
    const gr_attrs *first = &results[0]->attr;
    if (count > GR_MAX_INPUTS)
        return NULL;
    for (int n = 0; n < count; n++) {
        const gr_value *next = NULL; /* the block that starts first at or after `end` */
        for (int i = 0; i < count; i++) {
            const gr_value *v = results[i];
            if (v->input_count != 1 || v->attr.concat.axis != first->concat.axis)
                return NULL;
            if (v->attr.concat.start[0] >= end &&
                (!next || v->attr.concat.start[0] < next->attr.concat.start[0]))
                next = v;
        }
        if (!next)
            return NULL; /* blocks overlap */
        inputs[n] = next->input[0];
        start[n] = next->attr.concat.start[0];
        end = start[n] + inputs[n]->shape.dim[first->concat.axis];
    }
    return gr_place(inputs, start, count, first->concat.axis, first->concat.size);
}

const gr_op gr_op_concat = {
    .name = "concat",
    .infer = infer,
    .grad = grad,
    .sum = sum,
    .lower = lower,
    .input_view = input_view,
    .slice = slice,
};

gr_value *gr_place(gr_value *const *inputs, const int64_t *start, int count, int axis, int64_t size)
{
    if (count < 1 || !inputs[0])
        return NULL;
    if (count > GR_MAX_INPUTS)
        return gr_graph_fail(inputs[0]->graph, GRAFT_ERR_ARGUMENT, "concat: %d inputs, at most %d",
                             count, GR_MAX_INPUTS);
    gr_attrs attrs = {.concat = {.axis = axis, .size = size}};
    for (int i = 0; i < count; i++)
        attrs.concat.start[i] = start[i];
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
    return gr_place(inputs, start, count, axis, size);
}
