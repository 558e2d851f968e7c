/* Views and concat: they move numbers and must not change a bit. */
#include "cases.h"

/* n: three axes, then the shape to see them as. */
static gr_value *reshape(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_reshape(op_operand_of(b, GR_SHAPE(n[0], n[1], n[2])), GR_SHAPE(n[3], n[4], n[5]));
}

static gr_value *detach(op_build *b)
{
    return gr_detach(op_operand_of(b, GR_SHAPE(3, 5)));
}

static gr_value *reshape_to_six_axes(op_build *b)
{
    return gr_reshape(op_operand_of(b, GR_SHAPE(12, 20)), GR_SHAPE(2, 3, 2, 1, 4, 5));
}

/* n: three axes, then their order. */
static gr_value *permute(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_permute(op_operand_of(b, GR_SHAPE(n[0], n[1], n[2])),
                      (int[]){(int)n[3], (int)n[4], (int)n[5]});
}

static gr_value *permute_six_axes(op_build *b)
{
    return gr_permute(op_operand_of(b, GR_SHAPE(2, 3, 2, 4, 3, 2)), (int[]){4, 2, 0, 5, 3, 1});
}

/* n: three axes, then axis, start, length. */
static gr_value *slice(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_slice(op_operand_of(b, GR_SHAPE(n[0], n[1], n[2])), (int)n[3], n[4], n[5]);
}

/* Overlapping slices of one value: their gradients add. */
static gr_value *overlapping_slices(op_build *b)
{
    gr_value *x = op_operand_of(b, GR_SHAPE(3, 7));
    return gr_concat((gr_value *[]){gr_slice(x, 1, 0, 4), gr_slice(x, 1, 2, 5)}, 2, 1);
}

/* Slices that lie apart, out of order, with a gap: one placing instead of sums. */
static gr_value *separate_slices(op_build *b)
{
    gr_value *x = op_operand_of(b, GR_SHAPE(3, 9));
    gr_value *first = gr_slice(x, 1, 0, 3), *last = gr_slice(x, 1, 6, 3);
    return gr_mul(last, gr_scale(first, 2.0f));
}

/* Slices along different axes. */
static gr_value *crossing_slices(op_build *b)
{
    gr_value *x = op_operand_of(b, GR_SHAPE(4, 4));
    return gr_mul(gr_slice(x, 0, 1, 1), gr_transpose(gr_slice(x, 1, 2, 1)));
}

static gr_value *slice_of_slice(op_build *b)
{
    gr_value *x = gr_slice(op_operand_of(b, GR_SHAPE(5, 6, 7)), 0, 1, 3);
    return gr_slice(gr_permute(gr_slice(x, 2, 2, 4), (int[]){2, 0, 1}), 1, 1, 2);
}

/* n: axis, then the three lengths along it; other axes 3, 4. */
static gr_value *concat(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *parts[3];
    for (int i = 0; i < 3; i++) {
        gr_shape shape = GR_SHAPE(3, 4, 5);
        shape.dim[n[0]] = n[1 + i];
        parts[i] = op_operand_of(b, shape);
    }
    return gr_concat(parts, 3, (int)n[0]);
}

/* The class token before the tokens of an image. */
static gr_value *class_token(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *token = op_operand_of(b, GR_SHAPE(n[0], 1, n[2]));
    gr_value *tokens = op_operand_of(b, GR_SHAPE(n[0], n[1], n[2]));
    return gr_concat((gr_value *[]){token, tokens}, 2, 1);
}

static gr_value *concat_with_gaps(op_build *b)
{
    gr_value *x = op_operand_of(b, GR_SHAPE(3, 2, 5)), *y = op_operand_of(b, GR_SHAPE(3, 1, 5));
    return gr_concat_at((gr_value *[]){x, y}, (int64_t[]){1, 4}, 2, 1, 6);
}

static gr_value *twice(op_build *b)
{
    gr_value *x = op_operand_of(b, GR_SHAPE(3, 4));
    return gr_concat((gr_value *[]){x, x}, 2, 1);
}

/* n: B, image side, patch side. */
static gr_value *patches(op_build *b)
{
    const int64_t *n = b->test->n;
    return gr_patches(op_operand_of(b, GR_SHAPE(n[0], 3, n[1], n[1])), n[2]);
}

#define RESHAPE(text, ...)                                                                         \
    {                                                                                              \
        "reshape " text, &gr_op_reshape, reshape, __VA_ARGS__                                      \
    }
#define PERMUTE(text, ...)                                                                         \
    {                                                                                              \
        "permute " text, &gr_op_permute, permute, __VA_ARGS__                                      \
    }
#define SLICE(text, ...)                                                                           \
    {                                                                                              \
        "slice " text, &gr_op_slice, slice, __VA_ARGS__                                            \
    }

/* n: numbers, then the tensor's axes. */
static gr_value *scatter(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *values = op_operand_of(b, GR_SHAPE(n[0]));
    return gr_scatter(values, op_indices(b, n[0], n[1] * n[2]), GR_SHAPE(n[1], n[2]));
}

static gr_value *gather(op_build *b)
{
    const int64_t *n = b->test->n;
    gr_value *x = op_operand_of(b, GR_SHAPE(n[1], n[2]));
    return gr_gather(x, op_indices(b, n[0], n[1] * n[2]));
}

static const op_case cases[] = {
    RESHAPE("2x3x4 to 6x1x4", {2, 3, 4, 6, 1, 4}),
    RESHAPE("2x3x4 to 4x3x2", {2, 3, 4, 4, 3, 2}),
    RESHAPE("1x1x257 to 257x1x1", {1, 1, 257, 257, 1, 1}),
    {"reshape to six axes", &gr_op_reshape, reshape_to_six_axes},
    {"detach", &gr_op_detach, detach, .flags = OP_NO_GRADIENT},
    PERMUTE("1x1x1", {1, 1, 1, 2, 0, 1}),
    PERMUTE("2x3x5 to 5x2x3", {2, 3, 5, 2, 0, 1}),
    PERMUTE("2x3x5 to 3x2x5", {2, 3, 5, 1, 0, 2}),
    PERMUTE("1x255x3", {1, 255, 3, 0, 2, 1}),
    PERMUTE("1x256x1", {1, 256, 1, 1, 0, 2}),
    PERMUTE("257x1x2", {257, 1, 2, 2, 1, 0}),
    PERMUTE("4x197x768 by the middle", {4, 197, 768, 1, 2, 0}, 0, OP_BIG),
    PERMUTE("of 65664 groups", {1, 4104, 4096, 0, 2, 1}, 0, OP_BIG),
    {"permute six axes", &gr_op_permute, permute_six_axes},
    SLICE("of the first axis", {5, 3, 4, 0, 2, 2}),
    SLICE("of the middle axis", {5, 3, 4, 1, 1, 2}),
    SLICE("of the last axis", {5, 3, 4, 2, 3, 1}),
    SLICE("of the class token", {4, 197, 768, 1, 0, 1}, 0, OP_BIG),
    SLICE("of 65537 rows", {1, 65537, 5, 2, 1, 3}, 0, OP_BIG),
    SLICE("of 66049 groups", {130, 131073, 1, 0, 1, 129}, 0, OP_BIG),
    {"slices that overlap", &gr_op_slice, overlapping_slices},
    {"slices apart", &gr_op_slice, separate_slices},
    {"slices along two axes", &gr_op_slice, crossing_slices},
    {"slice of a slice", &gr_op_slice, slice_of_slice},
    {"concat of the first axis", &gr_op_concat, concat, {0, 1, 5, 2}},
    {"concat of the middle axis", &gr_op_concat, concat, {1, 2, 1, 3}},
    {"concat of the last axis", &gr_op_concat, concat, {2, 7, 1, 3}},
    {"concat of a class token", &gr_op_concat, class_token, {2, 5, 3}},
    {"concat of a class token 197", &gr_op_concat, class_token, {4, 196, 768}, 0, OP_BIG},
    {"concat of one value twice", &gr_op_concat, twice},
    {"concat with gaps", &gr_op_concat, concat_with_gaps},
    {"scatter 1 to 1x1", &gr_op_scatter, scatter, {1, 1, 1}},
    {"scatter 7 to 5x11", &gr_op_scatter, scatter, {7, 5, 11}},
    {"scatter 257 to 257x3", &gr_op_scatter, scatter, {257, 257, 3}},
    {"scatter 3000 to 768x768", &gr_op_scatter, scatter, {3000, 768, 768}, 0, OP_BIG},
    {"gather 1 of 1x1", &gr_op_gather, gather, {1, 1, 1}},
    {"gather 7 of 5x11", &gr_op_gather, gather, {7, 5, 11}},
    {"gather 3000 of 768x768", &gr_op_gather, gather, {3000, 768, 768}, 0, OP_BIG},
    {"patches 4 of 2", &gr_op_permute, patches, {2, 4, 2}},
    {"patches 224 of 16", &gr_op_permute, patches, {2, 224, 16}, 0, OP_BIG},
};

/* Only "slices apart" and "along two axes" compute anything: two roundings. */
const op_group op_group_views = {"views", cases, OP_CASE_COUNT(cases), {.relative = 1.5e-7}};
