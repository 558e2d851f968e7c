/* rfft2, irfft2, real_dft2, complex_mul. Tolerance: direct sums in float with twiddles rounded to
 * float; with ortho scaling, the error grows with the square root of the axes' lengths; real_dft2
 * has none, and its numbers and errors are larger by the square root of all elements. */
#include "cases.h"

/* n: B, H, W, D. */
static gr_value *rfft2(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_rfft2(op_operand_of(b, GR_SHAPE(n[0], n[1], n[2], n[3])));
}

/* Spectra of every kind, also those that no real signal has. */
static gr_value *irfft2(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_irfft2(op_operand_of(b, GR_SHAPE(n[0], n[1], n[2] / 2 + 1, n[3], 2)), n[2]);
}

static gr_value *there_and_back(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_irfft2(gr_rfft2(op_operand_of(b, GR_SHAPE(n[0], n[1], n[2], n[3]))), n[2]);
}

/* The filter of a global filter network: spectrum times learned weights, and back. */
static gr_value *filter(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *z = gr_rfft2(op_operand_of(b, GR_SHAPE(n[0], n[1], n[2], n[3])));
    gr_value *weight = op_operand_of(b, GR_SHAPE(n[1], n[2] / 2 + 1, n[3], 2));
    return gr_irfft2(gr_complex_mul(z, weight), n[2]);
}

/* n: R, C. */
static gr_value *real_dft2(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_real_dft2(op_operand_of(b, GR_SHAPE(n[0], n[1])));
}

/* n: B, then the axes of the filter but the last. */
static gr_value *complex_mul(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *z = op_operand_of(b, GR_SHAPE(n[0], n[1], n[2], 2));
    return gr_complex_mul(z, op_operand_of(b, GR_SHAPE(n[1], n[2], 2)));
}

#define TRANSFORM(text, op, build)                                                                 \
    {text " 1x1", op, build, {1, 1, 1, 1}, 1}, {text " 4x4", op, build, {2, 4, 4, 3}, 8},          \
        {text " 7x7", op, build, {1, 7, 7, 2}, 14}, {text " 2x3", op, build, {2, 2, 3, 1}, 5},     \
        {text " 14x14", op, build, {1, 14, 14, 1}, 28},                                            \
        {text " 3x4x37", op, build, {2, 3, 4, 37}, 7},                                             \
        {text " 1x197", op, build, {1, 1, 197, 2}, 198},                                           \
        {text " 1x206", op, build, {1, 1, 206, 1}, 207},                                           \
        {text " 14x14x768", op, build, {1, 14, 14, 768}, 28, OP_BIG},                              \
    {                                                                                              \
        text " 197x1", op, build, {1, 197, 1, 2}, 198, OP_BIG                                      \
    }

static const op_case cases[] = {
    TRANSFORM("rfft2", &gr_op_rfft2, rfft2),
    TRANSFORM("irfft2", &gr_op_irfft2, irfft2),
    {"rfft2 and back 14x14", &gr_op_irfft2, there_and_back, {2, 14, 14, 1}, 56},
    {"rfft2 and back 1x206", &gr_op_irfft2, there_and_back, {1, 1, 206, 1}, 414},
    {"filter 4x6", &gr_op_complex_mul, filter, {2, 4, 6, 2}, 20},
    {"real_dft2 1x1", &gr_op_real_dft2, real_dft2, {1, 1}, 2 * 1 * 1},
    {"real_dft2 4x6", &gr_op_real_dft2, real_dft2, {4, 6}, 10 * 4 * 6},
    {"real_dft2 7x5", &gr_op_real_dft2, real_dft2, {7, 5}, 12 * 7 * 5},
    {"real_dft2 1x8", &gr_op_real_dft2, real_dft2, {1, 8}, 9 * 1 * 8},
    {"real_dft2 9x1", &gr_op_real_dft2, real_dft2, {9, 1}, 10 * 9 * 1},
    {"real_dft2 65x2", &gr_op_real_dft2, real_dft2, {65, 2}, 67 * 65 * 2}, /* a library's length */
    {"real_dft2 66x70", &gr_op_real_dft2, real_dft2, {66, 70}, 136 * 66 * 70, OP_BIG},
    {"real_dft2 65x67", &gr_op_real_dft2, real_dft2, {65, 67}, 132 * 65 * 67, OP_BIG},
    {"complex_mul 1", &gr_op_complex_mul, complex_mul, {1, 1, 1}},
    {"complex_mul 3x5x7", &gr_op_complex_mul, complex_mul, {3, 5, 7}},
    {"complex_mul 2x1x257", &gr_op_complex_mul, complex_mul, {2, 1, 257}},
    {"complex_mul of 65537 samples", &gr_op_complex_mul, complex_mul, {65537, 1, 2}, 0, OP_BIG},
};

const op_group op_group_fourier = {
    "fourier", cases, OP_CASE_COUNT(cases), {.absolute = 6e-7, .relative = 6e-7}, 0.5};
