/* The plain vision transformer (timm naming) as a graph that offers graft points. */
#ifndef GR_VIT_H
#define GR_VIT_H

#include "build/build.h"

/* image [B, 3, S, S] -> logits [B, classes]. NULL on error, see gr_graph_status. */
gr_value *gr_vit_logits(gr_build *b, gr_value *image);

#endif
