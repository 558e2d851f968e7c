/* Results that go straight to their final place: a product whose only reader is a transpose that
 * must be dense, or a part of a concatenation, is written there instead of being copied. */
#include "plan/internal.h"

#include "ops/op.h"

/* The storage of `view`, the result of view operator `v`, as the operator's input sees it. */
static bool undo_view(const gr_value *v, const gr_view *view, gr_view *out)
{
    if (v->op == &gr_op_reshape)
        return gr_view_reshape(view, &v->input[0]->shape, out);
    if (v->op != &gr_op_permute)
        return false;
    int inverse[GR_MAX_RANK];
    for (int i = 0; i < v->shape.rank; i++)
        inverse[v->attr.permute.axis[i]] = i;
    *out = gr_view_permute(view, inverse);
    return true;
}

/* The last view of the chain of views above `v`, each the only reader of the one before. */
static gr_value *end_of_views(const gr_plan *plan, gr_value *v)
{
    const gr_value_state *state = &plan->values[v->id];
    while (state->users == 1 && state->user && state->user->op->view) {
        v = state->user;
        state = &plan->values[v->id];
    }
    return v;
}

/* Where a concatenation wants its input `part`. */
static bool place_in_concat(gr_plan *plan, gr_value *c, const gr_value *part, gr_view *out)
{
    int axis = c->attr.concat.axis;
    if (gr_concat_has_gap(c))
        return false; /* zero-filled when it is lowered: that would erase the part */
    for (int i = 0; i < c->input_count; i++) {
        if (c->input[i] != part)
            continue;
        gr_view whole = gr_lower_dense_result(plan, c);
        *out = gr_view_slice(&whole, axis, c->attr.concat.start[i], part->shape.dim[axis]);
        return true;
    }
    return false;
}

static void place(gr_plan *plan, gr_value *v)
{
    gr_value *end = end_of_views(plan, v);
    const gr_value_state *state = &plan->values[end->id];
    gr_value *reader = state->users == 1 ? state->user : NULL;
    gr_view view;
    if (!reader || reader->op != &gr_op_concat || !place_in_concat(plan, reader, end, &view)) {
        if (end == v)
            return;
        view = gr_lower_scratch(plan, end->shape);
    }
    for (gr_value *w = end; w != v; w = w->input[0])
        if (!undo_view(w, &view, &view))
            return;
    plan->values[v->id].view = view;
    plan->values[v->id].placed = true;
}

/* Whether a slice and `v` are parts of one value that do not touch. */
static bool lies_beside(const gr_value *v, const gr_value *slice)
{
    int64_t start = v->attr.slice.start, other = slice->attr.slice.start;
    return v->op == &gr_op_slice && v->attr.slice.axis == slice->attr.slice.axis &&
           (other + slice->attr.slice.length <= start || start + v->attr.slice.length <= other);
}

/* All readers of the value that `slice` is cut from read other parts of it. */
static bool is_sole_reader(const gr_plan *plan, const gr_value *slice)
{
    const gr_value *whole = slice->input[0];
    int users = 1;
    for (size_t i = 0; i < plan->order_count; i++) {
        const gr_value *v = plan->order[i];
        if (v != slice && v->input_count == 1 && v->input[0] == whole && lies_beside(v, slice))
            users++;
    }
    return whole->kind == GR_VALUE_RESULT && !whole->op->view &&
           plan->values[whole->id].users == users;
}

bool gr_lower_in_place(gr_plan *plan, const gr_value *y, gr_view *out)
{
    const gr_value *x = y->input[0];
    gr_value_state *state = &plan->values[y->id];
    if (plan->values[x->id].users != 1 || state->ready || state->placed ||
        x->kind != GR_VALUE_RESULT || !gr_shape_equal(&x->shape, &y->shape))
        return false;
    if (x->op->view && (x->op != &gr_op_slice || !is_sole_reader(plan, x)))
        return false;
    *out = state->view = gr_lower_view(plan, x);
    state->ready = true;
    return true;
}

void gr_plan_place_results(gr_plan *plan)
{
    for (size_t i = 0; i < plan->order_count; i++)
        if (plan->order[i]->op->strided_result)
            place(plan, plan->order[i]);
}
