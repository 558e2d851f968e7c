/* The matrix product by matmul_direct, which reads its operands in vec4 and has no shared memory.
 */
#include "ops/gemm/quads.h"

#include "shaders/matmul_direct.gk.h"

static uint32_t padded(uint32_t count, uint32_t unit)
{
    return (count + unit - 1) / unit * unit;
}

/* What a work-group computes: lanes_n of its work-items side by side, `rows` each. */
typedef struct block {
    uint32_t rows, cols, lanes_n;
    uint32_t tall, wide; /* results of a group */
    double cost;
} block;

/* The cost counts results with the padding, and is a little less where the group is nearer to a
 * square, whose work-items share most of what they read. */
static block make_block(const gr_gemm *g, uint32_t wg, uint32_t rows, uint32_t cols,
                        uint32_t lanes_n)
{
    block b = {rows, cols, lanes_n, wg / lanes_n * rows, lanes_n * cols, 0.0};
    double area = (double)padded(g->m, b.tall) * padded(g->n, b.wide);
    b.cost = area * (1.0 + 0.01 * (b.tall > b.wide ? b.tall / b.wide : b.wide / b.tall));
    return b;
}

/* Half of 16 rows takes a third longer for each result (docs/matmul.md), but has less padding. */
static const double HALF_ROWS = 1.3;

static block best_block(const gr_gemm *g, uint32_t wg, uint32_t rows, uint32_t cols)
{
    block best = make_block(g, wg, rows, cols, 1);
    for (uint32_t lanes_n = 1; lanes_n <= wg && wg % lanes_n == 0; lanes_n *= 2) {
        block whole = make_block(g, wg, rows, cols, lanes_n);
        if (whole.cost < best.cost)
            best = whole;
        block half = make_block(g, wg, rows / 2, cols, lanes_n);
        if (rows == 16 && HALF_ROWS * half.cost < best.cost) {
            best = half;
            best.cost *= HALF_ROWS;
        }
    }
    return best;
}

bool gr_matmul_direct(gr_plan *plan, const gr_gemm *g, const gr_variant *v)
{
    gr_quads a, b;
    gr_matmul_direct_params params = {0};
    gr_launch launch = gr_launch_variant(plan, v, &params);
    block group = best_block(g, launch.tunable[0], launch.tunable[1], launch.tunable[2]);
    gr_gemm_grid(g, &launch, group.tall, group.wide);
    if (!gr_lower_fits(plan, &launch))
        return false;
    gr_gemm_quads(plan, g, &a, &b);
    params = (gr_matmul_direct_params){GR_QUADS_PARAMS(g, &a, &b), .lanes_n = group.lanes_n};
    launch.tunable[1] = group.rows;
    launch.tunable[3] = a.along_k;
    launch.tunable[4] = b.along_k;
    launch.tunable[5] = g->bias_slot >= 0;
    gr_gemm_dispatch(plan, g, &launch, a.slot, b.slot);
    return true;
}
