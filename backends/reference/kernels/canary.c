#include "backends/reference/reference.h"

#include "shaders/canary.gk.h"

void gr_ref_canary(gr_ref_call *call)
{
    GR_REF_PARAMS(call, canary, p);
    gr_ref_put_uint(call, 0, p.cell, gr_ref_get_uint(call, 0, p.cell) + 1);
}
