#include "backends/reference/reference.h"

#include "shaders/matmul.gk.h"

enum { A, B, BIAS, C };

typedef struct matrices {
    gr_matmul_params p;
    bool has_bias;
} matrices;

/* c = alpha a b + bias for one matrix of the batch; a0, b0 and c0 are its first elements. */
static void multiply(gr_ref_call *call, const matrices *m, uint64_t a0, uint64_t b0, uint64_t c0)
{
    const gr_matmul_params *p = &m->p;
    for (uint64_t i = 0; i < p->m; i++) {
        for (uint64_t j = 0; j < p->n; j++) {
            double sum = 0;
            for (uint64_t k = 0; k < p->k; k++)
                sum += gr_ref_get(call, A, a0 + i * p->a_row + k * p->a_col) *
                       gr_ref_get(call, B, b0 + k * p->b_row + j * p->b_col);
            double c = p->alpha * sum;
            if (m->has_bias)
                c += gr_ref_get(call, BIAS, p->bias_offset + j);
            uint64_t to = c0 + i * p->c_row + j * p->c_col;
            gr_ref_put(call, C, to, c);
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
    for (uint32_t z = 0; z < call->grid[2]; z++) {
        uint64_t outer = z / p.inner, inner = z % p.inner;
        multiply(call, &m, p.a_offset + outer * p.a_outer + inner * p.a_inner,
                 p.b_offset + outer * p.b_outer + inner * p.b_inner,
                 p.c_offset + outer * p.c_outer + inner * p.c_inner);
    }
}
