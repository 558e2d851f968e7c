#include "backends/reference/reference.h"

#include "shaders/reduce_rows.gk.h"

/* Partial sums: line g of y is the sum of rows g * chunk to (g + 1) * chunk; the grid's second
 * axis says how many lines there are. */
void gr_ref_reduce_rows(gr_ref_call *call)
{
    enum { X, Y };
    GR_REF_PARAMS(call, reduce_rows, p);
    for (uint32_t g = 0; g < call->grid[1]; g++) {
        uint64_t begin = (uint64_t)g * p.chunk, end = begin + p.chunk;
        for (uint32_t c = 0; c < p.cols; c++) {
            double sum = 0;
            for (uint64_t r = begin; r < end && r < p.rows; r++)
                sum += gr_ref_get(call, X, gr_ref_at(p.x_offset, r, p.x_stride, c));
            gr_ref_put(call, Y, gr_ref_at(0, g, p.cols, c), sum);
        }
    }
}
