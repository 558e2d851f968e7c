/* How much device memory plans take, before any is taken. */
#include "plan/internal.h"

#include "base/mem.h"

uint64_t gr_plan_memory(const gr_plan *plan, uint64_t *largest)
{
    uint64_t total = 0, most = 0;
    for (size_t i = 0; i < plan->block_count; i++)
        total += plan->block_bytes[i];
    for (size_t i = 0; i < plan->slot_count; i++)
        if (!plan->slots[i].external && plan->slots[i].first >= 0 && plan->slots[i].bytes > most)
            most = plan->slots[i].bytes;
    if (largest)
        *largest = most;
    return total;
}

/* Takes the plan's memory from a dry store, and leaves the plan as it was. */
static graft_status take_dry(gr_plan *plan, gr_store *dry)
{
    gr_store *store = plan->store;
    gr_region *regions = gr_alloc_array(dry, plan->slot_count, sizeof(*regions));
    if (!regions)
        return gr_fail(plan->log, GRAFT_ERR_MEMORY, "plan: out of memory");
    for (size_t i = 0; i < plan->slot_count; i++)
        regions[i] = plan->slots[i].region;
    plan->store = dry;
    graft_status status = gr_plan_take_memory(plan);
    plan->store = store;
    for (size_t i = 0; i < plan->slot_count; i++)
        plan->slots[i].region = regions[i];
    gr_free(plan->blocks); /* the dry store has the buffers: they count until it goes */
    plan->blocks = NULL;
    return status;
}

graft_status gr_plan_peak_memory(gr_plan *const *plans, int count, uint64_t *bytes)
{
    gr_store *dry = NULL;
    graft_log *log = plans[0]->tentative ? NULL : plans[0]->log;
    graft_status status = gr_store_create_dry(log, plans[0]->store, &dry);
    for (int i = 0; i < count && status == GRAFT_OK; i++)
        status = take_dry(plans[i], dry);
    if (status == GRAFT_OK)
        *bytes = gr_store_dry_peak(dry);
    gr_store_destroy(dry);
    return status;
}
