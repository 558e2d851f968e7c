#include "backends/reference/reference.h"

#include "shaders/matmul.gk.h"

#include <stdlib.h>

enum { A, B, BIAS, C };

typedef struct matrices {
    gr_matmul_params p;
    bool has_bias;
} matrices;

/* Columns of the result that are computed side by side: their sums fit into registers. */
enum { WIDTH = 8 };

/* Columns j0 .. j0 + width - 1 of b, in double; the others are zero. */
static void unpack(gr_ref_call *call, const gr_matmul_params *p, uint64_t b0, uint64_t j0,
                   uint64_t width, double *b)
{
    for (uint64_t k = 0; k < p->k; k++)
        for (uint64_t j = 0; j < WIDTH; j++)
            b[k * WIDTH + j] =
                j < width ? gr_ref_get(call, B, b0 + k * p->b_row + (j0 + j) * p->b_col) : 0.0;
}

/* These columns of c = alpha a b + bias; a0 and c0 are the first elements of a and c. */
static void multiply(gr_ref_call *call, const matrices *m, uint64_t a0, const double *b,
                     uint64_t c0, uint64_t j0, uint64_t width)
{
    const gr_matmul_params *p = &m->p;
    for (uint64_t i = 0; i < p->m; i++) {
        double sum[WIDTH] = {0};
        for (uint64_t k = 0; k < p->k; k++) {
            double a = gr_ref_get(call, A, a0 + i * p->a_row + k * p->a_col);
            for (uint64_t j = 0; j < WIDTH; j++)
                sum[j] += a * b[k * WIDTH + j];
        }
        for (uint64_t j = 0; j < width; j++) {
            double c = p->alpha * sum[j];
            if (m->has_bias)
                c += gr_ref_get(call, BIAS, p->bias_offset + j0 + j);
            gr_ref_put(call, C, c0 + i * p->c_row + (j0 + j) * p->c_col, c);
        }
    }
}

/* The grid's last axis is the batch: outer * inner matrices. */
void gr_ref_matmul(gr_ref_call *call)
{
    GR_REF_PARAMS(call, matmul, p);
    if (p.inner == 0) {
        gr_ref_fault(call, "inner is 0");
        return;
    }
    matrices m = {
        .p = p,
        .has_bias = gr_ref_tunable(call, "HAS_BIAS"),
    };
    double *b = malloc((size_t)p.k * WIDTH * sizeof(*b) + 1);
    if (!b)
        gr_ref_fault(call, "out of memory");
    for (uint32_t z = 0; z < call->grid[2] && b; z++) {
        uint64_t outer = z / p.inner, inner = z % p.inner;
        uint64_t a0 = p.a_offset + outer * p.a_outer + inner * p.a_inner;
        uint64_t b0 = p.b_offset + outer * p.b_outer + inner * p.b_inner;
        uint64_t c0 = p.c_offset + outer * p.c_outer + inner * p.c_inner;
        for (uint64_t j0 = 0; j0 < p.n; j0 += WIDTH) {
            uint64_t width = p.n - j0 < WIDTH ? p.n - j0 : WIDTH;
            unpack(call, &p, b0, j0, width, b);
            multiply(call, &m, a0, b, c0, j0, width);
        }
    }
    free(b);
}
