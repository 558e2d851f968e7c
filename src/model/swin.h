/* The Swin transformer (Liu et al., arXiv 2103.14030; tensor names of its authors and of timm up
 * to 0.6) as a graph that offers graft points. */
#ifndef GR_SWIN_H
#define GR_SWIN_H

#include "build/build.h"

/* image [B, 3, S, S] -> logits [B, classes]. NULL on error, see gr_graph_status. */
gr_value *gr_swin_logits(gr_build *b, gr_value *image);

#endif
