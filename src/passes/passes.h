/* Passes over a whole graph: what is added to it, and what is taken out, before it is planned.
 *
 * A pass writes with the builders of ops/ops.h, as a network does. Thread-safety: as the graph.
 */
#ifndef GR_PASSES_H
#define GR_PASSES_H

#include "graph/graph.h"

/* Appends the gradient of the scalar `loss` with respect to params[0..count).
 * Only what those need is built: nothing is added for frozen values. grads[i] becomes NULL when
 * the loss does not depend on params[i]. */
graft_status gr_graph_gradients(gr_graph *graph, gr_value *loss, gr_value *const *params, int count,
                                gr_value **grads);

/* Returns a value equal to `output` in which rows that nobody reads are not computed: slices move
 * up through row-wise operators. Call before gr_graph_gradients. */
gr_value *gr_graph_push_slices(gr_graph *graph, gr_value *output);

#endif
