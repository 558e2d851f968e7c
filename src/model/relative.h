/* BEiT's relative positions (Bao et al., arXiv 2106.08254): a bias of attention's scores for each
 * offset between two patches, and three that concern the class token. */
#ifndef GR_RELATIVE_H
#define GR_RELATIVE_H

#include "build/build.h"

/* [heads, T, T] from "module.relative_position_bias_table" [(2 G - 1)^2 + 3, heads] of a grid of G
 * x G patches: query minus key position, row by row, then the class token to a patch, a patch to
 * the class token, the class token to itself. Tokens that a method has added have no bias. NULL on
 * error, see gr_graph_status. */
gr_value *gr_relative_bias(gr_build *b, const char *module, int64_t tokens);

#endif
