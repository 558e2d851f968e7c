/* Activations that are computed a second time instead of kept: what gradients read of a block is
 * made anew from the block's input, so that between the forward and the backward pass of a block
 * only that input is in memory. (Chen et al., "Training deep nets with sublinear memory cost",
 * 2016.) */
#include "passes/passes.h"

#include "base/mem.h"
#include "graph/op.h"

typedef struct recomputation {
    gr_graph *graph;
    gr_value **again; /* by id, [forward]: the second computation; NULL: none yet */
    bool *late;       /* by id, [forward]: follows from the last boundary */
    int forward;      /* values of the forward pass */
} recomputation;

static bool follows(const recomputation *r, const gr_value *v)
{
    for (int i = 0; i < v->input_count; i++)
        if (v->input[i]->id < r->forward && r->late[v->input[i]->id])
            return true;
    return false;
}

/* What follows from the input of the last block is read soon after it was computed. Passes leave
 * values whose inputs came after them: hence the rounds. */
static void find_late(recomputation *r)
{
    bool changed = true;
    for (int i = r->forward; i-- > 0;)
        if (gr_graph_at(r->graph, i)->boundary) {
            r->late[i] = true;
            break;
        }
    while (changed) {
        changed = false;
        for (int i = 0; i < r->forward; i++)
            if (!r->late[i] && follows(r, gr_graph_at(r->graph, i)))
                r->late[i] = changed = true;
    }
}

static gr_value *compute_again(recomputation *r, gr_value *v)
{
    gr_value *inputs[GR_MAX_INPUTS];
    if (v->kind != GR_VALUE_RESULT || v->boundary || v->id >= r->forward || r->late[v->id])
        return v;
    if (r->again[v->id])
        return r->again[v->id];
    for (int i = 0; i < v->input_count; i++)
        inputs[i] = compute_again(r, v->input[i]);
    return r->again[v->id] = gr_graph_result(r->graph, v->op, inputs, v->input_count, v->attrs);
}

graft_status gr_graph_recompute(gr_graph *graph, int forward)
{
    int count = gr_graph_count(graph);
    recomputation r = {.graph = graph, .forward = forward};
    r.again = gr_alloc_array(NULL, (size_t)forward + 1, sizeof(gr_value *));
    r.late = gr_alloc_array(r.again, (size_t)forward + 1, sizeof(*r.late));
    if (!r.again || !r.late) {
        gr_free(r.again);
        gr_graph_fail(graph, GRAFT_ERR_MEMORY, "recomputation: out of memory");
        return gr_graph_status(graph);
    }
    find_late(&r);
    for (int id = forward; id < count && gr_graph_status(graph) == GRAFT_OK; id++) {
        gr_value *v = gr_graph_at(graph, id);
        for (int i = 0; i < v->input_count; i++)
            v->input[i] = compute_again(&r, v->input[i]);
    }
    gr_free(r.again);
    return gr_graph_status(graph);
}
