/* Rotary position embeddings of queries and keys on a square grid of patches (Su et al., arXiv
 * 2104.09864): pairs of channels are turned by angles that grow with the row for the first half of
 * the pairs, with the column for the second. With k = 0 .. C/4 - 1 for heads of C channels:
 *
 * GR_ROPE_EVA02 (Fang et al., arXiv 2303.11331): row 16/G 10000^(-4k/C) on a grid of G x G; pairs
 * are neighbours.
 * GR_ROPE_DINOV3 (Simeoni et al., arXiv 2508.10104): 2 pi y 100^(-4k/C), y the patch's centre from
 * -1 to 1; pairs are C/2 channels apart.
 */
#ifndef GR_ROPE_H
#define GR_ROPE_H

#include "build/build.h"

/* x [B, heads, T, C] with its patches turned, all other tokens as they are. NULL on error, see
 * gr_graph_status. */
gr_value *gr_rope_rotate(gr_build *b, gr_value *x);

#endif
