/* The operators: functions that append values to the graph of their operands.
 *
 * Every function returns NULL when an operand is NULL, is of another graph, or does not fit; the
 * reason is the graph's status (graph.h). Values are F32 unless said.
 */
#ifndef GRAFT_OPS_H
#define GRAFT_OPS_H

#include <graft/graph.h>

GRAFT_BEGIN_DECLS

/* alpha a b + bias: a [.., M, K], b [.., K, N] -> [.., M, N]. Leading axes of a and b are equal, or
 * b has none. bias [N] or NULL. */
GRAFT_API graft_value *graft_matmul(graft_value *a, graft_value *b, graft_value *bias, float alpha);

/* softmax(scale x) along the last axis: e^(scale x_i) / sum_j e^(scale x_j). */
GRAFT_API graft_value *graft_softmax(graft_value *x, float scale);

/* The same elements in another shape. Views move no data until a kernel needs it. */
GRAFT_API graft_value *graft_reshape(graft_value *x, graft_shape shape);

/* Indices start .. start + length - 1 of one axis. */
GRAFT_API graft_value *graft_slice(graft_value *x, int axis, int64_t start, int64_t length);

GRAFT_END_DECLS

#endif
