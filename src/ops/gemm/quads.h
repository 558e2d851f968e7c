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

#endif
