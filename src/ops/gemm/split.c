/* A product with a small result and a long k, as the gradients of narrow factors are: k is cut into
 * pieces whose products are summed afterwards, always in the same order. Without that a few
 * work-groups would go through all of k one after the other, on a device with room for many. */
#include "ops/gemm/gemm.h"
#include "ops/reduce.h"

/* A product is left alone where it has enough groups of TILE x TILE results, or a short k. */
enum { TILE = 64, SHORT_K = 1024 };

/* Pieces are of at least 128 and a multiple of 32, what kernels take of k at once. */
enum { LEAST_PIECE = 128, PIECE_STEP = 32 };

static uint32_t parts_of(uint32_t count, uint32_t size)
{
    return (count + size - 1) / size;
}

static uint32_t piece_of(const gr_gemm *g, uint32_t pieces)
{
    uint32_t piece = parts_of(g->k, pieces);
    piece = piece < LEAST_PIECE ? LEAST_PIECE : piece;
    return parts_of(piece, PIECE_STEP) * PIECE_STEP;
}

/* Products of `count` pieces from `first` on, each of `k`, into rows of `partial`. */
static void emit_pieces(gr_plan *plan, const gr_gemm *g, const gr_gemm_operand *partial,
                        uint32_t piece, uint32_t first, uint32_t count, uint32_t k)
{
    int64_t step_a = piece * g->a.col, step_b = piece * g->b.row, step_c = (int64_t)g->m * g->n;
    gr_gemm part = *g;
    part.k = k;
    part.inner = count;
    part.c = *partial;
    part.a.offset += first * step_a;
    part.b.offset += first * step_b;
    part.c.offset = first * step_c;
    part.a.inner = step_a;
    part.b.inner = step_b;
    part.c.inner = step_c;
    gr_matmul_emit(plan, &part);
}

static void sum_pieces(gr_plan *plan, const gr_gemm *g, const gr_view *x,
                       const gr_gemm_operand *partial)
{
    uint32_t pieces = (uint32_t)x->shape.dim[0], count = (uint32_t)x->shape.dim[1];
    gr_rows rows = {pieces, count, 0, count};
    if (g->c.offset == 0 && g->c.row == partial->row && g->c.col == partial->col) {
        gr_lower_row_sums(plan, x, &rows, &(gr_view){.slot = g->c.slot}, pieces);
        return;
    }
    gr_view sums = gr_lower_scratch(plan, GR_SHAPE(count));
    gr_lower_row_sums(plan, x, &rows, &sums, pieces);
    gr_view from = {
        .slot = sums.slot, .shape = GR_SHAPE(g->m, g->n), .stride = {partial->row, partial->col}};
    gr_view to = {.slot = g->c.slot,
                  .offset = g->c.offset,
                  .shape = from.shape,
                  .stride = {g->c.row, g->c.col}};
    gr_lower_copy(plan, &from, &to, false);
}

bool gr_matmul_split(gr_plan *plan, const gr_gemm *g, uint32_t wanted)
{
    uint32_t groups = parts_of(g->m, TILE) * parts_of(g->n, TILE);
    if (g->outer * g->inner > 1 || g->bias_slot >= 0 || g->k <= SHORT_K || groups >= wanted)
        return false;
    uint32_t piece = piece_of(g, parts_of(wanted, groups)), whole = g->k / piece,
             rest = g->k % piece;
    gr_view x = gr_lower_scratch(plan, GR_SHAPE(whole + (rest > 0), (int64_t)g->m * g->n));
    bool columns = g->c.row == 1 && g->c.col != 1;
    gr_gemm_operand partial = {
        .slot = x.slot, .row = columns ? 1 : g->n, .col = columns ? g->m : 1};
    emit_pieces(plan, g, &partial, piece, 0, whole, piece);
    if (rest)
        emit_pieces(plan, g, &partial, piece, whole, 1, rest);
    sum_pieces(plan, g, &x, &partial);
    return true;
}
