#include "backends/reference/reference.h"

#include "shaders/complex_mul.gk.h"
#include "shaders/complex_mul_grad.gk.h"
#include "shaders/dft.gk.h"
#include "shaders/unfold_real.gk.h"

#include <complex.h>
#include <stdlib.h>

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

enum { X, TWIDDLE, Y }; /* bindings of dft */

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

/* a b, without C's care for infinities. */
static double complex product(double complex a, double complex b)
{
    double re = creal(a) * creal(b) - cimag(a) * cimag(b);
    return re + I * (creal(a) * cimag(b) + cimag(a) * creal(b));
}

/* out[k] = sum_t in[t stride] e^(sign 2 pi i t k / n): by the definition where n is prime, else
 * from the transforms of every p-th point, p the smallest prime factor. roots[j] is
 * e^(sign 2 pi i j / (n stride)); `room` holds n values. */
static void transform_line(const double complex *in, uint64_t stride, uint64_t n,
                           const double complex *roots, double complex *out, double complex *room)
{
    uint64_t p = 2;
    while (n % p && p * p <= n)
        p++;
    p = n % p ? n : p;
    uint64_t m = n / p;
    if (n == 1) {
        out[0] = in[0];
        return;
    }
    for (uint64_t r = 0; r < p; r++)
        transform_line(in + r * stride, stride * p, m, roots, room + r * m, out);
    for (uint64_t k = 0; k < n; k++) {
        uint64_t turn = 0; /* r k modulo n */
        const double complex *part = room + k % m;
        out[k] = 0;
        for (uint64_t r = 0; r < p; r++) {
            out[k] += product(part[r * m], roots[turn * stride]);
            turn += k < n - turn ? k : k - n;
        }
    }
}

/* One line along the axis; what a half spectrum leaves out is zero. */
static void read_line(gr_ref_call *call, const transform *t, uint64_t from, double complex *line)
{
    uint64_t given = t->real_out ? t->p.bins : t->p.n;
    for (uint64_t k = 0; k < t->p.n; k++) {
        uint64_t at = k * t->p.inner;
        line[k] = 0;
        if (k < given)
            line[k] =
                t->real_in ? gr_ref_get(call, X, from + at) : get_complex(call, X, from + 2 * at);
        if (t->weigh_in)
            line[k] *= multiplicity(k, t->p.n);
    }
}

static void write_line(gr_ref_call *call, const transform *t, uint64_t to,
                       const double complex *line)
{
    uint64_t wanted = t->real_in ? t->p.bins : t->p.n;
    for (uint64_t k = 0; k < wanted; k++) {
        double complex y = t->p.scale * line[k];
        uint64_t at = k * t->p.inner;
        if (t->weigh_out)
            y *= multiplicity(k, t->p.n);
        if (t->real_out)
            gr_ref_put(call, Y, to + at, creal(y));
        else
            put_complex(call, Y, to + 2 * at, y);
    }
}

/* The exponentials are computed here, so that a wrong twiddle table of the host shows, too. `room`
 * holds 4 n values. */
static void transform_lines(gr_ref_call *call, const transform *t, double complex *room)
{
    const gr_dft_params *p = &t->p;
    uint64_t n = p->n;
    double complex *roots = room, *in = room + n, *out = room + 2 * n;
    for (uint64_t j = 0; j < n; j++)
        roots[j] = cexp(t->sign * 2.0 * M_PI * I * (double)j / (double)n);
    for (uint32_t o = 0; o < p->outer; o++)
        for (uint64_t i = 0; i < p->inner; i++) {
            uint64_t x = i * (t->real_in ? 1 : 2), y = i * (t->real_out ? 1 : 2);
            read_line(call, t, gr_ref_at(p->x_offset, o, p->x_stride, x), in);
            transform_line(in, 1, n, roots, out, room + 3 * n);
            write_line(call, t, gr_ref_at(p->y_offset, o, p->y_stride, y), out);
        }
}

void gr_ref_dft(gr_ref_call *call)
{
    GR_REF_PARAMS(call, dft, p);
    uint32_t mode = gr_ref_tunable(call, "MODE");
    transform t = mode < MODE_COUNT ? modes[mode] : (transform){0};
    if (t.sign == 0 || p.n == 0 || ((t.real_in || t.real_out) && p.bins != p.n / 2 + 1)) {
        gr_ref_fault(call, "MODE %u with n %u, bins %u has no meaning", mode, p.n, p.bins);
        return;
    }
    t.p = p;
    gr_ref_get(call, TWIDDLE, 2 * (uint64_t)p.n - 1); /* only that it is long enough */
    double complex *room = malloc(4 * (size_t)p.n * sizeof(*room));
    if (room)
        transform_lines(call, &t, room);
    else
        gr_ref_fault(call, "out of memory");
    free(room);
}

/* What the half spectrum leaves out is the conjugate at the negated frequency. */
void gr_ref_unfold_real(gr_ref_call *call)
{
    enum { SPECTRUM, REAL };
    GR_REF_PARAMS(call, unfold_real, p);
    for (uint32_t r = 0; r < p.rows; r++) {
        for (uint32_t c = 0; c < p.cols; c++) {
            bool there = r < p.rows / 2 + 1;
            uint32_t from_r = there ? r : (p.rows - r) % p.rows;
            uint32_t from_c = there ? c : (p.cols - c) % p.cols;
            double re = gr_ref_get(call, SPECTRUM, 2 * gr_ref_at(0, from_r, p.cols, from_c));
            gr_ref_put(call, REAL, gr_ref_at(0, r, p.cols, c), re);
        }
    }
}

void gr_ref_complex_mul(gr_ref_call *call)
{
    enum { A, B, C };
    GR_REF_PARAMS(call, complex_mul, p);
    bool conjugate = gr_ref_tunable(call, "CONJ");
    for (uint32_t r = 0; r < p.rows; r++) {
        for (uint32_t c = 0; c < p.cols; c++) {
            uint64_t at = 2 * gr_ref_at(0, r, p.cols, c);
            double complex b = get_complex(call, B, 2 * (uint64_t)c);
            put_complex(call, C, at, get_complex(call, A, at) * (conjugate ? conj(b) : b));
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
