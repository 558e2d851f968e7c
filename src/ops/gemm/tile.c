/* The matrix product by matmul_tile: large register tiles fed from shared memory, for GPUs. */
#include "ops/gemm/quads.h"

#include "shaders/matmul_tile.gk.h"

void gr_matmul_tile(gr_plan *plan, const gr_gemm *g, const gr_variant *v)
{
    gr_quads a, b;
    gr_gemm_quads(plan, g, &a, &b);
    gr_matmul_tile_params params = {GR_QUADS_PARAMS(g, &a, &b)};
    gr_launch launch = gr_launch_variant(plan, v, &params);
    uint32_t tile_m = launch.tunable[1], tile_n = launch.tunable[2];
    launch.tunable[0] = v->tunables[0]; /* tied to the tile, not the device */
    launch.tunable[5] =
        (a.along_k ? 1u : 0u) | (b.along_k ? 2u : 0u) | (g->bias_slot >= 0 ? 4u : 0u);
    launch.slot[0] = a.slot;
    launch.slot[1] = b.slot;
    launch.slot[2] = g->bias_slot >= 0 ? g->bias_slot : b.slot;
    launch.slot[3] = g->c.slot;
    launch.grid[0] = (g->n + tile_n - 1) / tile_n;
    launch.grid[1] = (g->m + tile_m - 1) / tile_m;
    launch.grid[2] = g->outer * g->inner;
    launch.work = gr_gemm_work(g);
    gr_lower_dispatch(plan, &launch);
}
