/* Sums down the columns, as operators use them in their lowering. */
#ifndef GR_OPS_REDUCE_H
#define GR_OPS_REDUCE_H

#include "plan/lower.h"

/* out[g, c] = sum of x[r, c] over the rows r of group g, `chunk` rows each, in their order. out is
 * dense from the start of its slot. */
void gr_lower_row_sums(gr_plan *plan, const gr_view *x, const gr_rows *rows, const gr_view *out,
                       uint32_t chunk);

#endif
