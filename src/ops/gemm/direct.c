/* The matrix product by matmul_direct, which reads its operands in vec4 and has no shared memory.
 */
#include "ops/gemm/quads.h"

#include "shaders/matmul_direct.gk.h"

static uint32_t padded(uint32_t count, uint32_t unit)
{
    return (count + unit - 1) / unit * unit;
}

/* Work-items of a group along n: those of a block of results with the least padding, and of these
 * the one nearest to a square, whose work-items share most of what they read. */
static uint32_t best_lanes_n(const gr_gemm *g, uint32_t wg, uint32_t rows, uint32_t cols)
{
    uint32_t best = 1;
    double least = 0.0;
    for (uint32_t lanes = 1; lanes <= wg && wg % lanes == 0; lanes *= 2) {
        uint32_t tall = wg / lanes * rows, wide = lanes * cols;
        double area = (double)padded(g->m, tall) * padded(g->n, wide);
        double cost = area * (1.0 + 0.01 * (tall > wide ? tall / wide : wide / tall));
        if (lanes == 1 || cost < least) {
            least = cost;
            best = lanes;
        }
    }
    return best;
}

void gr_matmul_direct(gr_plan *plan, const gr_gemm *g, const gr_variant *v)
{
    gr_quads a, b;
    gr_gemm_quads(plan, g, &a, &b);
    gr_matmul_direct_params params = {
        .m = g->m,
        .n = g->n,
        .k = g->k,
        .quads = (g->k + 3) / 4,
        .a_offset = (uint32_t)a.offset,
        .a_row = (uint32_t)a.line,
        .a_col = (uint32_t)a.k,
        .b_offset = (uint32_t)b.offset,
        .b_row = (uint32_t)b.k,
        .b_col = (uint32_t)b.line,
        .c_offset = (uint32_t)g->c.offset,
        .c_row = (uint32_t)g->c.row,
        .c_col = (uint32_t)g->c.col,
        .inner = g->inner,
        .a_outer = (uint32_t)a.outer,
        .a_inner = (uint32_t)a.inner,
        .b_outer = (uint32_t)b.outer,
        .b_inner = (uint32_t)b.inner,
        .c_outer = (uint32_t)g->c.outer,
        .c_inner = (uint32_t)g->c.inner,
        .bias_offset = (uint32_t)g->bias_offset,
        .alpha = g->alpha,
    };
    gr_launch launch = gr_launch_variant(plan, v, &params);
    uint32_t wg = launch.tunable[0], rows = launch.tunable[1], cols = launch.tunable[2];
    params.lanes_n = best_lanes_n(g, wg, rows, cols);
    launch.tunable[3] = a.along_k;
    launch.tunable[4] = b.along_k;
    launch.tunable[5] = g->bias_slot >= 0;
    launch.slot[0] = a.slot;
    launch.slot[1] = b.slot;
    launch.slot[2] = g->bias_slot >= 0 ? g->bias_slot : b.slot;
    launch.slot[3] = g->c.slot;
    launch.grid[0] = padded(g->n, params.lanes_n * cols) / (params.lanes_n * cols);
    launch.grid[1] = padded(g->m, wg / params.lanes_n * rows) / (wg / params.lanes_n * rows);
    launch.grid[2] = g->outer * g->inner;
    launch.work = gr_gemm_work(g);
    gr_lower_dispatch(plan, &launch);
}
