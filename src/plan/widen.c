/* Frozen weights that the store keeps in fewer bits, on their way into a dispatch. */
#include "plan/internal.h"

#include "plan/precision.h"

#include "shaders/widen.gk.h"

static void dispatch(gr_plan *plan, graft_weights kept, int from, int to)
{
    const gr_value *v = plan->slots[from].source;
    bool bytes = kept == GRAFT_WEIGHTS_INT8;
    uint32_t words = (uint32_t)(gr_shape_count(&v->shape) / (bytes ? 4 : 2));
    gr_widen_params params = {
        .words = words,
        .first = bytes ? (uint32_t)v->shape.dim[0] : 0,
        .row = (uint32_t)gr_shape_span(&v->shape, 1, v->shape.rank),
    };
    gr_fold(words, &params.rows, &params.cols);
    gr_launch launch = gr_launch_of(plan, &gr_kernel_widen, &params);
    launch.tunable[1] = (uint32_t)(kept - GRAFT_WEIGHTS_F16);
    launch.slot[0] = from;
    launch.slot[1] = to;
    gr_launch_elements(plan, &launch, params.rows, params.cols);
    gr_lower_dispatch(plan, &launch);
}

/* Those of one operator share the floats; the next one makes them anew, so that they need no memory
 * in between. */
int gr_plan_widened(gr_plan *plan, int slot)
{
    graft_weights kept = plan->slots[slot].kept;
    if (kept == GRAFT_WEIGHTS_F32)
        return slot;
    if (plan->slots[slot].widened_for != plan->operators) {
        int wide = gr_lower_scratch(plan, plan->slots[slot].source->shape).slot;
        if (plan->status != GRAFT_OK)
            return slot;
        plan->slots[slot].widened_for = plan->operators;
        plan->slots[slot].widened = wide;
        plan->slots[slot].kept = GRAFT_WEIGHTS_F32; /* the widening itself reads the words */
        dispatch(plan, kept, slot, wide);
        plan->slots[slot].kept = kept;
    }
    return plan->slots[slot].widened;
}
