/* The tensors of a backbone, by the names of timm, and the network that it is. */
#ifndef GR_BACKBONE_H
#define GR_BACKBONE_H

#include "build/build.h"

/* image [B, 3, S, S] -> logits [B, classes], or features where b->headless; S and the family are
 * those of b->config. NULL on error, see gr_graph_status. */
gr_value *gr_model_logits(gr_build *b, gr_value *image);

/* A tensor of the backbone: frozen, unless a method trains it. Missing and wrongly shaped ones
 * fail the graph with the tensor's name. */
gr_value *gr_build_weight(gr_build *b, const char *name, gr_shape shape);

/* The same, when the backbone may do without: NULL without an error. */
gr_value *gr_build_optional(gr_build *b, const char *name, gr_shape shape);

/* The values with which a tensor of a backbone starts that is trained from scratch. */
void gr_model_scratch_values(const char *name, const gr_shape *shape, uint64_t seed, float *values);

/* A backbone of random weights, as training from scratch starts: the preset `name` with a head of
 * `classes`. The same numbers for the same seed. */
graft_status gr_model_from_scratch(graft_log *log, const char *name, int classes, uint64_t seed,
                                   struct gr_tensors **out);

/* A bias that the architecture lacks, and that merging an adapter may have added: NULL where no
 * file has it. */
gr_value *gr_build_if_loaded(gr_build *b, const char *name, gr_shape shape);

#endif
