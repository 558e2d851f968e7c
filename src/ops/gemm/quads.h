/* Operands of a product in vec4: along k, or along their lines (rows of a, columns of b). */
#ifndef GR_GEMM_QUADS_H
#define GR_GEMM_QUADS_H

#include "ops/gemm/gemm.h"

/* Element (z_outer, z_inner, line, k) at offset + z_outer*outer + z_inner*inner + line*line + k*k;
 * the offset and all strides but that of 1 are multiples of four. */
typedef struct gr_quads {
    int slot;
    int64_t offset;
    uint32_t lines;
    int64_t line, k, outer, inner;
    bool along_k; /* k is 1, else line is */
    bool padded;  /* zeros where k ends within a quad */
} gr_quads;

/* The operands of `gemm` as they lie, where that serves, else copied: frozen ones ahead of time.
 * Where k is no multiple of four one of them at least is padded. */
void gr_gemm_quads(gr_plan *plan, const gr_gemm *gemm, gr_quads *a, gr_quads *b);

/* What kernels that read quads have in their params, under the same names. */
#define GR_QUADS_PARAMS(g, a, b)                                                                   \
    .m = (g)->m, .n = (g)->n, .k = (g)->k, .quads = ((g)->k + 3) / 4,                              \
    .a_offset = (uint32_t)(a)->offset, .a_row = (uint32_t)(a)->line, .a_col = (uint32_t)(a)->k,    \
    .b_offset = (uint32_t)(b)->offset, .b_row = (uint32_t)(b)->k, .b_col = (uint32_t)(b)->line,    \
    .c_offset = (uint32_t)(g)->c.offset, .c_row = (uint32_t)(g)->c.row,                            \
    .c_col = (uint32_t)(g)->c.col, .inner = (g)->inner, .a_outer = (uint32_t)(a)->outer,           \
    .a_inner = (uint32_t)(a)->inner, .b_outer = (uint32_t)(b)->outer,                              \
    .b_inner = (uint32_t)(b)->inner, .c_outer = (uint32_t)(g)->c.outer,                            \
    .c_inner = (uint32_t)(g)->c.inner, .bias_offset = (uint32_t)(g)->bias_offset,                  \
    .alpha = (g)->alpha

#endif
