#include "model/taps.h"

#include "base/mem.h"

gr_taps *gr_taps_create(void)
{
    return gr_alloc(NULL, sizeof(gr_taps));
}

void gr_taps_destroy(gr_taps *taps)
{
    gr_free(taps);
}

void gr_taps_note(gr_build *b, int64_t grid, gr_value *before, gr_value *after)
{
    gr_taps *taps = b->taps;
    if (!taps || !before || !after)
        return;
    gr_tap *place = gr_push(taps, (void **)&taps->items, &taps->count, sizeof(*place));
    if (place)
        *place = (gr_tap){before, after, grid};
    else
        gr_graph_fail(b->graph, GRAFT_ERR_MEMORY, "taps: out of memory");
}
