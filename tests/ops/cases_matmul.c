/* matmul. Tolerance: a float sum of K products of numbers in [-1, 1). Its partial sums grow with
 * the root of K, and so does the total of their roundings: together the error grows with K. */
#include "cases.h"

/* n: M, K, N, bias, a transposed, b transposed. */
static gr_value *matrices(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *x = op_operand_of(b, n[4] ? GR_SHAPE(n[1], n[0]) : GR_SHAPE(n[0], n[1]));
    gr_value *w = op_operand_of(b, n[5] ? GR_SHAPE(n[2], n[1]) : GR_SHAPE(n[1], n[2]));
    gr_value *bias = n[3] ? op_operand_of(b, GR_SHAPE(n[2])) : NULL;
    return gr_matmul(n[4] ? gr_transpose(x) : x, n[5] ? gr_transpose(w) : w, bias, 0.75f);
}

/* n: two leading axes, M, K, N, bias: all rows with one weight. */
static gr_value *linear(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *x = op_operand_of(b, GR_SHAPE(n[0], n[1], n[2], n[3]));
    gr_value *w = op_operand_of(b, GR_SHAPE(n[4], n[3]));
    return gr_linear(x, w, n[5] ? op_operand_of(b, GR_SHAPE(n[4])) : NULL);
}

/* n: two batch axes, M, K, N, b transposed. */
static gr_value *batched(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *x = op_operand_of(b, GR_SHAPE(n[0], n[1], n[2], n[3]));
    gr_value *y = op_operand_of(b, n[5] ? GR_SHAPE(n[0], n[1], n[4], n[3])
                                        : GR_SHAPE(n[0], n[1], n[3], n[4]));
    return gr_matmul(x, n[5] ? gr_transpose(y) : y, NULL, 1.0f);
}

/* n: B, T, heads, d. Part `which` of qkv [B, T, 3, h, d] as [B, h, T, d], a strided view. */
static gr_value *part_of_qkv(gr_value *qkv, const int64_t *n, int which)
{
    gr_value *x = gr_slice(gr_reshape(qkv, GR_SHAPE(n[0], n[1], 3, n[2], n[3])), 2, which, 1);
    x = gr_reshape(x, GR_SHAPE(n[0], n[1], n[2], n[3]));
    return gr_permute(x, (int[]){0, 2, 1, 3});
}

static gr_value *scores(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *qkv = op_operand_of(b, GR_SHAPE(n[0], n[1], 3 * n[2] * n[3]));
    gr_value *k = part_of_qkv(qkv, n, 1);
    return gr_matmul(part_of_qkv(qkv, n, 0), gr_transpose(k), NULL, 0.5f);
}

/* All of attention: the gradients of q, k and v meet again in qkv, and the product goes straight
 * to where the heads are side by side. */
static gr_value *attention(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *qkv = op_operand_of(b, GR_SHAPE(n[0], n[1], 3 * n[2] * n[3]));
    gr_value *k = part_of_qkv(qkv, n, 1), *v = part_of_qkv(qkv, n, 2);
    gr_value *s = gr_matmul(part_of_qkv(qkv, n, 0), gr_transpose(k), NULL, 0.5f);
    gr_value *y = gr_matmul(gr_softmax(s, 1.0f), v, NULL, 1.0f);
    return gr_reshape(gr_permute(y, (int[]){0, 2, 1, 3}), GR_SHAPE(n[0], n[1], n[2] * n[3]));
}

/* Three batch axes whose strides do not merge. */
static gr_value *five_axes(op_build *b)
{
    const int64_t *n = b->test->n;
    const int axes[] = {2, 1, 0, 3, 4};
    gr_value *x = gr_permute(op_operand_of(b, GR_SHAPE(n[2], n[1], n[0], n[3], n[4])), axes);
    gr_value *y = gr_permute(op_operand_of(b, GR_SHAPE(n[2], n[1], n[0], n[4], n[3])), axes);
    return gr_permute(gr_matmul(x, y, NULL, 1.0f), axes);
}

/* Products side by side in a concatenation, written straight to it. */
static gr_value *into_concat(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *x = op_operand_of(b, GR_SHAPE(n[0], n[1]));
    gr_value *left = gr_matmul(x, op_operand_of(b, GR_SHAPE(n[1], n[2])), NULL, 1.0f);
    gr_value *right = gr_matmul(x, op_operand_of(b, GR_SHAPE(n[1], n[3])), NULL, 1.0f);
    return gr_concat((gr_value *[]){left, x, right}, 3, 1);
}

/* The same, transposed on the way, along the first axis. */
static gr_value *into_rows_of_concat(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *x = op_operand_of(b, GR_SHAPE(n[0], n[1]));
    gr_value *left = gr_matmul(x, op_operand_of(b, GR_SHAPE(n[1], n[2])), NULL, 1.0f);
    return gr_concat((gr_value *[]){op_operand_of(b, GR_SHAPE(2, n[0])), gr_transpose(left)}, 2, 0);
}

/* A product that goes to a place in a concatenation with gaps, and to the same one twice. */
static gr_value *into_gaps(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *y = gr_matmul(op_operand_of(b, GR_SHAPE(n[0], n[1])),
                            op_operand_of(b, GR_SHAPE(n[1], n[2])), NULL, 1.0f);
    return gr_concat_at((gr_value *[]){y, y}, (int64_t[]){1, n[2] + 3}, 2, 1, 2 * n[2] + 4);
}

#define MATMUL(text, ...)                                                                          \
    {                                                                                              \
        "matmul " text, &gr_op_matmul, matrices, __VA_ARGS__                                       \
    }
#define SHAPES(text, m, k, n, flags)                                                               \
    MATMUL(text, {m, k, n, 0, 0, 0}, k, flags),                                                    \
        MATMUL(text " bias", {m, k, n, 1, 0, 0}, k, flags),                                        \
        MATMUL(text " TN", {m, k, n, 0, 1, 0}, k, flags),                                          \
        MATMUL(text " NT", {m, k, n, 1, 0, 1}, k, flags),                                          \
        MATMUL(text " TT", {m, k, n, 0, 1, 1}, k, flags)
#define OTHER(text, build, ...)                                                                    \
    {                                                                                              \
        "matmul " text, &gr_op_matmul, build, __VA_ARGS__                                          \
    }

static const op_case cases[] = {
    SHAPES("1x1x1", 1, 1, 1, 0),
    SHAPES("5x3x7", 5, 3, 7, 0),
    SHAPES("31x8x33", 31, 8, 33, 0),
    MATMUL("32x16x32", {32, 16, 32, 1}, 16),
    MATMUL("33x17x31", {33, 17, 31, 1}, 17),
    MATMUL("1x197x1", {1, 197, 1, 1}, 197),
    MATMUL("65x1x3", {65, 1, 3, 1}, 1),
    MATMUL("3x65x8", {3, 65, 8, 0}, 65),
    MATMUL("5x1300x7 TN", {5, 1300, 7, 0, 1, 0}, 1300, OP_NO_GRADIENT), /* k is split */
    SHAPES("197x768x8", 197, 768, 8, OP_BIG),
    SHAPES("197x8x768", 197, 8, 768, OP_BIG),
    SHAPES("197x64x197", 197, 64, 197, OP_BIG),
    MATMUL("257x3x768", {257, 3, 768, 1}, 3, OP_BIG),
    MATMUL("257x768x3", {257, 768, 3, 1}, 768, OP_BIG),
    MATMUL("257x1x257", {257, 1, 257}, 1, OP_BIG),
    MATMUL("257x257x1", {257, 257, 1, 1}, 257, OP_BIG),
    MATMUL("197x768x768", {197, 768, 768, 1, 0, 1}, 768, OP_BIG),
    MATMUL("768x197x768 TN", {768, 197, 768, 0, 1, 0}, 197, OP_BIG),
    MATMUL("65537x3x5", {65537, 3, 5, 1}, 3, OP_BIG),
    OTHER("linear 2x1x3x5x4", linear, {2, 1, 3, 5, 4, 1}, 5),
    OTHER("linear 2x3x1x5x4", linear, {2, 3, 1, 5, 4, 0}, 5),
    OTHER("linear 3x2x5x7x1", linear, {3, 2, 5, 7, 1, 1}, 7),
    OTHER("linear 3x1x100x80x96", linear, {3, 1, 100, 80, 96, 1}, 96, OP_BIG), /* W is packed once */
    OTHER("linear 4x1x197x768x8", linear, {4, 1, 197, 768, 8, 1}, 768, OP_BIG),
    OTHER("batched 2x3x5x4x6", batched, {2, 3, 5, 4, 6, 0}, 4),
    OTHER("batched 1x3x4x1x5 NT", batched, {1, 3, 4, 1, 5, 1}, 1),
    OTHER("batched 3x1x1x4x3 NT", batched, {3, 1, 1, 4, 3, 1}, 4),
    OTHER("batched 2x12x197x64x197 NT", batched, {2, 12, 197, 64, 197, 1}, 64, OP_BIG),
    OTHER("batched 2x12x197x197x64", batched, {2, 12, 197, 197, 64, 0}, 197, OP_BIG),
    OTHER("scores of qkv", scores, {2, 5, 3, 4}, 4),
    OTHER("scores of qkv 197", scores, {2, 197, 3, 64}, 64, OP_BIG),
    OTHER("attention", attention, {2, 5, 2, 4}, 5),
    OTHER("attention of one head", attention, {2, 5, 1, 4}, 5),
    OTHER("attention 197", attention, {2, 197, 3, 64}, 197, OP_BIG),
    OTHER("five axes", five_axes, {2, 3, 2, 4, 5}, 5),
    OTHER("into concat", into_concat, {5, 3, 4, 2}, 3),
    OTHER("into rows of concat", into_rows_of_concat, {5, 3, 4}, 3),
    OTHER("into gaps", into_gaps, {5, 3, 4}, 3),
};

const op_group op_group_matmul = {
    "matmul", cases, OP_CASE_COUNT(cases), {.absolute = 3e-7, .relative = 6e-7}, 1.0};
