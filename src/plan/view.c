#include "plan/view.h"

gr_view gr_view_dense(int slot, gr_shape shape)
{
    gr_view view = {.slot = slot, .shape = shape};
    int64_t stride = 1;
    for (int i = shape.rank - 1; i >= 0; i--) {
        view.stride[i] = stride;
        stride *= shape.dim[i];
    }
    return view;
}

bool gr_view_is_dense(const gr_view *view)
{
    int64_t stride = 1;
    for (int i = view->shape.rank - 1; i >= 0; i--) {
        if (view->shape.dim[i] != 1 && view->stride[i] != stride)
            return false;
        stride *= view->shape.dim[i];
    }
    return true;
}

gr_view gr_view_permute(const gr_view *view, const int *axes)
{
    gr_view out = *view;
    for (int i = 0; i < view->shape.rank; i++) {
        out.shape.dim[i] = view->shape.dim[axes[i]];
        out.stride[i] = view->stride[axes[i]];
    }
    return out;
}

gr_view gr_view_slice(const gr_view *view, int axis, int64_t start, int64_t length)
{
    gr_view out = *view;
    out.offset += start * view->stride[axis];
    out.shape.dim[axis] = length;
    return out;
}

/* Axes without those of length 1, neighbours merged where one stride continues the other. */
static gr_view merged(const gr_view *view)
{
    gr_view out = {.slot = view->slot, .offset = view->offset};
    for (int i = 0; i < view->shape.rank; i++) {
        int64_t dim = view->shape.dim[i], stride = view->stride[i];
        if (dim == 1)
            continue;
        int last = out.shape.rank - 1;
        if (last >= 0 && out.stride[last] == stride * dim) {
            out.shape.dim[last] *= dim;
            out.stride[last] = stride;
        } else {
            out.shape.dim[out.shape.rank] = dim;
            out.stride[out.shape.rank++] = stride;
        }
    }
    return out;
}

bool gr_view_reshape(const gr_view *view, const gr_shape *shape, gr_view *out)
{
    gr_view from = merged(view);
    gr_view result = {.slot = view->slot, .offset = view->offset, .shape = *shape};
    int axis = from.shape.rank - 1;
    int64_t left = axis >= 0 ? from.shape.dim[axis] : 1; /* of the merged axis being split */
    int64_t stride = axis >= 0 ? from.stride[axis] : 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        int64_t dim = shape->dim[i];
        if (left == 1 && dim != 1 && axis > 0) {
            axis--;
            left = from.shape.dim[axis];
            stride = from.stride[axis];
        }
        if (left % dim != 0)
            return false;
        result.stride[i] = stride;
        stride *= dim;
        left /= dim;
    }
    *out = result;
    return true;
}

bool gr_view_rows(const gr_view *view, int axis, gr_rows *out)
{
    int64_t cols = 1, rows = 1, row_stride = 0;
    for (int i = view->shape.rank - 1; i >= axis; i--) {
        if (view->shape.dim[i] != 1 && view->stride[i] != cols)
            return false;
        cols *= view->shape.dim[i];
    }
    for (int i = axis - 1; i >= 0; i--) {
        if (view->shape.dim[i] == 1)
            continue;
        if (rows == 1)
            row_stride = view->stride[i];
        else if (view->stride[i] != row_stride * rows)
            return false;
        rows *= view->shape.dim[i];
    }
    *out = (gr_rows){(uint32_t)rows, (uint32_t)cols, (uint32_t)view->offset, (uint32_t)row_stride};
    return true;
}

int gr_view_collapse(gr_view *a, gr_view *b)
{
    int rank = 0;
    for (int i = 0; i < a->shape.rank; i++) {
        int64_t dim = a->shape.dim[i], sa = a->stride[i], sb = b->stride[i];
        if (dim == 1)
            continue;
        if (rank && a->stride[rank - 1] == sa * dim && b->stride[rank - 1] == sb * dim) {
            a->shape.dim[rank - 1] *= dim;
            a->stride[rank - 1] = sa;
            b->stride[rank - 1] = sb;
        } else {
            a->shape.dim[rank] = dim;
            a->stride[rank] = sa;
            b->stride[rank++] = sb;
        }
    }
    if (!rank) {
        a->shape.dim[rank] = 1;
        a->stride[rank] = b->stride[rank] = 1;
        rank = 1;
    }
    a->shape.rank = rank;
    b->shape = a->shape;
    return rank;
}
