#include "peft/sites.h"

#include "base/mem.h"

gr_sites *gr_sites_create(void)
{
    return gr_alloc(NULL, sizeof(gr_sites));
}

void gr_sites_destroy(gr_sites *sites)
{
    gr_free(sites);
}

static void note(gr_build *b, gr_site site)
{
    gr_sites *sites = b->sites;
    gr_site *place = gr_push(sites, (void **)&sites->items, &sites->count, sizeof(*place));
    if (place)
        *place = site;
    else
        gr_graph_fail(b->graph, GRAFT_ERR_MEMORY, "%s: out of memory", site.module);
}

void gr_sites_note_linear(gr_build *b, const gr_linear_site *linear)
{
    if (!b->sites || !linear->weight)
        return;
    int64_t rows = linear->weight->shape.dim[0];
    note(b, (gr_site){linear->module, linear->tensor, linear->row, rows, linear->target, 0});
}

void gr_sites_note_output(gr_build *b, gr_point point, const char *module, const gr_value *y)
{
    if (!b->sites || !y)
        return;
    const char *tensor = point == GR_POINT_EMBED ? "patch_embed.proj"
                         : point == GR_POINT_MLP ? gr_build_name(b, "%s.fc2", module)
                                                 : module;
    note(b, (gr_site){module, tensor, 0, y->shape.dim[y->shape.rank - 1], 0, point});
}
