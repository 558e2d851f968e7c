/* Discrete Fourier transforms along one axis: what the Fourier operators are lowered to. */
#ifndef GR_FOURIER_PASS_H
#define GR_FOURIER_PASS_H

#include "plan/lower.h"

/* The modes of shaders/dft.gk, which defines them. */
typedef enum gr_fourier_mode {
    GR_FOURIER_REAL_TO_HALF = 0,
    GR_FOURIER_COMPLEX_FORWARD = 1,
    GR_FOURIER_COMPLEX_INVERSE = 2,
    GR_FOURIER_HALF_TO_REAL = 3,
    GR_FOURIER_REAL_TO_HALF_ADJOINT = 4,
    GR_FOURIER_HALF_TO_REAL_ADJOINT = 5,
} gr_fourier_mode;

/* A transform of length n of [outer, n, inner] values, times scale. A half spectrum has n/2 + 1
 * values in the place of n, complex ones are (re, im) pairs. */
typedef struct gr_fourier_pass {
    gr_fourier_mode mode;
    int64_t outer, n, inner;
    float scale;
} gr_fourier_pass;

/* (cos, sin) of 2 pi t / n for t < n, one table per graph and length. */
gr_value *gr_fourier_twiddles(gr_graph *graph, int64_t n);

/* x and y: dense, from the start of their slots. twiddle: gr_fourier_twiddles of n. */
void gr_lower_fourier_pass(gr_plan *plan, const gr_fourier_pass *pass, const gr_view *x,
                           const gr_value *twiddle, const gr_view *y);

#endif
