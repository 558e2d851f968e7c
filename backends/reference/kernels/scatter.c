#include "backends/reference/reference.h"

#include "shaders/gather.gk.h"
#include "shaders/scatter.gk.h"

/* Bindings of both kernels. */
enum { X, INDEX, Y };

void gr_ref_scatter(gr_ref_call *call)
{
    GR_REF_PARAMS(call, scatter, p);
    for (uint32_t j = 0; j < p.count; j++) {
        uint32_t to = gr_ref_get_uint(call, INDEX, j);
        if (to < p.size)
            gr_ref_put(call, Y, to, gr_ref_get(call, X, j));
    }
}

void gr_ref_gather(gr_ref_call *call)
{
    GR_REF_PARAMS(call, gather, p);
    for (uint32_t j = 0; j < p.count; j++) {
        uint32_t from = gr_ref_get_uint(call, INDEX, j);
        gr_ref_put(call, Y, j, from < p.size ? gr_ref_get(call, X, from) : 0);
    }
}
