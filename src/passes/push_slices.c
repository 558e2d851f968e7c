/* Rows that nobody reads are not computed: a slice moves up through row-wise operators.
 *
 * With a classifier on the class token, everything after the last attention works on one row for
 * each image instead of all: its products, its gradients, and the memory of both. */
#include "passes/passes.h"

#include "base/mem.h"
#include "graph/op.h"
#include "ops/ops.h"

#include <string.h>

typedef struct pass {
    gr_value **order; /* topological, inputs first */
    size_t count;
    bool *seen;
} pass;

static bool visit(pass *p, gr_value *v)
{
    if (p->seen[v->id])
        return true;
    p->seen[v->id] = true;
    for (int i = 0; i < v->input_count; i++)
        if (!visit(p, v->input[i]))
            return false;
    gr_value **entry = gr_push(p, (void **)&p->order, &p->count, sizeof(v));
    if (!entry)
        return false;
    *entry = v;
    return true;
}

static bool is_slice(const gr_value *v)
{
    return v->kind == GR_VALUE_RESULT && v->op->range;
}

static bool is_slice_of(const gr_value *v, const gr_value *whole)
{
    return is_slice(v) && v->input[0] == whole;
}

static bool same_range(gr_range a, gr_range b)
{
    return a.axis == b.axis && a.start == b.start && a.length == b.length;
}

/* The one range of `v` that all its consumers read, when they are all equal slices. */
static bool only_read_range(const pass *p, const gr_value *v, gr_range *out)
{
    bool found = false;
    for (size_t i = 0; i < p->count; i++) {
        const gr_value *user = p->order[i];
        for (int k = 0; k < user->input_count; k++) {
            if (user->input[k] != v)
                continue;
            if (!is_slice(user) || (found && !same_range(user->op->range(user), *out)))
                return false;
            *out = user->op->range(user);
            found = true;
        }
    }
    return found;
}

/* The rows of `range` of a row-wise result: from inputs that are sliced where they have them. */
static gr_value *slice_rows(gr_value *v, gr_range range)
{
    if (range.axis >= v->shape.rank - 1)
        return NULL;
    uint32_t have_rows = v->op->row_inputs(v, range.axis);
    if (!have_rows)
        return NULL;
    gr_value *inputs[GR_MAX_INPUTS];
    for (int i = 0; i < v->input_count; i++) {
        gr_value *x = v->input[i];
        int axis = range.axis - (v->shape.rank - x->shape.rank); /* < 0: x is broadcast there */
        bool sliced = (have_rows >> i & 1) && axis >= 0;
        inputs[i] = sliced ? gr_slice(x, axis, range.start, range.length) : x;
    }
    return gr_graph_result(v->graph, v->op, inputs, v->input_count, v->attrs);
}

/* A value equal to that range of `v` from which less is computed, or NULL. */
static gr_value *slice_above(gr_value *v, gr_range range)
{
    if (v->kind != GR_VALUE_RESULT)
        return NULL;
    if (v->op->slice)
        return v->op->slice(v, range);
    return v->op->row_inputs ? slice_rows(v, range) : NULL;
}

/* Puts `with` in the place of every slice of `v`. */
static void replace_slices(pass *p, const gr_value *v, gr_value *with, gr_value **output)
{
    for (size_t i = 0; i < p->count; i++)
        for (int k = 0; k < p->order[i]->input_count; k++)
            if (is_slice_of(p->order[i]->input[k], v))
                p->order[i]->input[k] = with;
    if (is_slice_of(*output, v))
        *output = with;
}

/* One rewrite; returns false when there is nothing left to do. */
static bool step(gr_graph *graph, gr_value **output)
{
    pass *p = gr_alloc(NULL, sizeof(*p));
    bool changed = false;
    if (!p || !(p->seen = gr_alloc_array(p, (size_t)gr_graph_count(graph), sizeof(bool))) ||
        !visit(p, *output))
        gr_graph_fail(graph, GRAFT_ERR_MEMORY, "slices: out of memory");
    for (size_t i = p ? p->count : 0; i-- > 0 && gr_graph_status(graph) == GRAFT_OK && !changed;) {
        gr_value *v = p->order[i];
        gr_range range = {0};
        if (v == *output || !only_read_range(p, v, &range))
            continue;
        gr_value *with = slice_above(v, range);
        if (with) { /* its inputs have other readers now: the order must be found anew */
            replace_slices(p, v, with, output);
            changed = true;
        }
    }
    gr_free(p);
    return changed;
}

gr_value *gr_graph_push_slices(gr_graph *graph, gr_value *output)
{
    if (!output)
        return NULL;
    while (step(graph, &output))
        ;
    return output;
}
