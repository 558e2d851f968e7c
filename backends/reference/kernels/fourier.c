#include "backends/reference/reference.h"

#include "shaders/complex_mul.gk.h"
#include "shaders/complex_mul_grad.gk.h"
#include "shaders/dft.gk.h"
#include "shaders/unfold_real.gk.h"

#include <complex.h>

/* Values of MODE in dft. The adjoints are those of the real transforms as real linear maps. */
enum {
    REAL_TO_HALF,
    FORWARD,
    INVERSE,
    HALF_TO_REAL,
    REAL_TO_HALF_ADJOINT,
    HALF_TO_REAL_ADJOINT,
    MODE_COUNT,
};

/* What a mode transforms; k counts frequencies, t points. */
typedef struct transform {
    gr_dft_params p;
    bool real_in, real_out;
    bool weigh_in, weigh_out; /* multiply frequency k by how often the full spectrum has it */
    int sign;                 /* of the exponent */
} transform;

static const transform modes[MODE_COUNT] = {
    [REAL_TO_HALF] = {.real_in = true, .sign = -1},
    [FORWARD] = {.sign = -1},
    [INVERSE] = {.sign = 1},
    [HALF_TO_REAL] = {.real_out = true, .weigh_in = true, .sign = 1},
    [REAL_TO_HALF_ADJOINT] = {.real_out = true, .sign = 1},
    [HALF_TO_REAL_ADJOINT] = {.real_in = true, .weigh_out = true, .sign = -1},
};

static double complex get_complex(gr_ref_call *call, uint32_t binding, uint64_t re)
{
    return gr_ref_get(call, binding, re) + I * gr_ref_get(call, binding, re + 1);
}

static void put_complex(gr_ref_call *call, uint32_t binding, uint64_t re, double complex value)
{
    gr_ref_put(call, binding, re, creal(value));
    gr_ref_put(call, binding, re + 1, cimag(value));
}

/* A half spectrum stands for conjugate pairs, except at 0 and, for even n, at n / 2. */
static double multiplicity(uint64_t k, uint64_t n)
{
    return k == 0 || 2 * k == n ? 1 : 2;
}

/* One element of the result: index `to` along the axis, `i` within it, `line` starts x. The
 * exponentials are computed here, so that a wrong twiddle table of the host shows, too. */
static double complex element(gr_ref_call *call, const transform *t, uint64_t line, uint64_t to,
                              uint64_t i)
{
    const gr_dft_params *p = &t->p;
    uint64_t count = t->real_out ? p->bins : p->n;
    double complex sum = 0;
    for (uint64_t from = 0; from < count; from++) {
        uint64_t at = from * p->inner + i;
        double complex x =
            t->real_in ? gr_ref_get(call, 0, line + at) : get_complex(call, 0, line + 2 * at);
        if (t->weigh_in)
            x *= multiplicity(from, p->n);
        double angle = t->sign * 2.0 * M_PI * (double)(from * to % p->n) / p->n;
        sum += x * cexp(I * angle);
    }
    return t->weigh_out ? sum * multiplicity(to, p->n) : sum;
}

void gr_ref_dft(gr_ref_call *call)
{
    enum { X, TWIDDLE, Y };
    GR_REF_PARAMS(call, dft, p);
    uint32_t mode = gr_ref_tunable(call, "MODE");
    transform t = mode < MODE_COUNT ? modes[mode] : (transform){0};
    if (t.sign == 0 || p.n == 0 || ((t.real_in || t.real_out) && p.bins != p.n / 2 + 1)) {
        gr_ref_fault(call, "MODE %u with n %u, bins %u has no meaning", mode, p.n, p.bins);
        return;
    }
    t.p = p;
    gr_ref_get(call, TWIDDLE, 2 * (uint64_t)p.n - 1); /* only that it is long enough */
    uint64_t count = t.real_in ? p.bins : p.n;
    for (uint32_t o = 0; o < p.outer; o++) {
        uint64_t line = gr_ref_at(p.x_offset, o, p.x_stride, 0);
        for (uint64_t to = 0; to < count; to++) {
            for (uint32_t i = 0; i < p.inner; i++) {
                double complex y = p.scale * element(call, &t, line, to, i);
                uint64_t at = to * p.inner + i;
                uint64_t first = gr_ref_at(p.y_offset, o, p.y_stride, 0);
                if (t.real_out)
                    gr_ref_put(call, Y, first + at, creal(y));
                else
                    put_complex(call, Y, first + 2 * at, y);
            }
        }
    }
}

/* What the half spectrum leaves out is the conjugate at the negated frequency. */
void gr_ref_unfold_real(gr_ref_call *call)
{
    enum { Z, Y };
    GR_REF_PARAMS(call, unfold_real, p);
    for (uint32_t r = 0; r < p.rows; r++) {
        for (uint32_t c = 0; c < p.cols; c++) {
            bool there = r < p.rows / 2 + 1;
            uint32_t from_r = there ? r : (p.rows - r) % p.rows;
            uint32_t from_c = there ? c : (p.cols - c) % p.cols;
            double re = gr_ref_get(call, Z, 2 * gr_ref_at(0, from_r, p.cols, from_c));
            gr_ref_put(call, Y, gr_ref_at(0, r, p.cols, c), re);
        }
    }
}

void gr_ref_complex_mul(gr_ref_call *call)
{
    enum { A, B, Y };
    GR_REF_PARAMS(call, complex_mul, p);
    bool conjugate = gr_ref_tunable(call, "CONJ");
    for (uint32_t r = 0; r < p.rows; r++) {
        for (uint32_t c = 0; c < p.cols; c++) {
            uint64_t at = 2 * gr_ref_at(0, r, p.cols, c);
            double complex b = get_complex(call, B, 2 * (uint64_t)c);
            put_complex(call, Y, at, get_complex(call, A, at) * (conjugate ? conj(b) : b));
        }
    }
}

void gr_ref_complex_mul_grad(gr_ref_call *call)
{
    enum { DY, A, DB };
    GR_REF_PARAMS(call, complex_mul_grad, p);
    for (uint32_t c = 0; c < p.cols; c++) {
        double complex sum = 0;
        for (uint32_t r = 0; r < p.rows; r++) {
            uint64_t at = 2 * gr_ref_at(0, r, p.cols, c);
            sum += conj(get_complex(call, A, at)) * get_complex(call, DY, at);
        }
        put_complex(call, DB, 2 * (uint64_t)c, sum);
    }
}
