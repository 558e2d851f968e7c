/* Reverse-mode differentiation. Only values that depend on a trainable one get a gradient. */
#include "passes/passes.h"

#include "base/mem.h"
#include "graph/op.h"
#include "ops/ops.h"

#include <stdio.h>
#include <string.h>

/* What the consumers of one value have added to its gradient so far. */
typedef struct contributions {
    gr_value **items;
    size_t count;
} contributions;

typedef struct tape {
    gr_graph *graph;
    contributions *of; /* indexed by value id */
} tape;

static void contribute(tape *t, const gr_value *v, gr_value *gradient)
{
    if (!gradient)
        return; /* after an error */
    contributions *c = &t->of[v->id];
    gr_value **entry = gr_push(t->of, (void **)&c->items, &c->count, sizeof(gradient));
    if (!entry) {
        gr_graph_fail(t->graph, GRAFT_ERR_MEMORY, "gradients: out of memory");
        return;
    }
    *entry = gradient;
}

/* The operator of all contributions, or NULL. */
static const gr_op *common_op(const contributions *c)
{
    const gr_op *op = c->items[0]->op;
    for (size_t i = 1; i < c->count; i++)
        if (c->items[i]->op != op)
            return NULL;
    return op;
}

static gr_value *total(const contributions *c)
{
    if (c->count == 0)
        return NULL;
    const gr_op *op = common_op(c); /* e.g. slices of one value, whose gradients lie side by side */
    gr_value *sum = c->count > 1 && op && op->sum ? op->sum(c->items, (int)c->count) : NULL;
    if (sum)
        return sum;
    sum = c->items[0];
    for (size_t i = 1; i < c->count; i++)
        sum = gr_add(sum, c->items[i]);
    return sum;
}

/* The values that `v` depends on, inputs first; only those that need a gradient. */
static void collect(gr_value *v, bool *seen, gr_value **order, int *count)
{
    if (!v->needs_grad || seen[v->id])
        return;
    seen[v->id] = true;
    for (int i = 0; i < v->input_count; i++)
        collect(v->input[i], seen, order, count);
    order[(*count)++] = v;
}

static void differentiate(tape *t, gr_value *v, gr_value *dv)
{
    gr_value *dx[GR_MAX_INPUTS] = {NULL};
    if (!v->op->grad) {
        gr_graph_fail(t->graph, GRAFT_ERR_UNSUPPORTED, "%s: has no gradient", v->op->name);
        return;
    }
    v->op->grad(v, dv, dx);
    for (int i = 0; i < v->input_count; i++) {
        if (!v->input[i]->needs_grad)
            continue;
        if (!dx[i])
            gr_graph_fail(t->graph, GRAFT_ERR_UNSUPPORTED, "%s: gives an operand no gradient",
                          v->op->name);
        contribute(t, v->input[i], dx[i]);
    }
}

/* The gradient of the loss itself. */
static gr_value *one(gr_graph *graph, const gr_value *loss)
{
    char name[32];
    snprintf(name, sizeof(name), ".one of rank %d", loss->shape.rank);
    gr_value *found = gr_graph_find(graph, name);
    if (found)
        return found;
    float *data = gr_graph_memory(graph, sizeof(*data));
    if (data)
        *data = 1.0f;
    return gr_graph_frozen(graph, name, loss->shape, GR_F32, data);
}

graft_status gr_graph_gradients(gr_graph *graph, gr_value *loss, gr_value *const *params, int count,
                                gr_value **grads)
{
    if (gr_graph_status(graph) != GRAFT_OK)
        return gr_graph_status(graph);
    if (loss->needs_grad && gr_shape_count(&loss->shape) != 1)
        gr_graph_fail(graph, GRAFT_ERR_SHAPE, "gradients: the loss must be a scalar");
    int values = gr_graph_count(graph), ordered = 0;
    tape t = {.graph = graph};
    t.of = gr_alloc_array(NULL, (size_t)values, sizeof(*t.of));
    bool *seen = gr_alloc_array(t.of, (size_t)values, sizeof(*seen));
    gr_value **order = gr_alloc_array(t.of, (size_t)values, sizeof(*order));
    gr_value **result = gr_alloc_array(t.of, (size_t)values, sizeof(*result));
    if (!t.of || !seen || !order || !result) {
        gr_graph_fail(graph, GRAFT_ERR_MEMORY, "gradients: out of memory");
        gr_free(t.of);
        return gr_graph_status(graph);
    }
    collect(loss, seen, order, &ordered);
    if (loss->needs_grad && (loss->kind != GR_VALUE_RESULT || !loss->op->is_loss))
        contribute(&t, loss, one(graph, loss));
    for (int i = ordered - 1; i >= 0 && gr_graph_status(graph) == GRAFT_OK; i--) {
        gr_value *v = order[i];
        result[v->id] = total(&t.of[v->id]);
        if (v->kind == GR_VALUE_RESULT && (v == loss || result[v->id]))
            differentiate(&t, v, result[v->id]);
    }
    for (int i = 0; i < count; i++)
        grads[i] = params[i]->id < values ? result[params[i]->id] : NULL;
    gr_free(t.of);
    return gr_graph_status(graph);
}
