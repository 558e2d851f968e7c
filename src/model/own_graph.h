/* Backbones that an application writes (graft/backbone.h). */
#ifndef GR_OWN_GRAPH_H
#define GR_OWN_GRAPH_H

#include "build/build.h"

#include <graft/io.h>

struct gr_methods;

/* image [B, 3, S, S] -> logits [B, classes], or features where b->headless. NULL on error: also
 * where the configuration does not tell who writes the graph, or what it wrote is no feature. */
gr_value *gr_own_graph_logits(gr_build *b, gr_value *image);

/* The tensors of such a backbone, with the geometry that one writing of it tells as metadata: the
 * application's own, or those of `source` with the names of the file; both: GRAFT_ERR_ARGUMENT. */
graft_status gr_own_graph_load(graft_log *log, const graft_backbone_graph *graph,
                               const graft_source *source, struct gr_tensors **out);

/* Whether each method finds a place to act; the line names what there is. */
graft_status gr_own_graph_check_methods(graft_log *log, const struct gr_tensors *weights,
                                        const gr_model_config *config,
                                        const struct gr_methods *methods);

#endif
