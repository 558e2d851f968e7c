#include "reference_support.h"

#include "shaders/complex_mul.gk.h"
#include "shaders/complex_mul_grad.gk.h"
#include "shaders/conv2d.gk.h"
#include "shaders/conv2d_grad_w.gk.h"
#include "shaders/dft.gk.h"
#include "shaders/unfold_real.gk.h"

#include <math.h>

/* A window with a single 1 in its first corner moves the image by one pixel. */
static void test_conv2d_shift(void **state)
{
    float x[] = {1, 2, 3, 4, 5, 6}, w[9] = {1}, bias[] = {10}, y[6];
    gr_conv2d_params p = {.batch = 1, .height = 2, .width = 3, .cin = 1, .cout = 1, .kh = 3};
    p.kw = 3;
    p.pad = 1;
    RUN(*state, conv2d, .params = &p, .arrays = {ARRAY(x), ARRAY(w), ARRAY(bias), ARRAY(y)});
    CHECK(y, 10, 10, 10, 10, 11, 12);
    RUN(*state, conv2d, .params = &p, .tunables = {{"HAS_BIAS", 0}, {"TRANSPOSED", 1}},
        .arrays = {ARRAY(x), ARRAY(w), ARRAY(bias), ARRAY(y)});
    CHECK(y, 5, 6, 0, 0, 0, 0);
}

/* Two images, two channels in, three out, a window of 1 x 2 without padding. */
static void test_conv2d_channels(void **state)
{
    float x[] = {9, 1, 2, 3, 4, 9, 5, 6, 7, 8};
    float w[] = {1, 0, 0, 0, /* first pixel, channel 0 */
                 0, 0, 0, 1, /* second pixel, channel 1 */
                 1, 1, 1, 1};
    float bias[] = {0, 0, 100}, y[7] = {0};
    gr_conv2d_params p = {.batch = 2, .height = 1, .width = 2, .cin = 2, .cout = 3, .kh = 1};
    p.kw = 2;
    p.x_offset = 1, p.x_stride = 5;
    p.y_offset = 0, p.y_stride = 4;
    RUN(*state, conv2d, .params = &p, .arrays = {ARRAY(x), ARRAY(w), ARRAY(bias), ARRAY(y)});
    CHECK(y, 1, 4, 110, 0, 5, 8, 126);
}

/* The gradient of one output pixel stamps the window of its channel on the input. */
static void test_conv2d_transposed(void **state)
{
    float w[36], none[] = {0, 0}, dx[18];
    for (int i = 0; i < 36; i++) /* forward [cout 2, cin 2, 3, 3] */
        w[i] = (float)i;
    float dy[18] = {0};
    dy[4 * 2 + 1] = 1; /* the middle of 3 x 3, channel 1 */
    gr_conv2d_params p = {.batch = 1, .height = 3, .width = 3, .cin = 2, .cout = 2, .kh = 3};
    p.kw = 3;
    p.pad = 1;
    RUN(*state, conv2d, .params = &p, .tunables = {{"HAS_BIAS", 0}, {"TRANSPOSED", 1}},
        .arrays = {ARRAY(dy), ARRAY(w), ARRAY(none), ARRAY(dx)});
    CHECK(dx, 18, 27, 19, 28, 20, 29, 21, 30, 22, 31, 23, 32, 24, 33, 25, 34, 26, 35);
}

/* One output pixel sees the whole 3 x 3 image through its window. */
static void test_conv2d_grad_w(void **state)
{
    float x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, dy[9] = {0}, dw[9];
    gr_conv2d_grad_w_params p = {.batch = 1, .height = 3, .width = 3, .cin = 1, .cout = 1};
    p.kh = p.kw = 3;
    p.pad = 1;
    p.x_offset = 1;
    dy[4] = 2;
    RUN(*state, conv2d_grad_w, .params = &p, .arrays = {ARRAY(x), ARRAY(dy), ARRAY(dw)});
    CHECK(dw, 2, 4, 6, 8, 10, 12, 14, 16, 18);
    dy[4] = 0;
    dy[0] = 1; /* the corner: padding above and to the left */
    RUN(*state, conv2d_grad_w, .params = &p, .arrays = {ARRAY(x), ARRAY(dy), ARRAY(dw)});
    CHECK(dw, 0, 0, 0, 0, 1, 2, 0, 4, 5);

    /* 1 x 1: dw[co, ci] = sum over images of dy x; dy is [batch, co], x is [batch, ci]. */
    float u[] = {1, 2, 9, 3, 4}, du[] = {9, 1, 10, 100, 1000}, dv[4];
    gr_conv2d_grad_w_params q = {.batch = 2, .height = 1, .width = 1, .cin = 2, .cout = 2};
    q.kh = q.kw = 1;
    q.x_stride = 3;
    q.dy_offset = 1, q.dy_stride = 2;
    RUN(*state, conv2d_grad_w, .params = &q, .arrays = {ARRAY(u), ARRAY(du), ARRAY(dv)});
    CHECK(dv, 301, 402, 3010, 4020);
}

enum { REAL_TO_HALF, FORWARD, INVERSE, HALF_TO_REAL, REAL_TO_HALF_ADJOINT, HALF_TO_REAL_ADJOINT };

static gr_dft_params dft_of(uint32_t n)
{
    return (gr_dft_params){.outer = 1, .n = n, .bins = n / 2 + 1, .inner = 1, .scale = 1};
}

/* cos(2 pi 2 t / 8) has one line, of height n / 2; an impulse at 1 has the powers of e^(-2 pi i/n).
 */
static void test_dft_real(void **state)
{
    float x[8], twiddle[16] = {0}, y[10];
    for (int t = 0; t < 8; t++)
        x[t] = (float)cos(2 * M_PI * 2 * t / 8);
    gr_dft_params p = dft_of(8);
    RUN(*state, dft, .params = &p, .arrays = {ARRAY(x), ARRAY(twiddle), ARRAY(y)});
    CHECK(y, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0);

    float u[] = {0, 1, 0, 0, 0}, v[6];
    p = dft_of(5);
    p.scale = 2;
    RUN(*state, dft, .params = &p, .arrays = {ARRAY(u), ARRAY(twiddle), ARRAY(v)});
    CHECK(v, 2, 0, 0.618033989f, -1.902113033f, -1.618033989f, -1.175570505f);
}

static void test_dft_complex(void **state)
{
    float x[] = {0, 0, 0, 1, 0, 0, 0, 0}, twiddle[8] = {0}, y[8];
    gr_dft_params p = dft_of(4);
    RUN(*state, dft, .params = &p, .tunables = {{"MODE", FORWARD}},
        .arrays = {ARRAY(x), ARRAY(twiddle), ARRAY(y)});
    CHECK(y, 0, 1, 1, 0, 0, -1, -1, 0);
    RUN(*state, dft, .params = &p, .tunables = {{"MODE", INVERSE}},
        .arrays = {ARRAY(x), ARRAY(twiddle), ARRAY(y)});
    CHECK(y, 0, 1, -1, 0, 0, -1, 1, 0);
}

/* The imaginary parts at 0 and n / 2 count for nothing. */
static void test_dft_half_to_real(void **state)
{
    float x[] = {1, 7, 0, 1, 3, 5}, twiddle[8] = {0}, y[4];
    gr_dft_params p = dft_of(4);
    RUN(*state, dft, .params = &p, .tunables = {{"MODE", HALF_TO_REAL}},
        .arrays = {ARRAY(x), ARRAY(twiddle), ARRAY(y)});
    CHECK(y, 4, -4, 4, 0);
    RUN(*state, dft, .params = &p, .tunables = {{"MODE", REAL_TO_HALF_ADJOINT}},
        .arrays = {ARRAY(x), ARRAY(twiddle), ARRAY(y)});
    CHECK(y, 4, -3, 4, -1);

    float u[] = {1, 0, 1, 0}, v[3];
    p = dft_of(3);
    RUN(*state, dft, .params = &p, .tunables = {{"MODE", HALF_TO_REAL}},
        .arrays = {ARRAY(u), ARRAY(twiddle), ARRAY(v)});
    CHECK(v, 3, 0, 0);
}

static void test_dft_half_to_real_adjoint(void **state)
{
    float x[] = {0, 1, 0, 0}, twiddle[8] = {0}, y[6];
    gr_dft_params p = dft_of(4);
    RUN(*state, dft, .params = &p, .tunables = {{"MODE", HALF_TO_REAL_ADJOINT}},
        .arrays = {ARRAY(x), ARRAY(twiddle), ARRAY(y)});
    CHECK(y, 1, 0, 0, -2, -1, 0);
}

/* Rows 2 of 3 and 2, 3 of 4 come from rows 1 and 2, 1, with columns 1 and 2 exchanged. */
static void test_unfold_real(void **state)
{
    float x[] = {1, 9, 2, 9, 3, 9, 4, 9, 5, 9, 6, 9}, y[9];
    gr_unfold_real_params p = {.rows = 3, .cols = 3};
    RUN(*state, unfold_real, .params = &p, .arrays = {ARRAY(x), ARRAY(y)});
    CHECK(y, 1, 2, 3, 4, 5, 6, 4, 6, 5);

    float u[] = {1, 9, 2, 9, 3, 9, 4, 9, 5, 9, 6, 9}, v[8];
    p = (gr_unfold_real_params){.rows = 4, .cols = 2};
    RUN(*state, unfold_real, .params = &p, .arrays = {ARRAY(u), ARRAY(v)});
    CHECK(v, 1, 2, 3, 4, 5, 6, 3, 4);
}

/* Two lines of two columns each: [outer 2, n 2, inner 2], with gaps between the lines. */
static void test_dft_axis(void **state)
{
    float x[] = {9, 1, 10, 2, 20, 9, 3, 30, 5, 50}, twiddle[4] = {0}, y[18] = {0};
    gr_dft_params p = dft_of(2);
    p.outer = 2;
    p.inner = 2;
    p.x_offset = 1, p.x_stride = 5;
    p.y_offset = 1, p.y_stride = 9;
    RUN(*state, dft, .params = &p, .arrays = {ARRAY(x), ARRAY(twiddle), ARRAY(y)});
    CHECK(y, 0, 3, 0, 30, 0, -1, 0, -10, 0, 0, 8, 0, 80, 0, -2, 0, -20, 0);
}

static void test_complex_mul(void **state)
{
    float a[] = {1, 2, 0, 1, 1, 0, 2, 0}, b[] = {3, 4, 5, 6}, y[8];
    gr_complex_mul_params p = {.rows = 2, .cols = 2};
    RUN(*state, complex_mul, .params = &p, .arrays = {ARRAY(a), ARRAY(b), ARRAY(y)});
    CHECK(y, -5, 10, -6, 5, 3, 4, 10, 12);
    RUN(*state, complex_mul, .params = &p, .tunables = {{"CONJ", 1}},
        .arrays = {ARRAY(a), ARRAY(b), ARRAY(y)});
    CHECK(y, 11, 2, 6, 5, 3, -4, 10, -12);
}

static void test_complex_mul_grad(void **state)
{
    float dy[] = {3, 4, 1, 1, 1, 0, 2, 0}, a[] = {1, 2, 1, 0, 0, 1, 0, 0}, db[4];
    gr_complex_mul_grad_params p = {.rows = 2, .cols = 2};
    RUN(*state, complex_mul_grad, .params = &p, .arrays = {ARRAY(dy), ARRAY(a), ARRAY(db)});
    CHECK(db, 11, -3, 1, 1);
}

int reference_signal_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_conv2d_shift),      TEST(test_conv2d_channels),
        TEST(test_conv2d_transposed), TEST(test_conv2d_grad_w),
        TEST(test_dft_real),          TEST(test_dft_complex),
        TEST(test_dft_half_to_real),  TEST(test_dft_half_to_real_adjoint),
        TEST(test_unfold_real),       TEST(test_dft_axis),
        TEST(test_complex_mul),       TEST(test_complex_mul_grad),
    };
    return cmocka_run_group_tests_name("reference: convolution and Fourier", tests, NULL, NULL);
}
