/* Views: reshape, permute, slice. They move no data; the plan copies where a kernel needs it. */
#include "ops/op.h"
#include "ops/ops.h"
#include "plan/view.h"

#include <string.h>

static bool infer_reshape(gr_value *y)
{
    y->shape = y->attr.reshape.shape;
    if (gr_shape_count(&y->shape) != gr_shape_count(&y->input[0]->shape))
        return gr_op_mismatch(y, "element counts differ");
    return true;
}

static void grad_reshape(gr_value *y, gr_value *dy, gr_value **dx)
{
    dx[0] = gr_reshape(dy, y->input[0]->shape);
}

static bool view_reshape(const gr_value *y, const gr_view *x, gr_view *out)
{
    return gr_view_reshape(x, &y->shape, out);
}

static bool input_view_reshape(const gr_value *y, int i, const gr_view *result, gr_view *out)
{
    return gr_view_reshape(result, &y->input[i]->shape, out);
}

/* Only along axes before which, and at which, both shapes agree. */
static gr_value *slice_reshape(gr_value *y, gr_range range)
{
    gr_value *x = y->input[0];
    size_t same = (size_t)range.axis + 1;
    if (x->shape.rank <= range.axis ||
        memcmp(x->shape.dim, y->shape.dim, same * sizeof(x->shape.dim[0])) != 0)
        return NULL;
    gr_shape shape = y->shape;
    shape.dim[range.axis] = range.length;
    return gr_reshape(gr_slice(x, range.axis, range.start, range.length), shape);
}

const gr_op gr_op_reshape = {
    .name = "reshape",
    .infer = infer_reshape,
    .grad = grad_reshape,
    .view = view_reshape,
    .input_view = input_view_reshape,
    .slice = slice_reshape,
};

gr_value *gr_reshape(gr_value *x, gr_shape shape)
{
    if (!x)
        return NULL;
    if (gr_shape_equal(&x->shape, &shape))
        return x;
    gr_attrs attrs = {.reshape = {shape}};
    return gr_graph_result(x->graph, &gr_op_reshape, &x, 1, &attrs);
}

static bool infer_permute(gr_value *y)
{
    const gr_value *x = y->input[0];
    unsigned seen = 0;
    y->shape.rank = x->shape.rank;
    for (int i = 0; i < x->shape.rank; i++) {
        int axis = y->attr.permute.axis[i];
        if (axis < 0 || axis >= x->shape.rank || (seen & 1u << axis))
            return gr_op_mismatch(y, "not a permutation of the axes");
        seen |= 1u << axis;
        y->shape.dim[i] = x->shape.dim[axis];
    }
    return true;
}

/* The permutation that undoes y's. */
static void invert(const gr_value *y, int *inverse)
{
    for (int i = 0; i < y->shape.rank; i++)
        inverse[y->attr.permute.axis[i]] = i;
}

static void grad_permute(gr_value *y, gr_value *dy, gr_value **dx)
{
    int inverse[GR_MAX_RANK];
    invert(y, inverse);
    dx[0] = gr_permute(dy, inverse);
}

static bool view_permute(const gr_value *y, const gr_view *x, gr_view *out)
{
    *out = gr_view_permute(x, y->attr.permute.axis);
    return true;
}

static bool input_view_permute(const gr_value *y, int i, const gr_view *result, gr_view *out)
{
    (void)i;
    int inverse[GR_MAX_RANK];
    invert(y, inverse);
    *out = gr_view_permute(result, inverse);
    return true;
}

static gr_value *slice_permute(gr_value *y, gr_range range)
{
    const int *axes = y->attr.permute.axis;
    return gr_permute(gr_slice(y->input[0], axes[range.axis], range.start, range.length), axes);
}

const gr_op gr_op_permute = {
    .name = "permute",
    .infer = infer_permute,
    .grad = grad_permute,
    .view = view_permute,
    .input_view = input_view_permute,
    .slice = slice_permute,
};

gr_value *gr_permute(gr_value *x, const int *axes)
{
    if (!x)
        return NULL;
    gr_attrs attrs = {0};
    for (int i = 0; i < x->shape.rank; i++)
        attrs.permute.axis[i] = axes[i];
    return gr_graph_result(x->graph, &gr_op_permute, &x, 1, &attrs);
}

gr_value *gr_transpose(gr_value *x)
{
    if (!x)
        return NULL;
    int axes[GR_MAX_RANK], rank = x->shape.rank;
    if (rank < 2)
        return gr_graph_fail(x->graph, GRAFT_ERR_SHAPE, "transpose: needs at least two axes");
    for (int i = 0; i < rank; i++)
        axes[i] = i;
    axes[rank - 1] = rank - 2;
    axes[rank - 2] = rank - 1;
    return gr_permute(x, axes);
}

static bool infer_slice(gr_value *y)
{
    const gr_value *x = y->input[0];
    int axis = y->attr.slice.axis;
    int64_t start = y->attr.slice.start, length = y->attr.slice.length;
    if (axis < 0 || axis >= x->shape.rank || start < 0 || length < 1 ||
        length > x->shape.dim[axis] - start)
        return gr_op_mismatch(y, "range outside the axis");
    y->shape = x->shape;
    y->shape.dim[axis] = length;
    return true;
}

static void grad_slice(gr_value *y, gr_value *dy, gr_value **dx)
{
    int axis = y->attr.slice.axis;
    dx[0] = gr_place(&dy, &y->attr.slice.start, 1, axis, y->input[0]->shape.dim[axis]);
}

static gr_range range_slice(const gr_value *y)
{
    return (gr_range){y->attr.slice.axis, y->attr.slice.start, y->attr.slice.length};
}

static bool view_slice(const gr_value *y, const gr_view *x, gr_view *out)
{
    *out = gr_view_slice(x, y->attr.slice.axis, y->attr.slice.start, y->attr.slice.length);
    return true;
}

const gr_op gr_op_slice = {
    .name = "slice",
    .infer = infer_slice,
    .grad = grad_slice,
    .view = view_slice,
    .range = range_slice,
};

gr_value *gr_slice(gr_value *x, int axis, int64_t start, int64_t length)
{
    if (!x)
        return NULL;
    if (axis >= 0 && axis < x->shape.rank && start == 0 && length == x->shape.dim[axis])
        return x;
    gr_attrs attrs = {.slice = {axis, start, length}};
    return gr_graph_result(x->graph, &gr_op_slice, &x, 1, &attrs);
}
