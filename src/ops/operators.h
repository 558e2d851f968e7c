/* The operators, declared, and what their files share. One file per operator (or pair) in this
 * folder; list.h names them all. */
#ifndef GR_OPS_OPERATORS_H
#define GR_OPS_OPERATORS_H

#include "graph/op.h"

/* Every operator of list.h, declared. */
#define GR_OP(name) extern const gr_op gr_op_##name;
#include "ops/list.h"
#undef GR_OP

/* Whether `v` has the shape [count]. */
bool gr_op_is_vector(const gr_value *v, int64_t count);

/* `row_inputs` of operators whose rows come from input 0; all else is the same for every row. */
uint32_t gr_op_rows_of_first(const gr_value *y, int axis);

/* Where `v` is a product a x, neither scaled nor with a bias: x. NULL: it is none, or there is no
 * `v`, as in a graph that failed. */
gr_value *gr_matmul_other_factor(const gr_value *v, const gr_value *a);

/* Reports "name: text (shape, shape, ...)" for a value whose inputs do not fit; returns false. */
bool gr_op_mismatch(gr_value *y, const char *text);

#endif
