/* Power spectra of tokens on their grid. */
#ifndef GR_ANALYZE_POWER_H
#define GR_ANALYZE_POWER_H

#include "graph/graph.h"

/* The power |F(u)|^2, mean over channels, of the last grid * grid tokens of x [B, T, D]: F is the
 * orthonormal two-dimensional transform. Half spectrum [B, grid, grid / 2 + 1], the other half is
 * its mirror image. NULL on error, see gr_graph_status. */
gr_value *gr_token_power(gr_value *x, int64_t grid);

/* Means over rings of equal frequency: out[f], f = 0 .. grid / 2 cycles across the grid, of all
 * places (u, v) of the whole spectrum with round(|(u, v)|) = f. What lies beyond, in the corners,
 * is left out. */
void gr_radial_mean(const double *half_spectrum, int64_t grid, double *out);

#endif
