/* The matrix product on CPUs that run OpenCL: register tiles over operands that are copied to
 * shared memory piece by piece, see docs/matmul.md. This file decides which weights are packed
 * ahead, and how the work is divided. */
#include "ops/gemm/gemm.h"

#include "shaders/matmul_panel.gk.h"
#include "shaders/panel_pack.gk.h"

#include <stdio.h>

enum { MIN_GROUPS = 16, DEPTH_STEP = 32 };

enum { FLAG_BIAS = 1, FLAG_IN_PLACE = 8 }; /* of panel_store.gkh and matmul_panel.gk */

/* Sizes of matmul_panel, from a row of src/kernels. */
typedef struct tile_sizes {
    uint32_t depth, tiles, block_m; /* of a work-group, at most */
    uint32_t lanes, rows, panel;
} tile_sizes;

static tile_sizes sizes_of(const gr_variant *v)
{
    return (tile_sizes){.depth = v->tunables[1],
                        .tiles = v->tunables[2],
                        .block_m = v->tunables[3],
                        .lanes = v->tunables[4],
                        .rows = v->tunables[5],
                        .panel = 2 * v->tunables[4]};
}

static uint32_t parts_of(uint32_t count, uint32_t most)
{
    return (count + most - 1) / most;
}

/* The size of the parts when `count` is cut into as few and as even ones as may be. */
static uint32_t even_part(uint32_t count, uint32_t most)
{
    return parts_of(count, parts_of(count, most));
}

static bool is_shared(const gr_gemm *g, const gr_gemm_operand *x)
{
    return (g->outer == 1 || x->outer == 0) && (g->inner == 1 || x->inner == 0);
}

static bool packs_ahead(const gr_gemm *g)
{
    return g->b_frozen && is_shared(g, &g->b);
}

/* Rows of b that are panels as they lie. */
static bool lies_in_panels(const gr_gemm *g, const tile_sizes *t)
{
    return g->b.col == 1 && g->n % t->panel == 0;
}

/* So few rows that copying each panel just before its tiles takes less than a pass that packs b or
 * than panels that lie far apart; but more than a tile or two, which would read a copy just once.
 */
static bool copies_panels(const gr_gemm *g, const tile_sizes *t)
{
    return g->m <= 256 && !(lies_in_panels(g, t) && g->m <= 2 * t->rows);
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

/* Packing a vector in a pass takes as long as this many multiply-adds: memory against registers. */
static const double PACK_COST = 64.0;

/* Instructions that copy a vector of an operand to shared memory: along its rows, along its
 * columns, element by element. */
static double copy_cost(const tile_sizes *t, int64_t contiguous, int64_t other)
{
    return contiguous == 1 ? 2.0 : other == 1 ? 6.0 : 4.0 * t->lanes;
}

/* The time of one matrix in multiply-adds of a vector: of padded tiles, and of copying. */
static double cost_of(const gr_gemm *g, const tile_sizes *t)
{
    double m = parts_of(g->m, t->rows) * (double)t->rows, n = parts_of(g->n, t->lanes);
    double blocks_m = parts_of(g->m, t->block_m * t->rows);
    double blocks_n = parts_of(g->n, t->tiles / t->block_m * t->panel);
    double a = g->m * blocks_n / t->lanes * copy_cost(t, g->a.col, g->a.row);
    double b = 0.0;
    if (!packs_ahead(g) && copies_panels(g, t))
        b = n * blocks_m * copy_cost(t, g->b.col, g->b.row);
    else if (!packs_ahead(g) && !lies_in_panels(g, t))
        b = n * PACK_COST / (is_shared(g, &g->b) ? g->outer * g->inner : 1);
    double c = g->c.col == 1 ? 2.0 : 8.0;
    return g->k * (m * n + a + b) + m * n * c;
}

/* b as the kernel reads it; in_place: panels are not copied. */
typedef struct operand {
    int slot;
    int64_t offset, row, col, jump, panel, outer, inner;
    bool in_place;
} operand;

static operand as_it_lies(const gr_gemm_operand *b, const tile_sizes *t)
{
    return (operand){.slot = b->slot,
                     .offset = b->offset,
                     .row = b->row,
                     .col = b->col,
                     .panel = b->col * t->panel,
                     .outer = b->outer,
                     .inner = b->inner};
}

/* Packs `from`, [k, n] and `batch` of them, into the dense panels of `to`. */
static void emit_pack(gr_plan *plan, const gr_gemm *g, const operand *from, const operand *to,
                      uint32_t batch, const tile_sizes *t)
{
    gr_panel_pack_params params = {
        .n = g->n,
        .k = g->k,
        .x_offset = (uint32_t)from->offset,
        .x_row = (uint32_t)from->row,
        .x_col = (uint32_t)from->col,
        .x_jump = (uint32_t)from->jump,
        .inner = g->inner,
        .x_outer = (uint32_t)from->outer,
        .x_inner = (uint32_t)from->inner,
        .panels_batch = (uint32_t)to->inner,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_panel_pack, &params);
    launch.tunable[2] = t->lanes;
    launch.slot[0] = from->slot;
    launch.slot[1] = to->slot;
    launch.grid[0] = parts_of(g->n, t->panel);
    launch.grid[1] = parts_of(g->k, launch.tunable[1]);
    launch.grid[2] = batch;
    gr_lower_dispatch(plan, &launch);
}

/* b as dense panels, in no slot yet. */
static operand packed_layout(const gr_gemm *g, const tile_sizes *t, gr_shape *shape)
{
    int64_t apart = (int64_t)t->panel * g->k, size = parts_of(g->n, t->panel) * apart;
    bool shared = is_shared(g, &g->b);
    *shape = GR_SHAPE(shared ? size : size * g->outer * g->inner);
    return (operand){.row = t->panel,
                     .col = 1,
                     .panel = apart,
                     .outer = shared ? 0 : size * g->inner,
                     .inner = shared ? 0 : size,
                     .in_place = true};
}

static operand pack_now(gr_plan *plan, const gr_gemm *g, const operand *from, const tile_sizes *t)
{
    gr_shape shape;
    operand to = packed_layout(g, t, &shape);
    to.slot = gr_lower_scratch(plan, shape).slot;
    emit_pack(plan, g, from, &to, is_shared(g, &g->b) ? 1 : g->outer * g->inner, t);
    return to;
}

/* What is packed ahead, and how wide. */
typedef struct packing {
    const gr_gemm *gemm;
    const tile_sizes *sizes;
} packing;

static void pack_frozen(gr_plan *plan, const gr_view *from, const gr_view *to, void *user)
{
    const packing *p = user;
    operand x = as_it_lies(&p->gemm->b, p->sizes);
    x.slot = from->slot;
    emit_pack(plan, p->gemm, &x, &(operand){.slot = to->slot}, 1, p->sizes);
}

/* A second copy of a frozen weight, packed the other way, is better where it is small beside what
 * the product reads and writes. */
static bool second_copy_is_small(const gr_gemm *g)
{
    return 8.0 * g->n * g->k < (double)g->m * ((double)g->n + g->k);
}

/* The frozen b packed ahead. dx = dy W goes with the panels that y = x W^T has, which are
 * transposed on the way: a second copy of all weights would be as large as the model. */
static operand pack_ahead(gr_plan *plan, const gr_gemm *g, const tile_sizes *t)
{
    bool turned = g->b.col == 1 && g->b.row != 1 && !second_copy_is_small(g);
    gr_gemm packed = *g;
    if (turned) {
        packed.n = g->k;
        packed.k = g->n;
        packed.b = transposed(g->b);
    }
    gr_view view = {.slot = g->b.slot,
                    .offset = g->b.offset,
                    .shape = GR_SHAPE(packed.n, packed.k),
                    .stride = {packed.b.col, packed.b.row}};
    char layout[64];
    snprintf(layout, sizeof(layout), "panels of %u, %lld %lld", t->panel, (long long)packed.b.col,
             (long long)packed.b.row);
    gr_shape shape;
    operand w = packed_layout(&packed, t, &shape);
    w.slot = gr_lower_packed(plan, &view, layout, shape, pack_frozen, &(packing){&packed, t});
    if (!turned)
        return w;
    int64_t panel = t->panel;
    w = (operand){
        .slot = w.slot, .row = 1, .col = panel, .jump = w.panel - panel, .panel = panel * panel};
    return copies_panels(g, t) ? w : pack_now(plan, g, &w, t);
}

static operand right_of(gr_plan *plan, const gr_gemm *g, const tile_sizes *t)
{
    if (packs_ahead(g))
        return pack_ahead(plan, g, t);
    operand b = as_it_lies(&g->b, t);
    if (copies_panels(g, t))
        return b;
    if (!lies_in_panels(g, t))
        return pack_now(plan, g, &b, t);
    b.in_place = true;
    return b;
}

/* Blocks as large as may be, as even as can be; smaller ones where there would be too few. */
static void divide(const gr_gemm *g, const tile_sizes *t, gr_launch *launch,
                   gr_matmul_panel_params *params)
{
    uint32_t tiles_m = parts_of(g->m, t->rows), tiles_n = parts_of(g->n, t->panel);
    uint32_t m = even_part(tiles_m, t->block_m), n = even_part(tiles_n, t->tiles / t->block_m);
    uint32_t batch = g->outer * g->inner;
    while (m * n > 1 && parts_of(tiles_m, m) * parts_of(tiles_n, n) * batch < MIN_GROUPS) {
        if (n == 1 || (m > 1 && m * t->rows > n * t->panel))
            m = (m + 1) / 2;
        else
            n = (n + 1) / 2;
    }
    params->block_m = m;
    params->block_n = n;
    params->depth = even_part(parts_of(g->k, DEPTH_STEP), t->depth / DEPTH_STEP) * DEPTH_STEP;
    launch->grid[0] = parts_of(tiles_m, m);
    launch->grid[1] = parts_of(tiles_n, n);
    launch->grid[2] = batch;
}

static void emit_product(gr_plan *plan, const gr_gemm *g, const operand *b, const gr_variant *v)
{
    gr_matmul_panel_params params = {
        .m = g->m,
        .n = g->n,
        .k = g->k,
        .a_offset = (uint32_t)g->a.offset,
        .a_row = (uint32_t)g->a.row,
        .a_col = (uint32_t)g->a.col,
        .b_offset = (uint32_t)b->offset,
        .b_row = (uint32_t)b->row,
        .b_col = (uint32_t)b->col,
        .b_jump = (uint32_t)b->jump,
        .b_panel = (uint32_t)b->panel,
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
        .flags = (g->bias_slot >= 0 ? FLAG_BIAS : 0) | (b->in_place ? FLAG_IN_PLACE : 0),
        .alpha = g->alpha,
    };
    tile_sizes sizes = sizes_of(v);
    gr_launch launch = gr_launch_variant(plan, v, &params);
    launch.slot[0] = g->a.slot;
    launch.slot[1] = b->slot;
    launch.slot[2] = g->bias_slot >= 0 ? g->bias_slot : b->slot;
    launch.slot[3] = b->slot;
    launch.slot[4] = g->c.slot;
    launch.work = gr_gemm_work(g);
    divide(g, &sizes, &launch, &params);
    gr_lower_dispatch(plan, &launch);
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

bool gr_matmul_panel(gr_plan *plan, const gr_gemm *problem, const gr_variant *v)
{
    tile_sizes sizes = sizes_of(v);
    gr_gemm g = *problem;
    if (!settle_result(&g))
        return false;
    if (g.bias_slot < 0) {
        gr_gemm other = exchanged(&g);
        if (cost_of(&other, &sizes) < cost_of(&g, &sizes))
            g = other;
    }
    operand b = right_of(plan, &g, &sizes);
    emit_product(plan, &g, &b, v);
    return true;
}
