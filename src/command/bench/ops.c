/* The suite of operators, at the shapes of a training step of ViT-B/16 with 8 images. */
#include "command/bench/graphs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 197, IMAGES = 8, HEADS = 12, DIM = 768, HEAD_DIM = 64, ROWS = TOKENS * IMAGES };
enum { GRID = 14, NARROW = 8 };

/* y [M, N] = x [M, K] W^T: the shape is M, N, K. */
static graft_value *matmul(bench_graph *g, const int64_t *shape)
{
    int64_t n = shape[1], k = shape[2];
    g->flop = 2.0 * (double)g->units * (double)n * (double)k;
    return graft_linear(bench_units(g, GRAFT_SHAPE(k)), bench_weight(g, GRAFT_SHAPE(n, k)), NULL);
}

/* The gradient to a linear's input, dx [M, K] = dy [M, N] W. */
static graft_value *matmul_dx(bench_graph *g, const int64_t *shape)
{
    int64_t n = shape[1], k = shape[2];
    g->flop = 2.0 * (double)g->units * (double)n * (double)k;
    return graft_matmul(bench_units(g, GRAFT_SHAPE(n)), bench_weight(g, GRAFT_SHAPE(n, k)), NULL,
                        1.0f);
}

/* The gradient of a narrow weight: a sum over all rows. */
static graft_value *weight_grad(bench_graph *g, const int64_t *shape)
{
    g->whole = true;
    g->flop = 2.0 * (double)shape[0] * (double)shape[1] * (double)shape[2];
    graft_value *x = bench_input(g, GRAFT_SHAPE(shape[0], shape[2]));
    graft_value *dy = bench_input(g, GRAFT_SHAPE(shape[0], shape[1]));
    return graft_matmul(graft_transpose(x), dy, NULL, 1.0f);
}

static graft_value *softmax(bench_graph *g, const int64_t *shape)
{
    return graft_softmax(bench_units(g, GRAFT_SHAPE(HEADS, TOKENS, TOKENS)), 0.125f);
}

static graft_value *layer_norm(bench_graph *g, const int64_t *shape)
{
    graft_value *x = bench_units(g, GRAFT_SHAPE(TOKENS, DIM));
    graft_value *gamma = bench_input(g, GRAFT_SHAPE(DIM)), *beta = bench_input(g, GRAFT_SHAPE(DIM));
    return graft_layer_norm(x, gamma, beta, 1e-6f);
}

static graft_value *gelu(bench_graph *g, const int64_t *shape)
{
    return graft_gelu(bench_units(g, GRAFT_SHAPE(TOKENS, 4 * DIM)));
}

static graft_value *add(bench_graph *g, const int64_t *shape)
{
    graft_value *x = bench_units(g, GRAFT_SHAPE(TOKENS, DIM));
    return graft_add(x, bench_units(g, GRAFT_SHAPE(TOKENS, DIM)), 1.0f);
}

static graft_value *sum_rows(bench_graph *g, const int64_t *shape)
{
    g->whole = true;
    return graft_sum(bench_input(g, GRAFT_SHAPE(ROWS, DIM)), 1);
}

/* A third of qkv, as heads. */
static graft_value *heads(bench_graph *g, graft_value *qkv, int which)
{
    graft_value *x = graft_reshape(qkv, GRAFT_SHAPE(g->units, TOKENS, 3, HEADS, HEAD_DIM));
    x = graft_reshape(graft_slice(x, 2, which, 1), GRAFT_SHAPE(g->units, TOKENS, HEADS, HEAD_DIM));
    return graft_permute(x, (int[]){0, 2, 1, 3});
}

static double attention_flop(const bench_graph *g)
{
    return 2.0 * (double)g->units * HEADS * TOKENS * TOKENS * HEAD_DIM;
}

static graft_value *scores(bench_graph *g, const int64_t *shape)
{
    graft_value *qkv = bench_units(g, GRAFT_SHAPE(TOKENS, 3 * DIM));
    g->flop = attention_flop(g);
    return graft_matmul(heads(g, qkv, 0), graft_transpose(heads(g, qkv, 1)), NULL, 0.125f);
}

static graft_value *attend(bench_graph *g, const int64_t *shape)
{
    graft_value *p = bench_units(g, GRAFT_SHAPE(HEADS, TOKENS, TOKENS));
    graft_value *qkv = bench_units(g, GRAFT_SHAPE(TOKENS, 3 * DIM));
    g->flop = attention_flop(g);
    return graft_matmul(p, heads(g, qkv, 2), NULL, 1.0f);
}

/* Convpass: 3 x 3 on 8 channels. */
static graft_value *conv2d(bench_graph *g, const int64_t *shape)
{
    graft_value *x = bench_units(g, GRAFT_SHAPE(GRID, GRID, NARROW));
    g->flop = 2.0 * (double)g->units * GRID * GRID * NARROW * NARROW * 9;
    return graft_conv2d(x, bench_weight(g, GRAFT_SHAPE(NARROW, NARROW, 3, 3)), NULL, 1);
}

/* FreqFit: the spectrum of all tokens, whose number is prime. */
static graft_value *rfft(bench_graph *g, const int64_t *shape)
{
    return graft_rfft2(bench_units(g, GRAFT_SHAPE(1, TOKENS, DIM)));
}

static const bench_op ops[] = {
    {"matmul", matmul, 0, 0},
    {"matmul_dx", matmul_dx, 0, 0},
    {"weight_grad", weight_grad, 0, 0},
    {"scores", scores, IMAGES, 0},
    {"attend", attend, IMAGES, 0},
    {"softmax", softmax, IMAGES, 0},
    {"layer_norm", layer_norm, IMAGES, 0},
    {"gelu", gelu, IMAGES, 0},
    {"add", add, IMAGES, 0},
    {"sum_rows", sum_rows, ROWS, 0},
    {"conv2d", conv2d, IMAGES, 0},
    {"rfft", rfft, IMAGES, 197.0 * 99 * 768},
};
enum { OPS = sizeof(ops) / sizeof(ops[0]) };

/* What is measured without a choice: the linears of a block, LoRA's two and its gradient. */
static const struct {
    const char *op;
    int64_t shape[3];
    bool quick;
} cases[] = {
    {"matmul", {ROWS, 3 * DIM, DIM}, false},
    {"matmul", {ROWS, DIM, DIM}, true},
    {"matmul", {ROWS, 4 * DIM, DIM}, false},
    {"matmul", {ROWS, DIM, 4 * DIM}, false},
    {"matmul_dx", {ROWS, 3 * DIM, DIM}, false},
    {"matmul", {ROWS, NARROW, DIM}, false},
    {"matmul", {ROWS, DIM, NARROW}, false},
    {"weight_grad", {ROWS, NARROW, DIM}, false},
    {"scores", {0}, true},
    {"attend", {0}, false},
    {"softmax", {0}, true},
    {"layer_norm", {0}, true},
    {"gelu", {0}, true},
    {"add", {0}, false},
    {"sum_rows", {0}, false},
    {"conv2d", {0}, false},
    {"rfft", {0}, false},
};

static graft_status add_op(bench *b, const char *suite, const bench_op *op, const int64_t *shape)
{
    char name[100];
    if (shape[0])
        snprintf(name, sizeof(name), "%s %lldx%lldx%lld", op->name, (long long)shape[0],
                 (long long)shape[1], (long long)shape[2]);
    else
        snprintf(name, sizeof(name), "%s", op->name);
    bench_work *w = bench_add(b, suite, name);
    if (!w)
        return cli_fail(b->c, GRAFT_ERR_MEMORY, "out of memory");
    static const char *const products[] = {"matmul", "matmul_dx", "weight_grad",
                                           "scores", "attend",    "conv2d"};
    w->unit = BENCH_GBS;
    for (size_t i = 0; i < sizeof(products) / sizeof(products[0]); i++)
        if (strcmp(op->name, products[i]) == 0)
            w->unit = BENCH_GFLOPS;
    w->open = bench_open_graph;
    w->spec = op;
    memcpy(w->shape, shape, sizeof(w->shape));
    return GRAFT_OK;
}

static const bench_op *find_op(const char *name)
{
    for (int i = 0; i < OPS; i++)
        if (strcmp(ops[i].name, name) == 0)
            return &ops[i];
    return NULL;
}

/* "1576x768x768" */
static graft_status read_shape(cli *c, const char *text, int64_t shape[3])
{
    const char *at = text;
    for (int i = 0; i < 3; i++) {
        char *end;
        long long n = strtoll(at, &end, 10);
        if (end == at || n < 1 || n > 1 << 20 || *end != (i < 2 ? 'x' : '\0'))
            return cli_fail(c, GRAFT_ERR_ARGUMENT,
                            "--shape %s: expected MxNxK, three whole numbers from 1 to 1048576, "
                            "such as 1576x768x768",
                            text);
        shape[i] = n;
        at = end + 1;
    }
    return GRAFT_OK;
}

/* The one operator that the options name. */
static graft_status add_chosen(bench *b, const char *suite)
{
    const bench_options *o = b->options;
    const bench_op *op = find_op(o->op);
    int64_t shape[3] = {0};
    if (!op) {
        char names[256] = "";
        for (int i = 0; i < OPS; i++)
            snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? ", " : "",
                     ops[i].name);
        return cli_fail(b->c, GRAFT_ERR_ARGUMENT, "--op %s: unknown; the operators are %s", o->op,
                        names);
    }
    bool takes_shape = op->units == 0;
    if (o->shape && !takes_shape)
        return cli_fail(b->c, GRAFT_ERR_ARGUMENT,
                        "--shape %s: only of matmul, matmul_dx and weight_grad", o->shape);
    if (o->shape)
        CLI_TRY(read_shape(b->c, o->shape, shape));
    else if (takes_shape)
        memcpy(shape, (int64_t[]){ROWS, DIM, strcmp(o->op, "weight_grad") == 0 ? NARROW : DIM},
               sizeof(shape));
    return add_op(b, suite, op, shape);
}

graft_status bench_add_ops(bench *b, const char *suite, bool all)
{
    if (b->options->op)
        return add_chosen(b, suite);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (all || cases[i].quick)
            CLI_TRY(add_op(b, suite, find_op(cases[i].op), cases[i].shape));
    return GRAFT_OK;
}
