/* conv2d and resize_rgba8. conv2d, n: B, H, W, Cin, Cout, k, pad, bias. Tolerance: as for matmul, a
 * float sum of products of numbers in [-1, 1), in order. */
#include "cases.h"

static gr_value *conv2d(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *x = op_operand_of(b, GR_SHAPE(n[0], n[1], n[2], n[3]));
    gr_value *w = op_operand_of(b, GR_SHAPE(n[4], n[3], n[5], n[5]));
    gr_value *bias = n[7] ? op_operand_of(b, GR_SHAPE(n[4])) : NULL;
    return gr_conv2d(x, w, bias, (int)n[6]);
}

#define CONV(text, ...)                                                                            \
    {                                                                                              \
        "conv2d " text, &gr_op_conv2d, conv2d, __VA_ARGS__                                         \
    }

/* n: B, H, W, height and width of the result, bgra. Sums of so many bytes, weighted by whole
 * numbers that are exact: as a convolution. */
static gr_value *resize_rgba8(op_build *b)
{
    const int64_t *n = b->test->n;
    const float mean[] = {0.485f, 0.456f, 0.406f}, deviation[] = {0.229f, 0.224f, 0.225f};
    gr_value *pixels = op_pixels(b, GR_SHAPE(n[0], n[1], n[2]));
    return gr_resize_rgba8(pixels, n[3], n[4], mean, deviation, n[5]);
}

#define RESIZE(text, terms, ...)                                                                   \
    {                                                                                              \
        "resize_rgba8 " text, &gr_op_resize_rgba8, resize_rgba8, __VA_ARGS__, terms,               \
            OP_NO_GRADIENT | OP_PLAIN_ONLY                                                         \
    }

static const op_case cases[] = {
    RESIZE("of one pixel", 4, {1, 1, 1, 1, 1, 0}),
    RESIZE("to the same size", 4, {2, 5, 7, 5, 7, 0}),
    RESIZE("to a larger one", 4, {1, 4, 3, 9, 10, 1}),
    RESIZE("to a smaller one", 36, {2, 24, 31, 8, 9, 0}),
    RESIZE("to one pixel", 1024, {1, 32, 32, 1, 1, 0}),
    RESIZE("narrower and higher", 8, {1, 9, 40, 17, 11, 1}),
    {"resize_rgba8 270x480 to 64",
     &gr_op_resize_rgba8,
     resize_rgba8,
     {1, 270, 480, 64, 64, 1},
     100,
     OP_BIG},

    CONV("1x1 of one pixel", {1, 1, 1, 1, 1, 1, 0, 0}),
    CONV("1x1", {2, 3, 5, 3, 4, 1, 0, 1}),
    CONV("3x3", {2, 5, 4, 3, 2, 3, 0, 1}, 27),
    CONV("3x3 same size", {2, 4, 5, 2, 3, 3, 1, 0}, 18),
    CONV("3x3 of one pixel", {1, 1, 1, 2, 2, 3, 1, 1}, 18),
    CONV("3x3 same size of 9x7x8", {3, 9, 7, 8, 8, 3, 1, 1}, 72),
    CONV("5x5 with padding 1", {1, 5, 6, 1, 2, 5, 1, 1}, 25),
    CONV("3x3 14x14x8", {8, 14, 14, 8, 8, 3, 1, 1}, 72, OP_BIG),
    CONV("3x3 14x14x64", {2, 14, 14, 64, 64, 3, 1, 1}, 576, OP_BIG),
    CONV("of 65537 images", {65537, 1, 1, 1, 2, 1, 0, 1}, 1, OP_BIG),
};

const op_group op_group_conv = {
    "conv", cases, OP_CASE_COUNT(cases), {.absolute = 3e-7, .relative = 6e-7}, 1.0};
