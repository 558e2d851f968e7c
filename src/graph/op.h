/* What an operator is: the rules that graph, passes and plan ask. src/ops has the operators. */
#ifndef GR_OP_H
#define GR_OP_H

#include "graph/graph.h"

typedef struct gr_plan gr_plan;

struct gr_op {
    const char *name;

    /* The shape rule: fills y->shape from the inputs and attributes. On inputs that do not fit it
     * calls gr_graph_fail and returns false. */
    bool (*infer)(gr_value *y);

    /* The gradient rule: for each input i with needs_grad set dx[i] to a new value, the gradient
     * through y given dy; it has the input's shape. dy is NULL when y is the loss itself.
     * A NULL rule means that y has no gradient. */
    void (*grad)(gr_value *y, gr_value *dy, gr_value **dx);

    /* Emits the dispatches that compute y, see plan/lower.h. NULL for views. */
    graft_status (*lower)(gr_plan *plan, const gr_value *y);

    /* True when row r of the result (all leading axes but the last) depends on row r of input 0
     * only, and other inputs are the same for every row or have the same rows. */
    bool row_wise;

    /* Result shares the storage of input 0 (reshape, permute, slice). */
    bool view;

    /* `lower` can write a result with any strides, so that it may go straight to its place in a
     * consumer's storage. */
    bool strided_result;
};

#endif
