/* Operators that look at a whole row or column: softmax, layer_norm,
 * l2_normalize, cayley, reduce, cross_entropy.
 *
 * Sizes are around the work-group size 64. Tolerance: results are of the order of 1; the sums
 * behind them are kept in float by the kernels, and exp and rsqrt are good to a few units in the
 * last place. */
#include "cases.h"

static gr_value *softmax(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_softmax(op_operand_in(b, GR_SHAPE(n[0], n[1], n[2]), -3.0f, 3.0f), 1.25f);
}

/* Rows whose exponentials overflow or vanish without the shift by the maximum. */
static gr_value *softmax_of_large(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_softmax(op_operand_in(b, GR_SHAPE(n[0], n[1], n[2]), -300.0f, 300.0f), 1.0f);
}

static gr_value *layer_norm(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *x = op_operand_in(b, GR_SHAPE(n[0], n[1], n[2]), -1.0f, 3.0f);
    gr_value *gamma = op_operand_of(b, GR_SHAPE(n[2]));
    return gr_layer_norm(x, gamma, op_operand_of(b, GR_SHAPE(n[2])), 1e-3f);
}

static gr_value *plain_layer_norm(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_layer_norm(op_operand_of(b, GR_SHAPE(n[0], n[1], n[2])), NULL, NULL, 1e-3f);
}

static gr_value *l2_normalize(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_l2_normalize(op_operand_away_from_zero(b, GR_SHAPE(n[0], n[1], n[2])));
}

/* n: B, D. */
static gr_value *batch_norm(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_batch_norm(op_operand_of(b, GR_SHAPE(n[0], n[1])), 1e-3f);
}

static gr_value *batch_norm_fixed(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *x = op_operand_of(b, GR_SHAPE(n[0], n[1]));
    gr_value *mean = op_operand_of(b, GR_SHAPE(n[1]));
    return gr_batch_norm_fixed(x, mean, op_operand_in(b, GR_SHAPE(n[1]), 0.5f, 2.0f), 1e-3f);
}

static gr_value *batch_variance(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *x = op_operand_of(b, GR_SHAPE(n[0], n[1]));
    return gr_batch_variance(x, gr_batch_mean(x));
}

/* n: leading axes, rows of a block. */
static gr_value *cayley(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_cayley(op_operand_of(b, GR_SHAPE(n[0], n[1], n[2], n[2])));
}

static gr_value *cayley_of_one(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_cayley(op_operand_of(b, GR_SHAPE(n[0], n[0])));
}

/* n: three axes, axes that stay. */
static gr_value *reduce(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_sum_leading(op_operand_of(b, GR_SHAPE(n[0], n[1], n[2])), (int)n[3]);
}

/* n: rows, classes. */
static gr_value *cross_entropy(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *logits = op_operand_in(b, GR_SHAPE(n[0], n[1]), -3.0f, 3.0f);
    gr_value *labels = op_labels(b, n[0], n[1]);
    return gr_cross_entropy(logits, labels, op_scalars(b));
}

/* One of the terms of a loss. */
static gr_value *cross_entropy_term(op_build *b)
{
    return gr_scale(cross_entropy(b), -1.5f);
}

static gr_value *soft_cross_entropy(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *logits = op_operand_in(b, GR_SHAPE(n[0], n[1]), -3.0f, 3.0f);
    gr_value *targets = op_targets(b, n[0], n[1]);
    return gr_soft_cross_entropy(logits, targets, op_scalars(b));
}

#define BY_ROWS(text, op, build)                                                                   \
    {text " 1x1x1", op, build, {1, 1, 1}}, {text " 2x3x7", op, build, {2, 3, 7}},                  \
        {text " 1x3x63", op, build, {1, 3, 63}}, {text " 1x2x64", op, build, {1, 2, 64}},          \
        {text " 3x1x65", op, build, {3, 1, 65}}, {text " 2x2x197", op, build, {2, 2, 197}, 197},   \
        {text " 4x197x768", op, build, {4, 197, 768}, 768, OP_BIG},                                \
        {text " of 65537 rows", op, build, {65537, 1, 16}, 16, OP_BIG},                            \
    {                                                                                              \
        text " of 131075 columns", op, build, {1, 2, 131075}, 131075, OP_BIG                       \
    }

#define REDUCE(text, ...)                                                                          \
    {                                                                                              \
        "reduce " text, &gr_op_reduce, reduce, __VA_ARGS__                                         \
    }

#define ENTROPY(text, ...)                                                                         \
    {                                                                                              \
        "cross_entropy " text, &gr_op_cross_entropy, cross_entropy, __VA_ARGS__                    \
    }

#define SOFT_ENTROPY(text, ...)                                                                    \
    {                                                                                              \
        "soft_cross_entropy " text, &gr_op_cross_entropy, soft_cross_entropy, __VA_ARGS__          \
    }

static const op_case cases[] = {
    BY_ROWS("softmax", &gr_op_softmax, softmax),
    {"softmax of large numbers", &gr_op_softmax, softmax_of_large, {2, 3, 65}, 0, OP_NO_GRADIENT},
    BY_ROWS("layer_norm", &gr_op_layer_norm, layer_norm),
    BY_ROWS("layer_norm without affine", &gr_op_layer_norm, plain_layer_norm),
    BY_ROWS("l2_normalize", &gr_op_l2_normalize, l2_normalize),
    {"batch_norm 5x7", &gr_op_layer_norm, batch_norm, {5, 7}},
    {"batch_norm 65x3", &gr_op_layer_norm, batch_norm, {65, 3}},
    {"batch_norm fixed 5x7", &gr_op_unary, batch_norm_fixed, {5, 7}},
    {"batch_variance 9x7", &gr_op_reduce, batch_variance, {9, 7}, 9},
    {"cayley of one 5x5", &gr_op_cayley, cayley_of_one, {5}},
    {"cayley 1x1x1", &gr_op_cayley, cayley, {1, 1, 1}, 0, OP_NO_GRADIENT},
    {"cayley 2x3x2", &gr_op_cayley, cayley, {2, 3, 2}},
    {"cayley 2x17x4", &gr_op_cayley, cayley, {2, 17, 4}, 16},
    {"cayley 1x5x13", &gr_op_cayley, cayley, {1, 5, 13}, 169},
    {"cayley 1x2x64", &gr_op_cayley, cayley, {1, 2, 64}, 4096},
    {"cayley 2x192x4", &gr_op_cayley, cayley, {2, 192, 4}, 16, OP_BIG},
    ENTROPY("1x1", {1, 1}),
    ENTROPY("1x7", {1, 7}),
    ENTROPY("5x64", {5, 64}, 5),
    ENTROPY("7x65", {7, 65}, 7),
    ENTROPY("3x257", {3, 257}, 3),
    ENTROPY("64x1000", {64, 1000}, 1000, OP_BIG),
    {"cross_entropy 5x9 as a term", &gr_op_cross_entropy, cross_entropy_term, {5, 9}, 5},
    SOFT_ENTROPY("1x1", {1, 1}),
    SOFT_ENTROPY("5x64", {5, 64}, 64),
    SOFT_ENTROPY("7x65", {7, 65}, 65),
    SOFT_ENTROPY("64x1000", {64, 1000}, 1000, OP_BIG),
};

static const op_case reductions[] = {
    REDUCE("1 to nothing", {1, 1, 1, 0}, 1),
    REDUCE("7x3x5 to 5", {7, 3, 5, 1}, 21),
    REDUCE("7x3x5 to 3x5", {7, 3, 5, 2}, 7),
    REDUCE("7x3x5 to nothing", {7, 3, 5, 0}, 105),
    REDUCE("7x3x5 to itself", {7, 3, 5, 3}, 1),
    REDUCE("127x1x65", {127, 1, 65, 1}, 127),
    REDUCE("128x1x63", {128, 1, 63, 1}, 128),
    REDUCE("257x1x64", {257, 1, 64, 1}, 257),
    REDUCE("9x1x147", {9, 1, 147, 1}, 9),
    REDUCE("4x197x768 to 768", {4, 197, 768, 1}, 788, OP_BIG),
    REDUCE("4x197x768 to 197x768", {4, 197, 768, 2}, 4, OP_BIG),
    REDUCE("of 65537 rows", {65537, 1, 5, 1}, 65537, OP_BIG),
    REDUCE("of 151296 to one", {1, 197, 768, 0}, 151296, OP_BIG),
};

const op_group op_group_rows = {
    "rows", cases, OP_CASE_COUNT(cases), {.absolute = 8e-7, .relative = 1e-6}, 0.5};

/* Sums of numbers in [-1, 1), 128 in order and then those sums. A large result has come about by
 * large partial sums, whose roundings are larger: hence the relative part. */
const op_group op_group_reduce = {
    "reduce", reductions, OP_CASE_COUNT(reductions), {.absolute = 1.6e-6, .relative = 6e-7}, 0.5};
