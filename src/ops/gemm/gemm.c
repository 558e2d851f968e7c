/* The rows of src/kernels for a product, tried in order, and the portable kernel. */
#include "ops/gemm/gemm.h"

#include "shaders/matmul.gk.h"
#include "shaders/matmul_direct.gk.h"
#include "shaders/matmul_panel.gk.h"
#include "shaders/matmul_tile.gk.h"

void gr_gemm_grid(const gr_gemm *g, gr_launch *launch, uint32_t tile_m, uint32_t tile_n)
{
    launch->grid[0] = (g->n + tile_n - 1) / tile_n;
    launch->grid[1] = (g->m + tile_m - 1) / tile_m;
    launch->grid[2] = g->outer * g->inner;
}

void gr_gemm_dispatch(gr_plan *plan, const gr_gemm *g, gr_launch *launch, int a_slot, int b_slot)
{
    launch->slot[0] = a_slot;
    launch->slot[1] = b_slot;
    launch->slot[2] = g->bias_slot >= 0 ? g->bias_slot : b_slot;
    launch->slot[3] = g->c.slot;
    launch->work = gr_gemm_work(g);
    gr_lower_dispatch(plan, launch);
}

static void emit_plain(gr_plan *plan, const gr_gemm *g, const gr_variant *v)
{
    gr_matmul_params params = {
        .m = g->m,
        .n = g->n,
        .k = g->k,
        .a_offset = (uint32_t)g->a.offset,
        .a_row = (uint32_t)g->a.row,
        .a_col = (uint32_t)g->a.col,
        .b_offset = (uint32_t)g->b.offset,
        .b_row = (uint32_t)g->b.row,
        .b_col = (uint32_t)g->b.col,
        .c_offset = (uint32_t)g->c.offset,
        .c_row = (uint32_t)g->c.row,
        .c_col = (uint32_t)g->c.col,
        .inner = g->inner,
        .a_outer = (uint32_t)g->a.outer,
        .a_inner = (uint32_t)g->a.inner,
        .b_outer = (uint32_t)g->b.outer,
        .b_inner = (uint32_t)g->b.inner,
        .c_outer = (uint32_t)g->c.outer,
        .c_inner = (uint32_t)g->c.inner,
        .bias_offset = (uint32_t)g->bias_offset,
        .alpha = g->alpha,
    };
    gr_launch launch = gr_launch_variant(plan, v, &params);
    launch.tunable[0] = gr_kernel_matmul.tunables[0].value; /* tied to the tile, not the device */
    launch.tunable[4] = g->bias_slot >= 0;
    gr_gemm_grid(g, &launch, launch.tunable[1], launch.tunable[2]);
    gr_gemm_dispatch(plan, g, &launch, g->a.slot, g->b.slot);
}

static uint32_t shortest_axis(const gr_gemm *g)
{
    uint32_t shortest = g->m < g->n ? g->m : g->n;
    return g->k < shortest ? g->k : shortest;
}

void gr_matmul_emit(gr_plan *plan, const gr_gemm *g)
{
    gr_problem problem = {.axis = shortest_axis(g), .work = gr_gemm_work(g)};
    const gr_variant *v = gr_lower_variant(plan, "matmul_split", &problem, NULL);
    bool emitted = gr_matmul_split(plan, g, v->width);
    v = NULL;
    while (!emitted && (v = gr_lower_variant(plan, "matmul", &problem, v))) {
        if (!v->runs)
            emitted = gr_matmul_library(plan, g);
        else if (v->runs == &gr_kernel_matmul_panel)
            emitted = gr_matmul_panel(plan, g, v);
        else if (v->runs == &gr_kernel_matmul_direct)
            emitted = gr_matmul_direct(plan, g, v);
        else if (v->runs == &gr_kernel_matmul_tile)
            gr_matmul_tile(plan, g, v), emitted = true;
        else
            emit_plain(plan, g, v), emitted = true;
    }
}
