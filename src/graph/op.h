/* What an operator is: the rules that graph, passes and plan ask. src/ops has the operators. */
#ifndef GR_OP_H
#define GR_OP_H

#include "graph/graph.h"

typedef struct gr_plan gr_plan; /* plan/lower.h */
typedef struct gr_view gr_view; /* plan/view.h */

/* The elements [start, start + length) of one axis. */
typedef struct gr_range {
    int axis;
    int64_t start, length;
} gr_range;

/* A hook that is NULL answers: no. */
struct gr_op {
    const char *name;

    /* Size of the struct that `attrs` of a result points to; each operator declares its own. */
    size_t attrs_bytes;

    /* The shape rule: fills y->shape from the inputs and attributes. On inputs that do not fit it
     * calls gr_graph_fail and returns false. */
    bool (*infer)(gr_value *y);

    /* The gradient rule: for each input i with needs_grad set dx[i] to a new value, the gradient
     * through y given dy; it has the input's shape. A NULL rule means that y has no gradient. */
    void (*grad)(gr_value *y, gr_value *dy, gr_value **dx);

    /* y is mostly the loss itself: `grad` takes a dy that is NULL for 1. */
    bool is_loss;

    /* The sum of `count` results of this operator where there is a cheaper way than to add them;
     * NULL otherwise. */
    gr_value *(*sum)(gr_value *const *results, int count);

    /* Emits the dispatches that compute y, see plan/lower.h. NULL for views. */
    graft_status (*lower)(gr_plan *plan, const gr_value *y);

    /* `lower` can write a result with any strides, so that it may go straight to where its reader
     * wants it. */
    bool strided_result;

    /* Views (reshape, permute, slice), which move no data: how the result lies in storage when
     * input 0 lies at `x`. False: only after input 0 was made dense. */
    bool (*view)(const gr_value *y, const gr_view *x, gr_view *out);

    /* The part of the result that is input i and nothing else, when the result lies at `result`: an
     * input that is computed there need not be copied. False: there is none. */
    bool (*input_view)(const gr_value *y, int i, const gr_view *result, gr_view *out);

    /* Slices: the range of input 0 that the result is. */
    gr_range (*range)(const gr_value *y);

    /* Row-wise operators: the inputs (bit i: input i) that have the result's rows along `axis`,
     * any but the last, where an input has that axis (axes correspond from the last one on). Row r
     * of the result depends on row r of these, and on all of the other inputs. 0: not along this
     * axis. */
    uint32_t (*row_inputs)(const gr_value *y, int axis);

    /* Row r of the result, along its first axis, is not made of row r of input i: a sum over the
     * rows, or another axis that moves to the front. */
    bool (*mixes_rows)(const gr_value *y, int i);

    /* A new value that is a range of y, for operators that only move elements: made of slices of
     * the inputs. NULL: there is no such value. */
    gr_value *(*slice)(gr_value *y, gr_range range);
};

#endif
