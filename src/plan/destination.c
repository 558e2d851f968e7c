/* Results that are computed at their destination instead of being copied there: a product whose
 * only reader is a transpose that must be dense, or a part of a concatenation. */
#include "plan/internal.h"

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

/* Where the only reader of `v` wants it: in the reader's own storage. */
static bool find_in_reader(gr_plan *plan, const gr_value *v, gr_view *out)
{
    const gr_value_state *state = &plan->values[v->id];
    const gr_value *reader = state->users == 1 ? state->user : NULL;
    if (!reader || reader->op->view || !reader->op->input_view)
        return false;
    int i = 0;
    while (reader->input[i] != v)
        i++;
    gr_view result = gr_lower_dense_result(plan, reader);
    return reader->op->input_view(reader, i, &result, out);
}

static void choose_destination(gr_plan *plan, gr_value *v)
{
    gr_value *end = end_of_views(plan, v);
    gr_view view;
    if (!find_in_reader(plan, end, &view)) {
        if (end == v)
            return;
        view = gr_lower_scratch(plan, end->shape);
    }
    for (gr_value *w = end; w != v; w = w->input[0])
        if (!w->op->input_view || !w->op->input_view(w, 0, &view, &view))
            return;
    plan->values[v->id].view = view;
    plan->values[v->id].has_destination = true;
}

/* Whether a slice and `v` are parts of one value that do not touch. */
static bool lies_beside(const gr_value *v, const gr_value *slice)
{
    if (!v->op->range)
        return false;
    gr_range a = v->op->range(v), b = slice->op->range(slice);
    return a.axis == b.axis && (b.start + b.length <= a.start || a.start + a.length <= b.start);
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
    if (plan->values[x->id].users != 1 || state->ready || state->has_destination ||
        x->kind != GR_VALUE_RESULT || !gr_shape_equal(&x->shape, &y->shape))
        return false;
    if (x->op->view && (!x->op->range || !is_sole_reader(plan, x)))
        return false;
    *out = state->view = gr_lower_view(plan, x);
    state->ready = true;
    return true;
}

void gr_plan_choose_destinations(gr_plan *plan)
{
    for (size_t i = 0; i < plan->order_count; i++)
        if (plan->order[i]->op->strided_result)
            choose_destination(plan, plan->order[i]);
}
