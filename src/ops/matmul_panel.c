/* The matrix product on CPUs that run OpenCL: register tiles over packed panels, see
 * docs/matmul.md. This file decides what is packed, and when, and how the work is divided. */
#include "ops/matmul.h"

#include "shaders/matmul_panel.gk.h"
#include "shaders/panel_pack.gk.h"

#include <stdio.h>

enum { TILE_M = 12, PANEL = 32, PANELS_MOST = 12, GROUPS_LEAST = 16 };

enum { FLAG_BIAS = 1 }; /* of panel_store.gkh */

/* Packing an element takes as long as this many multiply-adds: memory against registers. */
static const double PACK_COST = 64.0;

/* Sizes of matmul_panel by shared memory, the best first: 143 KB, 16 KB. */
typedef struct tuning {
    uint32_t depth, tiles, block_m;
} tuning;

static const tuning tunings[] = {{256, 24, 8}, {64, 4, 2}};

static uint32_t shared_bytes(const tuning *t)
{
    return 4 * (t->block_m * TILE_M * (t->depth + 16) + t->tiles * TILE_M * PANEL + 512);
}

static const tuning *tuning_of(const gr_caps *caps)
{
    for (size_t i = 0; i < sizeof(tunings) / sizeof(tunings[0]); i++)
        if (shared_bytes(&tunings[i]) <= caps->shared_bytes)
            return &tunings[i];
    return NULL;
}

/* The right operand in panels, and how far apart they lie. */
typedef struct panels {
    int slot;
    int64_t offset, panel, row, outer, inner;
} panels;

static uint32_t parts_of(uint32_t count, uint32_t most)
{
    return (count + most - 1) / most;
}

static bool is_shared(const gr_gemm *g, const gr_gemm_operand *x)
{
    return (g->outer == 1 || x->outer == 0) && (g->inner == 1 || x->inner == 0);
}

/* Rows of b that are panels as they lie. */
static bool lies_in_panels(const gr_gemm *g)
{
    return g->b.col == 1 && g->n % PANEL == 0;
}

static bool packs_ahead(const gr_gemm *g)
{
    return g->b_frozen && is_shared(g, &g->b);
}

/* The same product the other way round: transposed(c) = transposed(b) transposed(a). */
static gr_gemm_operand transposed(gr_gemm_operand x)
{
    int64_t row = x.row;
    x.row = x.col;
    x.col = row;
    return x;
}

static gr_gemm exchanged(const gr_gemm *g)
{
    gr_gemm t = *g;
    t.m = g->n;
    t.n = g->m;
    t.a = transposed(g->b);
    t.b = transposed(g->a);
    t.c = transposed(g->c);
    t.a_frozen = g->b_frozen;
    t.b_frozen = g->a_frozen;
    return t;
}

/* Time of a product in multiply-adds of one matrix: padded tiles, and packing b if need be. */
static double cost_of(const gr_gemm *g)
{
    double columns = parts_of(g->n, PANEL) * (double)PANEL;
    double batch = (double)g->outer * g->inner;
    double cost = batch * parts_of(g->m, TILE_M) * TILE_M * columns * g->k;
    if (!packs_ahead(g) && !lies_in_panels(g))
        cost += (is_shared(g, &g->b) ? 1.0 : batch) * columns * g->k * PACK_COST;
    return cost;
}

static void emit_pack(gr_plan *plan, const gr_gemm *g, int from, const panels *to)
{
    bool shared = is_shared(g, &g->b);
    gr_panel_pack_params params = {
        .n = g->n,
        .k = g->k,
        .x_offset = (uint32_t)g->b.offset,
        .x_row = (uint32_t)g->b.row,
        .x_col = (uint32_t)g->b.col,
        .inner = g->inner,
        .x_outer = (uint32_t)g->b.outer,
        .x_inner = (uint32_t)g->b.inner,
        .panels_batch = (uint32_t)to->inner,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_panel_pack, &params);
    launch.slot[0] = from;
    launch.slot[1] = to->slot;
    launch.grid[0] = parts_of(g->n, PANEL);
    launch.grid[1] = parts_of(g->k, launch.tunable[1]);
    launch.grid[2] = shared ? 1 : g->outer * g->inner;
    gr_lower_dispatch(plan, &launch);
}

/* The layout of b once packed, in no slot yet. */
static panels packed_layout(const gr_gemm *g, gr_shape *shape)
{
    int64_t size = (int64_t)parts_of(g->n, PANEL) * PANEL * g->k;
    bool shared = is_shared(g, &g->b);
    *shape = GR_SHAPE(shared ? size : size * g->outer * g->inner);
    return (panels){.panel = (int64_t)g->k * PANEL,
                    .row = PANEL,
                    .outer = shared ? 0 : size * g->inner,
                    .inner = shared ? 0 : size};
}

static void pack_frozen(gr_plan *plan, const gr_view *from, const gr_view *to, void *user)
{
    const gr_gemm *g = user;
    emit_pack(plan, g, from->slot, &(panels){.slot = to->slot});
}

/* The frozen b packed ahead. Products of one weight, whatever they are for, share it. */
static panels pack_ahead(gr_plan *plan, gr_gemm *g)
{
    gr_shape shape;
    panels p = packed_layout(g, &shape);
    gr_view view = {.slot = g->b.slot,
                    .offset = g->b.offset,
                    .shape = GR_SHAPE(g->n, g->k),
                    .stride = {g->b.col, g->b.row}};
    char layout[64];
    snprintf(layout, sizeof(layout), "panels %lld %lld", (long long)g->b.col, (long long)g->b.row);
    p.slot = gr_lower_packed(plan, &view, layout, shape, pack_frozen, g);
    return p;
}

static panels pack_now(gr_plan *plan, const gr_gemm *g)
{
    gr_shape shape;
    panels p = packed_layout(g, &shape);
    p.slot = gr_lower_scratch(plan, shape).slot;
    emit_pack(plan, g, g->b.slot, &p);
    return p;
}

static panels panels_of(gr_plan *plan, gr_gemm *g)
{
    if (packs_ahead(g))
        return pack_ahead(plan, g);
    if (!lies_in_panels(g))
        return pack_now(plan, g);
    return (panels){g->b.slot, g->b.offset, PANEL, g->b.row, g->b.outer, g->b.inner};
}

/* Blocks as docs/matmul.md found them best; smaller ones where there would be too few groups. */
static void divide(const gr_gemm *g, const tuning *t, gr_launch *launch,
                   gr_matmul_panel_params *params)
{
    uint32_t tiles_m = parts_of(g->m, TILE_M), tiles_n = parts_of(g->n, PANEL);
    uint32_t most_n = t->tiles / 2 < PANELS_MOST ? t->tiles / 2 : PANELS_MOST;
    uint32_t n = parts_of(tiles_n, parts_of(tiles_n, most_n));
    uint32_t most_m = t->tiles / n < t->block_m ? t->tiles / n : t->block_m;
    if (n >= PANELS_MOST / 2)
        most_m = 2;
    uint32_t m = parts_of(tiles_m, parts_of(tiles_m, most_m)), batch = g->outer * g->inner;
    while (m * n > 1 && parts_of(tiles_m, m) * parts_of(tiles_n, n) * batch < GROUPS_LEAST) {
        if (m > 1)
            m = (m + 1) / 2;
        else
            n = (n + 1) / 2;
    }
    params->block_m = m;
    params->block_n = n;
    launch->grid[0] = parts_of(tiles_m, m);
    launch->grid[1] = parts_of(tiles_n, n);
    launch->grid[2] = batch;
}

/* a is read with strides and, for panels of a weight as the left operand, the jump from one panel
 * to the next. */
static void emit_product(gr_plan *plan, const gr_gemm *g, uint32_t a_jump, const panels *b)
{
    const tuning *t = tuning_of(gr_lower_caps(plan));
    gr_matmul_panel_params params = {
        .m = g->m,
        .n = g->n,
        .k = g->k,
        .a_offset = (uint32_t)g->a.offset,
        .a_row = (uint32_t)g->a.row,
        .a_col = (uint32_t)g->a.col,
        .a_jump = a_jump,
        .b_offset = (uint32_t)b->offset,
        .b_panel = (uint32_t)b->panel,
        .b_row = (uint32_t)b->row,
        .c_offset = (uint32_t)g->c.offset,
        .c_row = (uint32_t)g->c.row,
        .c_col = (uint32_t)g->c.col,
        .inner = g->inner,
        .a_outer = (uint32_t)g->a.outer,
        .a_inner = (uint32_t)g->a.inner,
        .b_outer = (uint32_t)b->outer,
        .b_inner = (uint32_t)b->inner,
        .c_outer = (uint32_t)g->c.outer,
        .c_inner = (uint32_t)g->c.inner,
        .bias_offset = (uint32_t)g->bias_offset,
        .flags = g->bias_slot >= 0 ? FLAG_BIAS : 0,
        .alpha = g->alpha,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_matmul_panel, &params);
    launch.tunable[1] = t->depth;
    launch.tunable[2] = t->tiles;
    launch.tunable[3] = t->block_m;
    launch.slot[0] = g->a.slot;
    launch.slot[1] = b->slot;
    launch.slot[2] = g->bias_slot >= 0 ? g->bias_slot : b->slot;
    launch.slot[3] = b->slot;
    launch.slot[4] = g->c.slot;
    launch.work = gr_gemm_work(g);
    divide(g, t, &launch, &params);
    gr_lower_dispatch(plan, &launch);
}

/* dx = dy W with the panels of W that the forward product has: they are the left operand of the
 * transposed product, and dy is packed. A second copy of all weights would be 3 to 11 % faster and
 * as large as the model. */
static void lower_from_forward_panels(gr_plan *plan, const gr_gemm *g)
{
    gr_gemm forward = *g, back = exchanged(g);
    forward.n = g->k;
    forward.k = g->n;
    forward.b = transposed(g->b);
    panels w = pack_ahead(plan, &forward), dy = panels_of(plan, &back);
    back.a = (gr_gemm_operand){.slot = w.slot, .row = PANEL, .col = 1};
    emit_product(plan, &back, (uint32_t)(w.panel - PANEL), &dy);
}

/* A second copy of a frozen weight, packed the other way, is better where it is small beside what
 * the product reads and writes: then dy is read as it lies. */
static bool second_copy_is_small(const gr_gemm *g)
{
    return 8.0 * g->n * g->k < (double)g->m * ((double)g->n + g->k);
}

/* The kernel writes whole rows or whole columns. A single row or column is either. */
static bool settle_result(gr_gemm *g)
{
    if (g->c.row != 1 && g->c.col != 1) {
        if (g->n == 1)
            g->c.col = 1;
        else if (g->m == 1)
            g->c.row = 1;
    }
    return g->c.row == 1 || g->c.col == 1;
}

bool gr_matmul_panel(gr_plan *plan, const gr_gemm *problem)
{
    const gr_caps *caps = gr_lower_caps(plan);
    gr_gemm g = *problem;
    if (!caps->wide_vectors || !tuning_of(caps) || !settle_result(&g))
        return false;
    if (g.bias_slot < 0) {
        gr_gemm other = exchanged(&g);
        if (packs_ahead(&g) && g.b.col == 1 && g.b.row != 1 && !second_copy_is_small(&g)) {
            lower_from_forward_panels(plan, &g);
            return true;
        }
        if (cost_of(&other) < cost_of(&g))
            g = other;
    }
    panels b = panels_of(plan, &g);
    emit_product(plan, &g, 0, &b);
    return true;
}
