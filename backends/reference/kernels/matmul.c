#include "backends/reference/reference.h"

#include "shaders/matmul.gk.h"

#include <stdlib.h>

enum { A, B, BIAS, C };

typedef struct matrices {
    gr_matmul_params p;
    bool has_bias;
} matrices;

/* b in double, row by row, so that the sums of a row of c go through it side by side. */
static double *unpack(gr_ref_call *call, const gr_matmul_params *p, uint64_t b0)
{
    double *b = malloc((size_t)p->k * p->n * sizeof(*b) + 1);
    for (uint64_t k = 0; k < p->k && b; k++)
        for (uint64_t j = 0; j < p->n; j++)
            b[k * p->n + j] = gr_ref_get(call, B, b0 + k * p->b_row + j * p->b_col);
    return b;
}

/* c = alpha a b + bias for one matrix of the batch; a0 and c0 are the first elements; `sum` has
 * room for a row. */
static void multiply(gr_ref_call *call, const matrices *m, uint64_t a0, const double *b,
                     uint64_t c0, double *sum)
{
    const gr_matmul_params *p = &m->p;
    for (uint64_t i = 0; i < p->m; i++) {
        memset(sum, 0, p->n * sizeof(*sum));
        for (uint64_t k = 0; k < p->k; k++) {
            double a = gr_ref_get(call, A, a0 + i * p->a_row + k * p->a_col);
            for (uint64_t j = 0; j < p->n; j++)
                sum[j] += a * b[k * p->n + j];
        }
        for (uint64_t j = 0; j < p->n; j++) {
            double c = p->alpha * sum[j];
            if (m->has_bias)
                c += gr_ref_get(call, BIAS, p->bias_offset + j);
            gr_ref_put(call, C, c0 + i * p->c_row + j * p->c_col, c);
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
    double *sum = malloc(p.n * sizeof(*sum) + 1);
    for (uint32_t z = 0; z < call->grid[2] && sum; z++) {
        uint64_t outer = z / p.inner, inner = z % p.inner;
        double *b = unpack(call, &p, p.b_offset + outer * p.b_outer + inner * p.b_inner);
        if (b)
            multiply(call, &m, p.a_offset + outer * p.a_outer + inner * p.a_inner, b,
                     p.c_offset + outer * p.c_outer + inner * p.c_inner, sum);
        else
            gr_ref_fault(call, "out of memory");
        free(b);
    }
    if (!sum)
        gr_ref_fault(call, "out of memory");
    free(sum);
}
