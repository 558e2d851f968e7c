#include "device/state.h"

#include "base/mem.h"

gr_device_state *gr_device_state_create(void)
{
    return gr_alloc(NULL, sizeof(gr_device_state));
}

bool gr_object_reserve(gr_device_state *state, gr_object_kind kind, size_t count)
{
    size_t needed = state->counts[kind] + count;
    if (needed <= state->capacities[kind])
        return true;
    size_t capacity = 2 * needed;
    gr_object *grown = gr_realloc(state, state->objects[kind], capacity * sizeof(*grown));
    if (!grown)
        return false;
    state->objects[kind] = grown;
    state->capacities[kind] = capacity;
    return true;
}

void gr_object_add(gr_device_state *state, gr_object_kind kind, gr_object object)
{
    state->objects[kind][state->counts[kind]++] = object;
}

/* Tens of objects of a kind, or hundreds of pipelines: a search tree would not pay. */
gr_object *gr_object_find(const gr_device_state *state, gr_object_kind kind, const void *handle)
{
    for (size_t i = 0; i < state->counts[kind]; i++)
        if (state->objects[kind][i].handle == handle)
            return &state->objects[kind][i];
    return NULL;
}

void gr_object_forget(gr_device_state *state, gr_object_kind kind, const void *handle)
{
    gr_object *object = gr_object_find(state, kind, handle);
    if (object)
        *object = state->objects[kind][--state->counts[kind]];
}
