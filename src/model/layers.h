/* The layers around the blocks that backbones share. Values are NULL on error, see
 * gr_graph_status. */
#ifndef GR_LAYERS_H
#define GR_LAYERS_H

#include "build/build.h"
#include "peft/method.h"

/* The layer norm "name.weight", "name.bias" over the last axis of x; `point` tells methods where it
 * stands: GR_POINT_NORM or GR_POINT_OUTER_NORM. */
gr_value *gr_build_norm(gr_build *b, gr_point point, const char *name, gr_value *x);

/* The linear "module.weight" [out, in], "module.bias" [out] (may be missing) as a site for methods:
 * see gr_methods_linear. */
gr_linear_site gr_build_linear(gr_build *b, const char *module, gr_linear_target target,
                               int64_t out, int64_t in);

/* The linear "module.qkv" of x [.., D] and its thirds [.., D]: of one product, or of three when a
 * method changes their weights. */
void gr_build_qkv(gr_build *b, const char *module, gr_value *x, gr_value *parts[3]);

/* image [B, 3, S, S] -> patches as tokens [B, n, dim]. */
gr_value *gr_build_patches(gr_build *b, gr_value *image);

/* The mean of the last `count` tokens of x [B, T, D] -> [B, D]. */
gr_value *gr_build_mean(gr_build *b, gr_value *x, int64_t count);

/* How the head's weight [classes, dim] and bias [classes] start. */
void gr_head_start(graft_head_init kind, int64_t dim, int64_t classes, gr_init *weight,
                   gr_init *bias);

/* The classifier: feature [B, D] -> logits [B, classes]. */
gr_value *gr_build_head(gr_build *b, gr_value *feature);

#endif
