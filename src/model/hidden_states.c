#include "model/hidden_states.h"

#include "base/mem.h"

gr_hidden_states *gr_hidden_states_create(void)
{
    return gr_alloc(NULL, sizeof(gr_hidden_states));
}

void gr_hidden_states_destroy(gr_hidden_states *states)
{
    gr_free(states);
}

void gr_hidden_states_note(gr_build *b, int64_t grid, gr_value *before, gr_value *after)
{
    gr_hidden_states *states = b->hidden_states;
    if (!states || !before || !after)
        return;
    gr_hidden_state *place =
        gr_push(states, (void **)&states->items, &states->count, sizeof(*place));
    if (place)
        *place = (gr_hidden_state){before, after, grid};
    else
        gr_graph_fail(b->graph, GRAFT_ERR_MEMORY, "hidden states: out of memory");
}
