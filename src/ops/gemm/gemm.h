/* A matrix product as the candidate kernels see it. */
#ifndef GR_GEMM_H
#define GR_GEMM_H

#include "plan/lower.h"

/* Element (z_outer, z_inner, i, j) at offset + z_outer*outer + z_inner*inner + i*row + j*col. */
typedef struct gr_gemm_operand {
    int slot;
    int64_t offset, row, col, outer, inner;
} gr_gemm_operand;

/* c[z] = alpha a[z] b[z] + bias, for z in outer x inner. */
typedef struct gr_gemm {
    uint32_t m, n, k, outer, inner;
    gr_gemm_operand a, b, c;
    int bias_slot; /* -1: none */
    int64_t bias_offset;
    float alpha;
    const gr_value *a_frozen, *b_frozen; /* the frozen value that the operand is a view of */
} gr_gemm;

/* Its multiply-adds. */
static inline double gr_gemm_work(const gr_gemm *g)
{
    return (double)g->m * g->n * g->k * g->outer * g->inner;
}

/* For kernels with a work-group per tile of results and the bindings of matmul.gk: their grid, and
 * what is left to fill in before the dispatch. */
void gr_gemm_grid(const gr_gemm *gemm, gr_launch *launch, uint32_t tile_m, uint32_t tile_n);
void gr_gemm_dispatch(gr_plan *plan, const gr_gemm *gemm, gr_launch *launch, int a_slot,
                      int b_slot);

/* Emits the product with the best kernels that the device has for it. */
void gr_matmul_emit(gr_plan *plan, const gr_gemm *gemm);

/* Emits the product with matmul_panel, as the row of src/kernels says. False, with nothing emitted,
 * when c has neither contiguous rows nor contiguous columns. */
bool gr_matmul_panel(gr_plan *plan, const gr_gemm *gemm, const gr_variant *variant);

/* Emits the product with matmul_direct, as the row of src/kernels says. False, with nothing
 * emitted, when its small groups are too many for the device. */
bool gr_matmul_direct(gr_plan *plan, const gr_gemm *gemm, const gr_variant *variant);

/* Emits the product as pieces of k and their sum, so that there are `groups` work-groups. False,
 * with nothing emitted, where it has enough of them, or a short k. */
bool gr_matmul_split(gr_plan *plan, const gr_gemm *gemm, uint32_t groups);

/* Emits the product with matmul_tile, as the row of src/kernels says. */
void gr_matmul_tile(gr_plan *plan, const gr_gemm *gemm, const gr_variant *variant);

/* Emits the product as an operation of a vendor library. False, with nothing emitted, when the
 * library has none for this case. */
bool gr_matmul_library(gr_plan *plan, const gr_gemm *gemm);

#endif
