/* Views: reshape, detach, permute, slice. They move no data; the plan copies where a kernel needs
 * it. */
#include "ops/attrs.h"
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/view.h"

#include <string.h>

/* Of reshape: the result's shape. Of permute: see gr_permute. Of slice: a gr_range. */
typedef struct reshape_attrs {
    gr_shape shape;
} reshape_attrs;

static bool infer_reshape(gr_value *y)
{
    const reshape_attrs *attrs = y->attrs;
    y->shape = attrs->shape;
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
    .attrs_bytes = sizeof(reshape_attrs),
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
    reshape_attrs attrs = {shape};
    return gr_graph_result(x->graph, &gr_op_reshape, &x, 1, &attrs);
}

static bool infer_detach(gr_value *y)
{
    y->shape = y->input[0]->shape;
    y->needs_grad = false;
    return true;
}

static bool view_detach(const gr_value *y, const gr_view *x, gr_view *out)
{
    (void)y;
    *out = *x;
    return true;
}

const gr_op gr_op_detach = {
    .name = "detach",
    .infer = infer_detach,
    .view = view_detach,
};

gr_value *gr_detach(gr_value *x)
{
    return x ? gr_graph_result(x->graph, &gr_op_detach, &x, 1, NULL) : NULL;
}

static bool infer_permute(gr_value *y)
{
    const gr_permute_attrs *attrs = y->attrs;
    const gr_value *x = y->input[0];
    unsigned seen = 0;
    y->shape.rank = x->shape.rank;
    for (int i = 0; i < x->shape.rank; i++) {
        int axis = attrs->axis[i];
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
    const gr_permute_attrs *attrs = y->attrs;
    for (int i = 0; i < y->shape.rank; i++)
        inverse[attrs->axis[i]] = i;
}

static void grad_permute(gr_value *y, gr_value *dy, gr_value **dx)
{
    int inverse[GR_MAX_RANK];
    invert(y, inverse);
    dx[0] = gr_permute(dy, inverse);
}

static bool view_permute(const gr_value *y, const gr_view *x, gr_view *out)
{
    const gr_permute_attrs *attrs = y->attrs;
    *out = gr_view_permute(x, attrs->axis);
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
    const gr_permute_attrs *attrs = y->attrs;
    gr_value *x = gr_slice(y->input[0], attrs->axis[range.axis], range.start, range.length);
    return gr_permute(x, attrs->axis);
}

static bool permute_mixes_rows(const gr_value *y, int i)
{
    (void)i;
    return ((const gr_permute_attrs *)y->attrs)->axis[0] != 0;
}

const gr_op gr_op_permute = {
    .mixes_rows = permute_mixes_rows,
    .name = "permute",
    .attrs_bytes = sizeof(gr_permute_attrs),
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
    gr_permute_attrs attrs = {0};
    for (int i = 0; i < x->shape.rank; i++)
        attrs.axis[i] = axes[i];
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
    const gr_range *r = y->attrs;
    if (r->axis < 0 || r->axis >= x->shape.rank || r->start < 0 || r->length < 1 ||
        r->length > x->shape.dim[r->axis] - r->start)
        return gr_op_mismatch(y, "range outside the axis");
    y->shape = x->shape;
    y->shape.dim[r->axis] = r->length;
    return true;
}

static void grad_slice(gr_value *y, gr_value *dy, gr_value **dx)
{
    const gr_range *r = y->attrs;
    dx[0] = gr_concat_at(&dy, &r->start, 1, r->axis, y->input[0]->shape.dim[r->axis]);
}

static gr_range range_slice(const gr_value *y)
{
    const gr_range *range = y->attrs;
    return *range;
}

static bool view_slice(const gr_value *y, const gr_view *x, gr_view *out)
{
    const gr_range *r = y->attrs;
    *out = gr_view_slice(x, r->axis, r->start, r->length);
    return true;
}

const gr_op gr_op_slice = {
    .name = "slice",
    .attrs_bytes = sizeof(gr_range),
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
    gr_range attrs = {axis, start, length};
    return gr_graph_result(x->graph, &gr_op_slice, &x, 1, &attrs);
}
