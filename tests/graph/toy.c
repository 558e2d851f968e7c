#include "toy.h"

#include "compare.h"
#include "ops/operators.h"
#include "ops/ops.h"
#include "passes/passes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const float *numbers(gr_graph *graph, gr_shape shape)
{
    size_t count = (size_t)gr_shape_count(&shape);
    float *x = gr_graph_memory(graph, count * sizeof(*x));
    assert_non_null(x);
    fill_uniform(x, count, -0.5f, 0.5f, 100u + (uint64_t)gr_graph_count(graph));
    return x;
}

static gr_value *frozen(gr_graph *graph, const char *name, int block, gr_shape shape)
{
    char full[64];
    snprintf(full, sizeof(full), "%d.%s", block, name);
    return gr_graph_frozen(graph, full, shape, GR_F32, numbers(graph, shape));
}

static gr_value *param(toy *t, const char *name, gr_shape shape)
{
    gr_value *v = gr_graph_param(t->graph, name, shape, GR_F32, numbers(t->graph, shape));
    return t->params[t->param_count++] = v;
}

static gr_value *norm(toy *t, const char *name, int block, gr_value *x, int64_t dim)
{
    char beta[32];
    snprintf(beta, sizeof(beta), "%s.beta", name);
    return gr_layer_norm(x, frozen(t->graph, name, block, GR_SHAPE(dim)),
                         frozen(t->graph, beta, block, GR_SHAPE(dim)), 1e-5f);
}

static gr_value *dense(toy *t, const char *name, int block, gr_value *x, int64_t out, int64_t in)
{
    char bias[32];
    snprintf(bias, sizeof(bias), "%s.bias", name);
    return gr_linear(x, frozen(t->graph, name, block, GR_SHAPE(out, in)),
                     frozen(t->graph, bias, block, GR_SHAPE(out)));
}

static gr_value *head_of(gr_value *qkv, const toy_config *c, int which)
{
    int64_t d = c->dim / c->heads;
    gr_value *x = gr_reshape(qkv, GR_SHAPE(c->batch, c->tokens, 3, c->heads, d));
    x = gr_reshape(gr_slice(x, 2, which, 1), GR_SHAPE(c->batch, c->tokens, c->heads, d));
    return gr_permute(x, (int[]){0, 2, 1, 3});
}

static gr_value *attention(toy *t, const toy_config *c, int block, gr_value *x)
{
    bool last = block == c->blocks - 1;
    gr_value *qkv = dense(t, "qkv", block, x, 3 * c->dim, c->dim);
    if (last) {
        gr_value *down = param(t, "down", GR_SHAPE(2, c->dim));
        gr_value *up = param(t, "up", GR_SHAPE(3 * c->dim, 2));
        qkv = gr_add_scaled(qkv, gr_linear(gr_linear(x, down, NULL), up, NULL), 0.5f);
    }
    gr_value *scores = gr_matmul(head_of(qkv, c, 0), gr_transpose(head_of(qkv, c, 1)), NULL, 1.0f);
    gr_value *y = gr_matmul(gr_softmax(scores, 0.5f), head_of(qkv, c, 2), NULL, 1.0f);
    y = gr_reshape(gr_permute(y, (int[]){0, 2, 1, 3}), GR_SHAPE(c->batch, c->tokens, c->dim));
    return dense(t, "proj", block, y, c->dim, c->dim);
}

static gr_value *encoder_block(toy *t, const toy_config *c, int block, gr_value *x)
{
    bool last = block == c->blocks - 1;
    gr_value *y = attention(t, c, block, norm(t, "norm1", block, x, c->dim));
    if (last)
        y = gr_dropout(y, c->drop_path, 1, true, t->scalars);
    x = gr_add(x, y);
    y = dense(t, "fc1", block, norm(t, "norm2", block, x, c->dim), 2 * c->dim, c->dim);
    y = gr_gelu(y);
    if (last)
        y = gr_dropout(y, c->dropout, 2, false, t->scalars);
    return gr_add(x, dense(t, "fc2", block, y, c->dim, 2 * c->dim));
}

void toy_open(toy *t, graft_log *log, const toy_config *c)
{
    *t = (toy){.graph = gr_graph_create(log)};
    assert_non_null(t->graph);
    t->tokens = gr_graph_input(t->graph, "tokens", GR_F32, GR_SHAPE(c->batch, c->tokens, c->dim));
    t->labels = gr_graph_input(t->graph, "labels", GR_I32, GR_SHAPE(c->batch));
    t->scalars = gr_graph_input(t->graph, "scalars", GR_F32, GR_SHAPE(16));
    gr_value *x = t->tokens;
    for (int block = 0; block < c->blocks; block++)
        x = encoder_block(t, c, block, x);
    x = norm(t, "norm", c->blocks, x, c->dim);
    x = gr_reshape(gr_slice(x, 1, 0, 1), GR_SHAPE(c->batch, c->dim));
    gr_value *weight = param(t, "head", GR_SHAPE(c->classes, c->dim));
    t->logits = gr_linear(x, weight, param(t, "head.bias", GR_SHAPE(c->classes)));
    if (c->push_slices)
        t->logits = gr_graph_push_slices(t->graph, t->logits);
    t->loss = gr_cross_entropy(t->logits, t->labels, t->scalars);
    gr_graph_gradients(t->graph, t->loss, t->params, t->param_count, t->grads);
    assert_int_equal(gr_graph_status(t->graph), GRAFT_OK);
}

void toy_close(toy *t)
{
    gr_graph_destroy(t->graph);
    t->graph = NULL;
}

typedef struct tally {
    const gr_op *op;
    bool seen[4096];
    int count;
    int64_t largest;
} tally;

static void visit(tally *t, const gr_value *v)
{
    if (t->seen[v->id])
        return;
    t->seen[v->id] = true;
    if (v->op == t->op) {
        int64_t elements = gr_shape_count(&v->shape);
        t->count++;
        t->largest = elements > t->largest ? elements : t->largest;
    }
    for (int i = 0; i < v->input_count; i++)
        visit(t, v->input[i]);
}

static tally tally_of(const gr_value *root, const gr_op *op)
{
    tally t = {.op = op};
    assert_true(gr_graph_count(root->graph) <= 4096);
    visit(&t, root);
    return t;
}

int toy_count(const gr_value *root, const gr_op *op)
{
    return tally_of(root, op).count;
}

int64_t toy_largest(const gr_value *root, const gr_op *op)
{
    return tally_of(root, op).largest;
}
