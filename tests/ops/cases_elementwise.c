/* Operators that treat every element alike: unary, add, mul, affine, outer_scale, dropout.
 *
 * Sizes are around the work-group sizes 64 and 256. Tolerance: results are of the order of 1, and
 * one or two roundings of 6e-8 are all that may differ; gelu adds the 1.2e-7 of its erfc. */
#include "cases.h"

/* n: function, then the shape's two axes. */
static gr_value *unary(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_shape shape = n[1] ? GR_SHAPE(n[1], n[2]) : GR_SHAPE(n[2]);
    gr_value *x = n[0] == GR_FUNC_RELU    ? op_operand_away_from_zero(b, shape)
                  : n[0] == GR_FUNC_RSQRT ? op_operand_in(b, shape, 0.0f, 4.0f)
                                          : op_operand_in(b, shape, -4.0f, 4.0f);
    return gr_unary(x, (gr_func)n[0], n[0] == GR_FUNC_SCALE ? -0.625f : 1.0f);
}

/* n: shape of a (4 axes, 0: absent), axes of b. The second operand has the trailing axes. */
static gr_shape shape_of(const int64_t *n)
{
    gr_shape shape = {0};
    for (int i = 0; i < 4; i++)
        if (n[i])
            shape.dim[shape.rank++] = n[i];
    return shape;
}

static void operands(op_build *b, gr_value **left, gr_value **right)
{
    gr_shape shape = shape_of(b->test->n);
    int keep = (int)b->test->n[4];
    *left = op_operand_of(b, shape);
    *right = op_operand_of(b, gr_shape_of(keep, shape.dim + shape.rank - keep));
}

static gr_value *add(op_build *b)
{
    gr_value *left, *right;
    operands(b, &left, &right);
    return gr_add(left, right);
}

static gr_value *add_scaled(op_build *b)
{
    gr_value *left, *right;
    operands(b, &left, &right);
    return gr_add_scaled(left, right, -0.375f);
}

static gr_value *mul(op_build *b)
{
    gr_value *left, *right;
    operands(b, &left, &right);
    return gr_mul(left, right);
}

/* Both operands the same value: two contributions to one gradient. */
static gr_value *square(op_build *b)
{
    gr_value *x = op_operand_of(b, shape_of(b->test->n));
    return gr_mul(x, x);
}

static gr_value *affine(op_build *b)
{
    gr_shape shape = shape_of(b->test->n);
    int64_t cols = shape.dim[shape.rank - 1];
    gr_value *x = op_operand_of(b, shape);
    gr_value *scale = op_operand_of(b, GR_SHAPE(cols));
    return gr_affine(x, scale, op_operand_of(b, GR_SHAPE(cols)));
}

static gr_value *outer_scale(op_build *b)
{
    gr_shape shape = shape_of(b->test->n);
    gr_value *w = op_operand_of(b, shape);
    gr_value *out = op_operand_of(b, GR_SHAPE(shape.dim[0]));
    return gr_outer_scale(w, out, op_operand_of(b, GR_SHAPE(shape.dim[1])));
}

/* n[4]: per sample. */
static gr_value *dropout(op_build *b)
{
    gr_value *x = op_operand_of(b, shape_of(b->test->n));
    return gr_dropout(x, 0.3f, 7, b->test->n[4], op_scalars(b));
}

#define UNARY(text, func)                                                                          \
    {"unary " text " 1", &gr_op_unary, unary, {func, 0, 1}},                                       \
        {"unary " text " 13x7", &gr_op_unary, unary, {func, 13, 7}},                               \
        {"unary " text " 255", &gr_op_unary, unary, {func, 0, 255}},                               \
        {"unary " text " 2x256", &gr_op_unary, unary, {func, 2, 256}},                             \
        {"unary " text " 257", &gr_op_unary, unary, {func, 0, 257}},                               \
    {                                                                                              \
        "unary " text " 197x768", &gr_op_unary, unary, {func, 197, 768}, .flags = OP_BIG           \
    }

#define BINARY(text, op, build)                                                                    \
    {text " 1", op, build, {0, 0, 0, 1, 1}}, {text " 3x5x7", op, build, {0, 3, 5, 7, 3}},          \
        {text " 2x3x5x7 with 5x7", op, build, {2, 3, 5, 7, 2}},                                    \
        {text " 11x65 with 65", op, build, {0, 0, 11, 65, 1}},                                     \
        {text " 13x3 with one number", op, build, {0, 0, 13, 3, 0}},                               \
        {text " 257 with 257", op, build, {0, 0, 0, 257, 1}},                                      \
        {text " 4x197x768 with 768", op, build, {0, 4, 197, 768, 1}, .flags = OP_BIG},             \
        {text " 4x197x768 with 197x768", op, build, {0, 4, 197, 768, 2}, .flags = OP_BIG},         \
    {                                                                                              \
        text " of 65537 rows", op, build, {0, 0, 65537, 3, 1}, .flags = OP_BIG                     \
    }

static const op_case cases[] = {
    UNARY("scale", GR_FUNC_SCALE),
    UNARY("gelu", GR_FUNC_GELU),
    UNARY("quick gelu", GR_FUNC_QUICK_GELU),
    UNARY("gelu tanh", GR_FUNC_GELU_TANH),
    UNARY("relu", GR_FUNC_RELU),
    UNARY("rsqrt", GR_FUNC_RSQRT),
    {"unary of 66049 groups", &gr_op_unary, unary, {GR_FUNC_GELU, 129, 131073}, .flags = OP_BIG},
    BINARY("add", &gr_op_add, add),
    BINARY("add_scaled", &gr_op_add, add_scaled),
    BINARY("mul", &gr_op_mul, mul),
    {"mul by itself", &gr_op_mul, square, {0, 3, 5, 7}},
    {"add of 66049 groups", &gr_op_add, add, {0, 0, 129, 131073, 2}, .flags = OP_BIG},
    {"affine 1", &gr_op_affine, affine, {0, 0, 0, 1}},
    {"affine 3x5x7", &gr_op_affine, affine, {0, 3, 5, 7}},
    {"affine 5x257", &gr_op_affine, affine, {0, 0, 5, 257}},
    {"affine 4x197x768", &gr_op_affine, affine, {0, 4, 197, 768}, .flags = OP_BIG},
    {"affine of 65537 rows", &gr_op_affine, affine, {0, 0, 65537, 3}, .flags = OP_BIG},
    {"outer_scale 1x1", &gr_op_outer_scale, outer_scale, {0, 0, 1, 1}},
    {"outer_scale 7x13", &gr_op_outer_scale, outer_scale, {0, 0, 7, 13}},
    {"outer_scale 3x257", &gr_op_outer_scale, outer_scale, {0, 0, 3, 257}},
    {"outer_scale 768x768", &gr_op_outer_scale, outer_scale, {0, 0, 768, 768}, .flags = OP_BIG},
    {"dropout 1", &gr_op_dropout, dropout, {0, 0, 0, 1}},
    {"dropout 5x257", &gr_op_dropout, dropout, {0, 0, 5, 257}},
    {"dropout per sample 7x3x5", &gr_op_dropout, dropout, {0, 7, 3, 5, 1}},
    {"dropout 4x197x768", &gr_op_dropout, dropout, {0, 4, 197, 768}, .flags = OP_BIG},
};

const op_group op_group_elementwise = {
    "elementwise", cases, OP_CASE_COUNT(cases), {.absolute = 6e-7, .relative = 4e-7}};
