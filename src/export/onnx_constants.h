/* What a graph computes without its inputs: weights as they are multiplied, positions with the
 * class token, tables of biases. */
#ifndef GR_EXPORT_ONNX_CONSTANTS_H
#define GR_EXPORT_ONNX_CONSTANTS_H

#include "graph/graph.h"

/* The elements of `wanted` values, which depend on no INPUT, as f32: data[i], of allocations of
 * `parent`, or of the graph where they lie there already. Computes on the reference device. */
graft_status gr_constants(graft_log *log, gr_value *const *wanted, int count, void *parent,
                          const float **data);

#endif
