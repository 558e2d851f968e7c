/* Strided views: how a tensor lies in its storage. Strides and offsets count elements;
 * strides may be negative. */
#ifndef GR_VIEW_H
#define GR_VIEW_H

#include "base/shape.h"

typedef struct gr_view {
    int slot; /* storage, see lower.h */
    int64_t offset;
    gr_shape shape;
    int64_t stride[GR_MAX_RANK];
} gr_view;

/* A view seen as rows x cols: element (r, c) at offset + r * stride + c. */
typedef struct gr_rows {
    uint32_t rows, cols, offset, stride;
} gr_rows;

gr_view gr_view_dense(int slot, gr_shape shape);
bool gr_view_is_dense(const gr_view *view); /* row-major without gaps; any offset */

/* The view whose axis i is axis axes[i] of `view`. */
gr_view gr_view_permute(const gr_view *view, const int *axes);

gr_view gr_view_slice(const gr_view *view, int axis, int64_t start, int64_t length);

/* Same elements, other shape. Returns false when that needs a copy. */
bool gr_view_reshape(const gr_view *view, const gr_shape *shape, gr_view *out);

/* Merges axes [0, axis) into rows and the rest into cols. Returns false when the view cannot be
 * seen so. */
bool gr_view_rows(const gr_view *view, int axis, gr_rows *out);

/* Axes of length 1 dropped and neighbours merged where the strides of both views allow it; both
 * views have one shape. Returns the new rank (at least 1). */
int gr_view_collapse(gr_view *a, gr_view *b);

#endif
