/* The matrix product by matmul_tile: large register tiles fed from shared memory, for GPUs. */
#include "ops/gemm/quads.h"

#include "shaders/matmul_tile.gk.h"

void gr_matmul_tile(gr_plan *plan, const gr_gemm *g, const gr_variant *v)
{
    gr_quads a, b;
    gr_gemm_quads(plan, g, &a, &b);
    gr_matmul_tile_params params = {GR_QUADS_PARAMS(g, &a, &b)};
    gr_launch launch = gr_launch_variant(plan, v, &params);
    launch.tunable[0] = v->tunables[0]; /* tied to the tile, not the device */
    launch.tunable[5] =
        (a.along_k ? 1u : 0u) | (b.along_k ? 2u : 0u) | (g->bias_slot >= 0 ? 4u : 0u);
    gr_gemm_grid(g, &launch, launch.tunable[1], launch.tunable[2]);
    gr_gemm_dispatch(plan, g, &launch, a.slot, b.slot);
}
