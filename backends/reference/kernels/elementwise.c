#include "backends/reference/reference.h"

#include "shaders/affine.gk.h"
#include "shaders/binary.gk.h"
#include "shaders/copy.gk.h"
#include "shaders/outer_scale.gk.h"
#include "shaders/permute.gk.h"
#include "shaders/unary.gk.h"
#include "shaders/unary_grad.gk.h"
#include "shaders/widen.gk.h"

/* Values of FUNC in unary and unary_grad. */
enum { FUNC_SCALE, FUNC_GELU, FUNC_QUICK_GELU, FUNC_RELU, FUNC_RSQRT, FUNC_GELU_TANH };

/* Values of FUNC in binary. */
enum { FUNC_ADD, FUNC_MULTIPLY };

/* P(normal variable < x) */
static double normal_cdf(double x)
{
    return 0.5 * erfc(-x / sqrt(2.0));
}

static double normal_density(double x)
{
    return exp(-0.5 * x * x) / sqrt(2.0 * M_PI);
}

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double activation(gr_ref_call *call, uint32_t func, double x, double alpha)
{
    switch (func) {
    case FUNC_SCALE:
        return alpha * x;
    case FUNC_GELU:
        return x * normal_cdf(x);
    case FUNC_QUICK_GELU:
        return x * sigmoid(1.702 * x);
    case FUNC_RELU:
        return x <= 0 ? 0 : x; /* a NaN stays one */
    case FUNC_RSQRT:
        return 1.0 / sqrt(x + alpha);
    case FUNC_GELU_TANH:
        return 0.5 * x * (1.0 + tanh(sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
    }
    gr_ref_fault(call, "FUNC %u has no meaning", func);
    return NAN;
}

static double derivative(gr_ref_call *call, uint32_t func, double x, double alpha)
{
    switch (func) {
    case FUNC_SCALE:
        return alpha;
    case FUNC_GELU:
        return normal_cdf(x) + x * normal_density(x);
    case FUNC_QUICK_GELU: {
        double s = sigmoid(1.702 * x);
        return s + x * 1.702 * s * (1.0 - s);
    }
    case FUNC_RELU:
        return x > 0 ? 1 : 0;
    case FUNC_RSQRT:
        return -0.5 * pow(x + alpha, -1.5);
    case FUNC_GELU_TANH: {
        double t = tanh(sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x));
        return 0.5 * (1.0 + t) +
               0.5 * x * (1.0 - t * t) * sqrt(2.0 / M_PI) * (1.0 + 3.0 * 0.044715 * x * x);
    }
    }
    gr_ref_fault(call, "FUNC %u has no meaning", func);
    return NAN;
}

void gr_ref_unary(gr_ref_call *call)
{
    enum { X, Y };
    GR_REF_PARAMS(call, unary, p);
    uint32_t func = gr_ref_tunable(call, "FUNC");
    for (uint32_t r = 0; r < p.rows; r++) {
        for (uint32_t c = 0; c < p.cols; c++) {
            double x = gr_ref_get(call, X, gr_ref_at(p.x_offset, r, p.x_stride, c));
            double y = activation(call, func, x, p.alpha);
            gr_ref_put(call, Y, gr_ref_at(p.y_offset, r, p.y_stride, c), y);
        }
    }
}

void gr_ref_unary_grad(gr_ref_call *call)
{
    enum { X, DY, DX };
    GR_REF_PARAMS(call, unary_grad, p);
    uint32_t func = gr_ref_tunable(call, "FUNC");
    uint64_t count = (uint64_t)p.rows * p.cols;
    for (uint64_t i = 0; i < count; i++) {
        double slope = derivative(call, func, gr_ref_get(call, X, i), p.alpha);
        gr_ref_put(call, DX, i, gr_ref_get(call, DY, i) * slope);
    }
}

void gr_ref_copy(gr_ref_call *call)
{
    enum { X, Y };
    GR_REF_PARAMS(call, copy, p);
    bool accumulate = gr_ref_tunable(call, "ACCUMULATE");
    for (uint32_t r = 0; r < p.rows; r++) {
        for (uint32_t c = 0; c < p.cols; c++) {
            uint64_t to = gr_ref_at(p.y_offset, r, p.y_stride, c);
            double y = accumulate ? gr_ref_get(call, Y, to) : 0;
            y += gr_ref_get(call, X, gr_ref_at(p.x_offset, r, p.x_stride, c));
            gr_ref_put(call, Y, to, y);
        }
    }
}

/* Six dimensions, outermost first; the size of dimension 0 is what remains of count. */
void gr_ref_permute(gr_ref_call *call)
{
    enum { X, Y };
    GR_REF_PARAMS(call, permute, p);
    const uint64_t size[6] = {UINT64_MAX, p.d1, p.d2, p.d3, p.d4, p.d5};
    const uint64_t x_stride[6] = {p.xs0, p.xs1, p.xs2, p.xs3, p.xs4, p.xs5};
    const uint64_t y_stride[6] = {p.ys0, p.ys1, p.ys2, p.ys3, p.ys4, p.ys5};
    uint64_t at[6] = {0};
    for (int d = 1; d < 6; d++)
        if (size[d] == 0 && p.count) {
            gr_ref_fault(call, "dimension %d is empty but count is %u", d, p.count);
            return;
        }
    uint64_t from = p.x_offset, to = p.y_offset;
    for (uint32_t i = 0; i < p.count; i++) {
        gr_ref_put(call, Y, to, gr_ref_get(call, X, from));
        for (int d = 5; d >= 0; d--) {
            from += x_stride[d];
            to += y_stride[d];
            if (++at[d] < size[d])
                break;
            from -= size[d] * x_stride[d];
            to -= size[d] * y_stride[d];
            at[d] = 0;
        }
    }
}

void gr_ref_binary(gr_ref_call *call)
{
    enum { A, B, Y };
    GR_REF_PARAMS(call, binary, p);
    uint32_t func = gr_ref_tunable(call, "FUNC");
    if (func > FUNC_MULTIPLY || p.b_rows == 0) {
        gr_ref_fault(call, "FUNC %u with %u rows of b has no meaning", func, p.b_rows);
        return;
    }
    for (uint32_t r = 0; r < p.rows; r++) {
        for (uint32_t c = 0; c < p.cols; c++) {
            uint64_t b_row = gr_ref_at(p.b_offset, r % p.b_rows, p.b_stride, 0);
            double a = gr_ref_get(call, A, gr_ref_at(p.a_offset, r, p.a_stride, c));
            double b = gr_ref_get(call, B, b_row + (uint64_t)c * p.b_step);
            double y = func == FUNC_ADD ? a + p.alpha * b : p.alpha * a * b;
            gr_ref_put(call, Y, gr_ref_at(p.y_offset, r, p.y_stride, c), y);
        }
    }
}

void gr_ref_affine(gr_ref_call *call)
{
    enum { X, SCALE, SHIFT, Y };
    GR_REF_PARAMS(call, affine, p);
    for (uint32_t r = 0; r < p.rows; r++) {
        for (uint32_t c = 0; c < p.cols; c++) {
            double x = gr_ref_get(call, X, gr_ref_at(p.x_offset, r, p.x_stride, c));
            double scale = gr_ref_get(call, SCALE, (uint64_t)p.scale_offset + c);
            double shift = gr_ref_get(call, SHIFT, (uint64_t)p.shift_offset + c);
            gr_ref_put(call, Y, gr_ref_at(p.y_offset, r, p.y_stride, c), x * scale + shift);
        }
    }
}

/* A number of 16 bits: sign, exponent, fraction. */
static double half_value(uint32_t h, int fraction_bits)
{
    int exponent_bits = 15 - fraction_bits, bias = (1 << (exponent_bits - 1)) - 1;
    uint32_t fraction = h & ((1u << fraction_bits) - 1);
    int exponent = (int)(h >> fraction_bits) & ((1 << exponent_bits) - 1);
    double size = exponent ? ldexp(1.0 + ldexp(fraction, -fraction_bits), exponent - bias)
                           : ldexp(fraction, 1 - bias - fraction_bits);
    return h >> 15 ? -size : size;
}

void gr_ref_widen(gr_ref_call *call)
{
    enum { X, Y };
    GR_REF_PARAMS(call, widen, p);
    uint32_t format = gr_ref_tunable(call, "FORMAT"), each = format == 2 ? 4 : 2;
    for (uint64_t i = 0; i < (uint64_t)p.words * each; i++) {
        uint32_t word = gr_ref_get_uint(call, X, p.first + i / each);
        double y;
        if (format == 2)
            y = (int8_t)(word >> i % 4 * 8 & 0xff) * gr_ref_get(call, X, i / p.row);
        else
            y = half_value(word >> i % 2 * 16 & 0xffff, format ? 7 : 10);
        gr_ref_put(call, Y, i, y);
    }
}

void gr_ref_outer_scale(gr_ref_call *call)
{
    enum { W, SCALE_OUT, SCALE_IN, Y };
    GR_REF_PARAMS(call, outer_scale, p);
    for (uint32_t o = 0; o < p.rows; o++) {
        for (uint32_t j = 0; j < p.cols; j++) {
            double w = gr_ref_get(call, W, gr_ref_at(p.w_offset, o, p.w_stride, j));
            double scale = gr_ref_get(call, SCALE_OUT, o) * gr_ref_get(call, SCALE_IN, j);
            gr_ref_put(call, Y, gr_ref_at(p.y_offset, o, p.cols, j), w * (1.0 + scale));
        }
    }
}
