#include "selftest/cases.h"

#include "base/mem.h"

#include <stdio.h>

/* Numbers in [-1, 1) that are the same everywhere, `which` apart from one another. */
static float *numbers(int64_t count, uint32_t which)
{
    float *data = gr_alloc_array(NULL, (size_t)count, sizeof(float));
    uint32_t state = 12345u + 977u * which;
    for (int64_t i = 0; data && i < count; i++) {
        state = state * 1664525u + 1013904223u; /* Numerical Recipes' generator */
        data[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
    return data;
}

static graft_value *input(gr_selftest_graph *g, graft_shape shape)
{
    char name[16];
    snprintf(name, sizeof(name), "x%d", g->input_count);
    float *data = numbers(graft_shape_count(shape), (uint32_t)g->input_count);
    graft_value *x = data ? graft_parameter(g->graph, name, shape, data) : NULL;
    gr_free(data);
    g->inputs[g->input_count++] = x;
    return x;
}

static graft_value *matmul(gr_selftest_graph *g)
{
    const int64_t *s = g->size;
    graft_value *a = input(g, GRAFT_SHAPE(s[0], s[2])), *b = input(g, GRAFT_SHAPE(s[2], s[1]));
    return graft_matmul(a, b, input(g, GRAFT_SHAPE(s[1])), 0.5f);
}

/* The weight is a constant: where kernels want it packed, it is. */
static graft_value *frozen_linear(gr_selftest_graph *g)
{
    const int64_t *s = g->size;
    float *data = numbers(s[1] * s[2], 9);
    graft_value *w =
        data ? graft_constant(g->graph, "w", GRAFT_F32, GRAFT_SHAPE(s[1], s[2]), data) : NULL;
    gr_free(data);
    return graft_linear(input(g, GRAFT_SHAPE(s[0], s[2])), w, NULL);
}

/* Scores of attention and what they weigh: batched products, one of them transposed. */
static graft_value *attention(gr_selftest_graph *g)
{
    graft_shape shape = GRAFT_SHAPE(g->size[0], g->size[1], g->size[2]);
    graft_value *q = input(g, shape), *k = input(g, shape), *v = input(g, shape);
    graft_value *scores = graft_softmax(graft_matmul(q, graft_transpose(k), NULL, 1.0f), 0.125f);
    return graft_matmul(scores, v, NULL, 1.0f);
}

static graft_value *softmax(gr_selftest_graph *g)
{
    return graft_softmax(input(g, GRAFT_SHAPE(g->size[0], g->size[1])), 3.0f);
}

static graft_value *layer_norm(gr_selftest_graph *g)
{
    graft_value *x = input(g, GRAFT_SHAPE(g->size[0], g->size[1]));
    graft_value *gamma = input(g, GRAFT_SHAPE(g->size[1]));
    return graft_layer_norm(x, gamma, input(g, GRAFT_SHAPE(g->size[1])), 1e-6f);
}

static graft_value *gelu(gr_selftest_graph *g)
{
    return graft_gelu(graft_scale(input(g, GRAFT_SHAPE(g->size[0], g->size[1])), 4.0f));
}

static graft_value *affine(gr_selftest_graph *g)
{
    graft_value *x = input(g, GRAFT_SHAPE(g->size[0], g->size[1]));
    graft_value *scale = input(g, GRAFT_SHAPE(g->size[1]));
    return graft_affine(x, scale, input(g, GRAFT_SHAPE(g->size[1])));
}

static graft_value *heads(gr_selftest_graph *g)
{
    const int64_t *s = g->size;
    graft_value *x = input(g, GRAFT_SHAPE(s[0], s[1], s[2], s[3]));
    return graft_permute(x, (const int[]){0, 2, 1, 3});
}

static graft_value *pieces(gr_selftest_graph *g)
{
    const int64_t *s = g->size;
    graft_value *a = input(g, GRAFT_SHAPE(s[0], s[1], s[2]));
    graft_value *b = input(g, GRAFT_SHAPE(s[0], 3, s[2]));
    graft_value *both = graft_concat((graft_value *const[]){b, a}, 2, 1);
    return graft_slice(both, 1, 1, s[1] + 1);
}

static graft_value *conv2d(gr_selftest_graph *g)
{
    const int64_t *s = g->size;
    graft_value *x = input(g, GRAFT_SHAPE(s[0], s[1], s[1], s[2]));
    graft_value *w = input(g, GRAFT_SHAPE(s[3], s[2], 3, 3));
    return graft_conv2d(x, w, input(g, GRAFT_SHAPE(s[3])), 1);
}

static graft_value *fourier(gr_selftest_graph *g)
{
    const int64_t *s = g->size;
    graft_value *z = graft_rfft2(input(g, GRAFT_SHAPE(s[0], s[1], s[2], s[3])));
    graft_value *filter = input(g, GRAFT_SHAPE(s[1], s[2] / 2 + 1, s[3], 2));
    return graft_irfft2(graft_complex_mul(z, filter), s[2]);
}

static graft_value *cayley(gr_selftest_graph *g)
{
    return graft_cayley(input(g, GRAFT_SHAPE(g->size[0], g->size[1], g->size[1])));
}

static graft_value *normalize(gr_selftest_graph *g)
{
    graft_value *x = input(g, GRAFT_SHAPE(g->size[0], g->size[1]));
    return graft_l2_normalize(graft_batch_norm(x, 1e-5f));
}

/* The labels, i mod C, as a constant; a row in seven has none. */
static graft_value *cross_entropy(gr_selftest_graph *g)
{
    int32_t labels[64];
    for (int i = 0; i < 64; i++)
        labels[i] = i % 7 == 6 ? -1 : (int32_t)(i * 31 % g->size[1]);
    graft_value *t = graft_constant(g->graph, "labels", GRAFT_I32, GRAFT_SHAPE(g->size[0]), labels);
    return graft_cross_entropy(input(g, GRAFT_SHAPE(g->size[0], g->size[1])), t);
}

static graft_value *gather(gr_selftest_graph *g)
{
    const int32_t places[5] = {7, 0, 31, 12, 30};
    graft_value *index = graft_constant(g->graph, "index", GRAFT_I32, GRAFT_SHAPE(5), places);
    graft_value *x = graft_gather(input(g, GRAFT_SHAPE(4, 8)), index);
    return graft_scatter(x, index, GRAFT_SHAPE(8, 4));
}

static graft_value *dropout(gr_selftest_graph *g)
{
    return graft_dropout(input(g, GRAFT_SHAPE(g->size[0], g->size[1])), 0.3f, false);
}

static graft_value *patches(gr_selftest_graph *g)
{
    graft_value *x = input(g, GRAFT_SHAPE(g->size[0], 3, g->size[1], g->size[1]));
    return graft_patches(x, g->size[2]);
}

/* Rows of 197 and 257 are those of ViT-B/16 and ViT-H/14. */
const gr_selftest_case gr_selftest_cases[] = {
    {"matmul 5x7x8", {"matmul"}, matmul, {5, 7, 8}, true},
    {"matmul 197x65x64", {"matmul"}, matmul, {197, 65, 64}, true},
    {"matmul 33x197x768", {"matmul"}, matmul, {33, 197, 768}, true},
    {"matmul 257x257x257", {"matmul"}, matmul, {257, 257, 257}, false},
    {"linear 197x192x192", {"matmul"}, frozen_linear, {197, 192, 192}, true},
    {"linear 1x1000x64", {"matmul"}, frozen_linear, {1, 1000, 64}, true},
    {"attention 3x197x64", {"matmul", "softmax", "softmax_grad"}, attention, {3, 197, 64}, true},
    {"softmax 13x197", {"softmax", "softmax_grad"}, softmax, {13, 197}, true},
    {"softmax 5x1", {"softmax", "softmax_grad"}, softmax, {5, 1}, true},
    {"softmax 7x1000", {"softmax", "softmax_grad"}, softmax, {7, 1000}, true},
    {"layer_norm 197x192",
     {"layer_norm", "layer_norm_grad", "reduce_rows"},
     layer_norm,
     {197, 192},
     true},
    {"layer_norm 5x33",
     {"layer_norm", "layer_norm_grad", "reduce_rows"},
     layer_norm,
     {5, 33},
     true},
    {"gelu 197x257", {"unary", "unary_grad"}, gelu, {197, 257}, true},
    {"affine 257x33", {"reduce_rows"}, affine, {257, 33}, true},
    {"permute 3x197x3x16", {"permute"}, heads, {3, 197, 3, 16}, true},
    {"permute 2x5x7x1", {"permute"}, heads, {2, 5, 7, 1}, true},
    {"concat 3x197x5", {"permute"}, pieces, {3, 197, 5}, true},
    {"patches 2x3x32x32", {"permute"}, patches, {2, 32, 16}, true},
    {"conv2d 2x14x14x8", {"conv2d", "conv2d_grad_w", "matmul"}, conv2d, {2, 14, 8, 8}, true},
    {"fft 2x14x14x5", {"dft"}, fourier, {2, 14, 14, 5}, true},
    {"fft 1x16x16x16", {"dft"}, fourier, {1, 16, 16, 16}, true},
    {"fft 1x1x197x3", {"dft"}, fourier, {1, 1, 197, 3}, true},
    {"cayley 3x8x8", {NULL}, cayley, {3, 8}, true},
    {"normalize 17x65", {"reduce_rows"}, normalize, {17, 65}, true},
    {"cross_entropy 33x257", {NULL}, cross_entropy, {33, 257}, true},
    {"gather 5 of 32", {NULL}, gather, {0}, true},
    {"dropout 33x197", {NULL}, dropout, {33, 197}, true},
};

const int gr_selftest_case_count = sizeof(gr_selftest_cases) / sizeof(gr_selftest_cases[0]);
