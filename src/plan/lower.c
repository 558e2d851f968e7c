/* Where operators find their inputs and put their results while they are lowered. */
#include "plan/internal.h"

#include "base/mem.h"

#include <string.h>

const gr_variant *gr_lower_variant(const gr_plan *plan, const char *kernel,
                                   const gr_problem *problem, const gr_variant *after)
{
    return gr_variant_next(plan->device, kernel, problem, after);
}

int gr_plan_new_slot(gr_plan *plan, uint64_t bytes)
{
    if (plan->status != GRAFT_OK && plan->slot_count)
        return 0;
    gr_slot *slot = gr_push(plan, (void **)&plan->slots, &plan->slot_count, sizeof(*slot));
    if (!slot) {
        gr_lower_fail(plan, GRAFT_ERR_MEMORY, "plan: out of memory");
        return 0;
    }
    slot->bytes = bytes;
    slot->first = slot->last = -1;
    return (int)plan->slot_count - 1;
}

static uint64_t value_bytes(const gr_shape *shape)
{
    return (uint64_t)gr_shape_count(shape) * sizeof(float);
}

gr_view gr_lower_scratch(gr_plan *plan, gr_shape shape)
{
    return gr_view_dense(gr_plan_new_slot(plan, value_bytes(&shape)), shape);
}

static gr_view view_of_source(gr_plan *plan, const gr_value *value)
{
    int slot = gr_plan_new_slot(plan, value_bytes(&value->shape));
    if (plan->status == GRAFT_OK) {
        plan->slots[slot].kept = gr_store_kept(plan->store, value);
        plan->slots[slot].external = true;
        plan->slots[slot].source = value;
    }
    return gr_view_dense(slot, value->shape);
}

gr_view gr_plan_dense_copy(gr_plan *plan, const gr_view *from)
{
    gr_view to = gr_lower_scratch(plan, from->shape);
    gr_lower_copy(plan, from, &to, false);
    return to;
}

static gr_view view_of_view(gr_plan *plan, const gr_value *value)
{
    gr_view x = gr_lower_view(plan, value->input[0]), out;
    if (value->op->view(value, &x, &out))
        return out;
    x = gr_plan_dense_copy(plan, &x);
    value->op->view(value, &x, &out);
    return out;
}

gr_view gr_lower_view(gr_plan *plan, const gr_value *value)
{
    gr_value_state *state = &plan->values[value->id];
    if (!state->ready) {
        gr_view view = value->kind != GR_VALUE_RESULT ? view_of_source(plan, value)
                                                      : view_of_view(plan, value);
        state->view = view;
        state->ready = true;
    }
    return state->view;
}

gr_view gr_lower_dense(gr_plan *plan, const gr_value *value, bool aligned)
{
    gr_view view = gr_lower_view(plan, value);
    if (!gr_view_is_dense(&view) || (aligned && view.offset)) {
        view = gr_plan_dense_copy(plan, &view);
        plan->values[value->id].view = view; /* the next reader needs no copy */
    }
    return view;
}

gr_view gr_lower_result(gr_plan *plan, const gr_value *value)
{
    gr_value_state *state = &plan->values[value->id];
    if (!state->has_destination)
        state->view = gr_lower_scratch(plan, value->shape);
    state->ready = true;
    return state->view;
}

gr_view gr_lower_dense_result(gr_plan *plan, const gr_value *value)
{
    gr_value_state *state = &plan->values[value->id];
    if (!state->ready) {
        state->view = gr_lower_scratch(plan, value->shape);
        state->ready = true;
    }
    return state->view;
}

const gr_value *gr_lower_frozen_source(const gr_plan *plan, const gr_view *view)
{
    const gr_value *source = plan->slots[view->slot].source;
    bool packs = source && source->kind == GR_VALUE_FROZEN &&
                 plan->slots[view->slot].kept == GRAFT_WEIGHTS_F32;
    return packs ? source : NULL;
}

/* The store's name of a packed form: value, part of it, and layout. */
static char *packed_name(gr_plan *plan, const gr_view *view, const char *layout)
{
    char shape[GR_SHAPE_TEXT];
    return gr_printf(plan, "%s|%lld%s|%s", plan->slots[view->slot].source->name,
                     (long long)view->offset, gr_shape_text(&view->shape, shape), layout);
}

int gr_lower_packed(gr_plan *plan, const gr_view *view, const char *layout, gr_shape shape,
                    gr_pack_fn pack, void *user)
{
    const gr_value *value = plan->slots[view->slot].source;
    char *name = packed_name(plan, view, layout);
    for (size_t i = 0; i < plan->slot_count; i++)
        if (name && plan->slots[i].packed && strcmp(plan->slots[i].packed, name) == 0)
            return (int)i;
    gr_pack_job *job = gr_push(plan, (void **)&plan->jobs, &plan->job_count, sizeof(*job));
    gr_view from = *view, to = gr_lower_scratch(plan, shape);
    from.slot = view_of_source(plan, value).slot;
    if (!name || !job || plan->status != GRAFT_OK) {
        gr_lower_fail(plan, GRAFT_ERR_MEMORY, "plan: out of memory");
        return to.slot;
    }
    plan->slots[to.slot].external = true;
    plan->slots[to.slot].packed = name;
    *job = (gr_pack_job){.value = value, .raw_slot = from.slot, .slot = to.slot};
    plan->packing = job;
    pack(plan, &from, &to, user);
    plan->packing = NULL;
    return to.slot;
}
