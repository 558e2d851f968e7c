/* Rows that nobody reads are not computed: a slice moves up through row-wise operators.
 *
 * With a classifier on the class token, everything after the last attention works on one row for
 * each image instead of all: its products, its gradients, and the memory of both. */
#include "passes/passes.h"

#include "base/mem.h"
#include "ops/op.h"
#include "ops/ops.h"

#include <string.h>

typedef struct range {
    int axis;
    int64_t start, length;
} range;

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
    gr_value **place = gr_push(p, (void **)&p->order, &p->count, sizeof(v));
    if (!place)
        return false;
    *place = v;
    return true;
}

/* The one range of `v` that all its consumers read, when they are all equal slices. */
static bool only_read_range(const pass *p, const gr_value *v, range *out)
{
    bool found = false;
    for (size_t i = 0; i < p->count; i++) {
        const gr_value *user = p->order[i];
        for (int k = 0; k < user->input_count; k++) {
            if (user->input[k] != v)
                continue;
            range r = {user->attr.slice.axis, user->attr.slice.start, user->attr.slice.length};
            if (user->op != &gr_op_slice ||
                (found &&
                 (r.axis != out->axis || r.start != out->start || r.length != out->length)))
                return false;
            *out = r;
            found = true;
        }
    }
    return found;
}

/* The input of a view along which the same rows lie, for a range of the view's axis. */
static bool range_above_view(const gr_value *v, range *r)
{
    if (v->op == &gr_op_permute) {
        r->axis = v->attr.permute.axis[r->axis];
        return true;
    }
    if (v->op != &gr_op_reshape)
        return false;
    const gr_shape *x = &v->input[0]->shape;
    return x->rank > r->axis &&
           memcmp(x->dim, v->shape.dim, (size_t)(r->axis + 1) * sizeof(x->dim[0])) == 0;
}

static gr_value *narrowed_view(gr_value *v, range r)
{
    range above = r;
    if (!range_above_view(v, &above))
        return NULL;
    gr_value *x = gr_slice(v->input[0], above.axis, above.start, above.length);
    if (v->op == &gr_op_permute)
        return gr_permute(x, v->attr.permute.axis);
    gr_shape shape = v->shape;
    shape.dim[r.axis] = r.length;
    return gr_reshape(x, shape);
}

/* A slice that falls into one input of a concatenation along the same axis. */
static gr_value *narrowed_concat(gr_value *v, range r)
{
    if (v->attr.concat.axis != r.axis)
        return NULL;
    for (int i = 0; i < v->input_count; i++) {
        int64_t start = r.start - v->attr.concat.start[i];
        if (start >= 0 && start + r.length <= v->input[i]->shape.dim[r.axis])
            return gr_slice(v->input[i], r.axis, start, r.length);
    }
    return NULL;
}

/* The operand of a row-wise operator that goes with the range: sliced where it has those rows. */
static gr_value *narrowed_operand(const gr_value *v, int i, range r)
{
    gr_value *x = v->input[i];
    int axis = r.axis - (v->shape.rank - x->shape.rank);
    bool has_rows = i == 0 || ((v->op == &gr_op_add || v->op == &gr_op_mul) && axis >= 0);
    return has_rows ? gr_slice(x, i == 0 ? r.axis : axis, r.start, r.length) : x;
}

/* Dropout draws by the place in the tensor, which a slice changes; drop-path by sample only. */
static bool draws_by_place(const gr_value *v, range r)
{
    return v->op == &gr_op_dropout && (r.axis == 0 || !v->attr.dropout.per_sample);
}

static gr_value *narrowed_row_wise(gr_value *v, range r)
{
    bool is_matmul = v->op == &gr_op_matmul;
    bool batched = is_matmul && v->input[1]->shape.rank > 2;
    if (r.axis >= v->shape.rank - 1 || (batched && r.axis != v->shape.rank - 2) ||
        draws_by_place(v, r))
        return NULL;
    gr_value *inputs[GR_MAX_INPUTS];
    for (int i = 0; i < v->input_count; i++)
        inputs[i] = narrowed_operand(v, i, r);
    return gr_graph_result(v->graph, v->op, inputs, v->input_count, &v->attr);
}

static gr_value *narrowed(gr_value *v, range r)
{
    if (v->kind != GR_VALUE_RESULT || v->op == &gr_op_slice)
        return NULL;
    if (v->op == &gr_op_concat)
        return narrowed_concat(v, r);
    return v->op->view ? narrowed_view(v, r) : v->op->row_wise ? narrowed_row_wise(v, r) : NULL;
}

/* Puts `with` in the place of every slice of `v`. */
static void replace_slices(pass *p, const gr_value *v, gr_value *with, gr_value **output)
{
    for (size_t i = 0; i < p->count; i++)
        for (int k = 0; k < p->order[i]->input_count; k++) {
            gr_value **input = &p->order[i]->input[k];
            if ((*input)->op == &gr_op_slice && (*input)->input[0] == v)
                *input = with;
        }
    if ((*output)->op == &gr_op_slice && (*output)->input[0] == v)
        *output = with;
}

/* One rewrite; returns false when there is nothing left to do. */
static bool step(gr_graph *graph, gr_value **output)
{
    pass *p = gr_alloc(NULL, sizeof(*p));
    bool changed = false;
    if (!p || !(p->seen = gr_alloc_array(p, (size_t)gr_graph_count(graph), sizeof(bool))) ||
        !visit(p, *output))
        gr_graph_fail(graph, GRAFT_ERR_MEMORY, "narrow: out of memory");
    for (size_t i = p ? p->count : 0; i-- > 0 && gr_graph_status(graph) == GRAFT_OK && !changed;) {
        gr_value *v = p->order[i];
        range r = {0};
        if (v == *output || !only_read_range(p, v, &r))
            continue;
        gr_value *with = narrowed(v, r);
        if (with) {
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
