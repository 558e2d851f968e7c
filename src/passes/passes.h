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

/* After gr_graph_gradients, which found `forward` values: gradients read second computations of
 * values, made of the inputs of blocks (gr_value.boundary), in the place of those of the forward pass,
 * whose memory is free once the forward pass has gone by. The numbers are the same; the forward pass
 * of all blocks but the last is computed twice. */
graft_status gr_graph_recompute(gr_graph *graph, int forward);

/* Returns a value equal to `output` in which rows that nobody reads are not computed: slices move
 * up through row-wise operators. Call before gr_graph_gradients. */
gr_value *gr_graph_push_slices(gr_graph *graph, gr_value *output);

/* A value that is cut off, and the input that is read in its place. */
typedef struct gr_feature {
    gr_value *value; /* of the images and frozen tensors alone: [batch, ..], row r of image r */
    gr_value *input;
} gr_feature;

/* Cuts `output` off the images [batch, ..]: what is computed of them before anything that training
 * changes or draws at random becomes inputs. Returns how many values these are; 0: it is left as it
 * was, since the rest needs the images as well, or more than `max` values. Call before
 * gr_graph_gradients. */
int gr_graph_cut_features(gr_graph *graph, gr_value *image, gr_value *output, gr_feature *features,
                          int max);

#endif
