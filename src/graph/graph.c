#include "graph/graph.h"

#include "base/mem.h"
#include "graph/op.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct graft_graph {
    graft_log *log;
    atomic_int sharers; /* beside the first owner; on threads of their own */
    graft_status status;
    gr_value **values;
    size_t count;
};

gr_graph *gr_graph_create(graft_log *log)
{
    gr_graph *graph = gr_alloc(NULL, sizeof(*graph));
    if (graph)
        graph->log = log;
    return graph;
}

void gr_graph_destroy(gr_graph *graph)
{
    if (graph && atomic_fetch_sub(&graph->sharers, 1) > 0)
        return;
    gr_free(graph);
}

gr_graph *gr_graph_share(gr_graph *graph)
{
    atomic_fetch_add(&graph->sharers, 1);
    return graph;
}

graft_status gr_graph_status(const gr_graph *graph)
{
    return graph ? graph->status : GRAFT_ERR_MEMORY;
}

gr_value *gr_graph_fail(gr_graph *graph, graft_status status, const char *fmt, ...)
{
    if (!graph || graph->status != GRAFT_OK)
        return NULL;
    char text[900];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    graph->status = gr_fail(graph->log, status, "%s", text);
    return NULL;
}

graft_log *gr_graph_log(const gr_graph *graph)
{
    return graph->log;
}

int gr_graph_count(const gr_graph *graph)
{
    return (int)graph->count;
}

gr_value *gr_graph_at(const gr_graph *graph, int id)
{
    return graph->values[id];
}

gr_value *gr_graph_find(const gr_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->count; i++) {
        gr_value *v = graph->values[i];
        if (v->kind != GR_VALUE_RESULT && strcmp(v->name, name) == 0)
            return v;
    }
    return NULL;
}

void *gr_graph_memory(gr_graph *graph, size_t size_bytes)
{
    void *memory = gr_alloc(graph, size_bytes);
    if (!memory)
        gr_graph_fail(graph, GRAFT_ERR_MEMORY, "graph: out of memory for %zu bytes", size_bytes);
    return memory;
}

static gr_value *append(gr_graph *graph, gr_value_kind kind)
{
    if (!graph || graph->status != GRAFT_OK)
        return NULL;
    gr_value *v = gr_graph_memory(graph, sizeof(*v));
    if (!v)
        return NULL;
    gr_value **entry = gr_push(graph, (void **)&graph->values, &graph->count, sizeof(v));
    if (!entry)
        return gr_graph_fail(graph, GRAFT_ERR_MEMORY, "graph: out of memory");
    *entry = v;
    v->graph = graph;
    v->id = (int)graph->count - 1;
    v->kind = kind;
    return v;
}

static gr_value *fail_size(gr_graph *graph, const char *name, const gr_shape *shape)
{
    char text[GR_SHAPE_TEXT];
    return gr_graph_fail(graph, GRAFT_ERR_SHAPE, "%s: empty or too large shape %s", name,
                         gr_shape_text(shape, text));
}

static gr_value *append_named(gr_graph *graph, gr_value_kind kind, const char *name, gr_dtype dtype,
                              gr_shape shape)
{
    if (gr_graph_status(graph) != GRAFT_OK)
        return NULL;
    if (gr_graph_find(graph, name))
        return gr_graph_fail(graph, GRAFT_ERR_ARGUMENT, "%s: used twice in one graph", name);
    if (gr_shape_count(&shape) <= 0)
        return fail_size(graph, name, &shape);
    gr_value *v = append(graph, kind);
    if (!v)
        return NULL;
    v->name = gr_strdup(graph, name);
    v->dtype = dtype;
    v->shape = shape;
    v->needs_grad = kind == GR_VALUE_PARAM;
    return v->name ? v : gr_graph_fail(graph, GRAFT_ERR_MEMORY, "graph: out of memory");
}

gr_value *gr_graph_input(gr_graph *graph, const char *name, gr_dtype dtype, gr_shape shape)
{
    return append_named(graph, GR_VALUE_INPUT, name, dtype, shape);
}

static gr_value *with_source(gr_value *v, gr_dtype dtype, const void *source)
{
    if (v) {
        v->source = source;
        v->source_dtype = dtype;
    }
    return v;
}

gr_value *gr_graph_frozen(gr_graph *graph, const char *name, gr_shape shape, gr_dtype dtype,
                          const void *source)
{
    return with_source(append_named(graph, GR_VALUE_FROZEN, name, GR_F32, shape), dtype, source);
}

gr_value *gr_graph_frozen_i32(gr_graph *graph, const char *name, gr_shape shape,
                              const int32_t *source)
{
    return with_source(append_named(graph, GR_VALUE_FROZEN, name, GR_I32, shape), GR_I32, source);
}

gr_value *gr_graph_param(gr_graph *graph, const char *name, gr_shape shape, gr_dtype dtype,
                         const void *source)
{
    return with_source(append_named(graph, GR_VALUE_PARAM, name, GR_F32, shape), dtype, source);
}

gr_value *gr_graph_state(gr_graph *graph, const char *name, gr_shape shape, gr_dtype dtype,
                         const void *source)
{
    return with_source(append_named(graph, GR_VALUE_STATE, name, GR_F32, shape), dtype, source);
}

gr_value *gr_graph_result(gr_graph *graph, const gr_op *op, gr_value *const *inputs, int count,
                          const void *attrs)
{
    for (int i = 0; i < count; i++) {
        if (!inputs[i]) /* mostly after an earlier error, which stays */
            return gr_graph_fail(graph, GRAFT_ERR_ARGUMENT, "%s: operand %d is missing", op->name,
                                 i);
        if (inputs[i]->graph != graph)
            return gr_graph_fail(graph, GRAFT_ERR_ARGUMENT, "%s: %s belongs to another graph",
                                 op->name, inputs[i]->name);
    }
    gr_value *v = append(graph, GR_VALUE_RESULT);
    if (!v)
        return NULL;
    v->op = op;
    v->name = op->name;
    v->dtype = GR_F32;
    v->input_count = count;
    if (op->attrs_bytes) {
        void *copy = gr_graph_memory(graph, op->attrs_bytes);
        if (!copy)
            return NULL;
        if (attrs)
            memcpy(copy, attrs, op->attrs_bytes);
        v->attrs = copy;
    }
    for (int i = 0; i < count; i++) {
        v->input[i] = inputs[i];
        v->needs_grad |= inputs[i]->needs_grad;
    }
    if (!op->infer(v))
        return NULL;
    return gr_shape_count(&v->shape) > 0 ? v : fail_size(graph, op->name, &v->shape);
}
