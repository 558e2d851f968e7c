/* The matrix product by a vendor library. */
#include "ops/gemm/gemm.h"

/* Libraries know matrices with contiguous rows or contiguous columns. */
static bool is_matrix(const gr_gemm_operand *x, uint32_t rows, uint32_t cols, bool *transposed,
                      uint32_t *ld)
{
    *transposed = x->col != 1;
    *ld = (uint32_t)(*transposed ? x->col : x->row);
    return *transposed ? x->row == 1 && x->col >= rows : x->row >= cols;
}

/* The distance from matrix to matrix along the one batch axis. */
static uint64_t stride_of(const gr_gemm *g, const gr_gemm_operand *x)
{
    return (uint64_t)(g->inner > 1 ? x->inner : x->outer);
}

static bool describe(const gr_gemm *g, gr_gemm_desc *d)
{
    bool transposed_c;
    *d = (gr_gemm_desc){
        .m = g->m,
        .n = g->n,
        .k = g->k,
        .batch = g->outer * g->inner,
        .offset_a = (uint64_t)g->a.offset,
        .offset_b = (uint64_t)g->b.offset,
        .offset_c = (uint64_t)g->c.offset,
        .stride_a = stride_of(g, &g->a),
        .stride_b = stride_of(g, &g->b),
        .stride_c = stride_of(g, &g->c),
        .alpha = g->alpha,
        .beta = g->bias_slot >= 0 ? 1.0f : 0.0f,
    };
    return (g->outer == 1 || g->inner == 1) &&
           is_matrix(&g->a, g->m, g->k, &d->transpose_a, &d->lda) &&
           is_matrix(&g->b, g->k, g->n, &d->transpose_b, &d->ldb) &&
           is_matrix(&g->c, g->m, g->n, &transposed_c, &d->ldc) && !transposed_c;
}

/* The bias goes ahead into every row of c, and the product is added to it. */
static void copy_bias(gr_plan *plan, const gr_gemm *g, const gr_gemm_desc *d)
{
    gr_view bias = {.slot = g->bias_slot,
                    .offset = g->bias_offset,
                    .shape = GR_SHAPE(d->batch, g->m, g->n),
                    .stride = {0, 0, 1}};
    gr_view c = {.slot = g->c.slot,
                 .offset = g->c.offset,
                 .shape = bias.shape,
                 .stride = {(int64_t)d->stride_c, g->c.row, 1}};
    gr_lower_copy(plan, &bias, &c, false);
}

bool gr_matmul_library(gr_plan *plan, const gr_gemm *g)
{
    gr_library_desc desc = {.kind = GR_LIBRARY_GEMM};
    if (!describe(g, &desc.gemm))
        return false;
    gr_library *library = gr_lower_library(plan, &desc);
    if (!library)
        return false;
    if (g->bias_slot >= 0)
        copy_bias(plan, g, &desc.gemm);
    gr_lower_library_run(plan, library, (const int[]){g->a.slot, g->b.slot, g->c.slot}, 3);
    return true;
}
