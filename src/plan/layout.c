/* The memory plan: every computed slot gets a fixed offset, shared with slots whose life does not
 * overlap its own. Largest first, each at the lowest offset that is free during its life. */
#include "plan/internal.h"

#include "base/mem.h"

#include <stdlib.h>

static void find_lives(gr_plan *plan)
{
    for (size_t s = 0; s < plan->step_count; s++)
        for (int i = 0; i < plan->steps[s].slot_count; i++) {
            gr_slot *slot = &plan->slots[plan->steps[s].launch.slot[i]];
            if (slot->first < 0)
                slot->first = (int)s;
            slot->last = (int)s;
        }
    for (size_t i = 0; i < plan->slot_count; i++)
        if (plan->slots[i].keep)
            plan->slots[i].last = (int)plan->step_count;
}

static int larger_first(const void *a, const void *b)
{
    const gr_slot *x = *(gr_slot *const *)a, *y = *(gr_slot *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->first - y->first;
}

static bool lives_overlap(const gr_slot *a, const gr_slot *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset of block `block` where `slot` fits among the slots placed before. */
static uint64_t lowest_offset(gr_slot *const *placed, size_t count, const gr_slot *slot, int block)
{
    uint64_t offset = 0;
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < count; i++) {
            const gr_slot *p = placed[i];
            if (p->block == block && lives_overlap(p, slot) && p->offset < offset + slot->bytes &&
                offset < p->offset + p->bytes) {
                offset = p->offset + p->bytes;
                moved = true;
            }
        }
    }
    return offset;
}

static graft_status place_slot(gr_plan *plan, gr_slot *const *placed, size_t count, gr_slot *slot)
{
    uint64_t limit = plan->device->caps.max_buffer_bytes;
    for (size_t block = 0;; block++) {
        if (block == plan->block_count &&
            !gr_push(plan, (void **)&plan->block_bytes, &plan->block_count, sizeof(uint64_t)))
            return gr_lower_fail(plan, GRAFT_ERR_MEMORY, "plan: out of memory");
        uint64_t offset = lowest_offset(placed, count, slot, (int)block);
        if (offset + slot->bytes > limit && offset > 0) /* alone it fits: check_size */
            continue;
        slot->block = (int)block;
        slot->offset = offset;
        if (offset + slot->bytes > plan->block_bytes[block])
            plan->block_bytes[block] = offset + slot->bytes;
        return GRAFT_OK;
    }
}

static graft_status check_size(gr_plan *plan, const gr_slot *slot)
{
    const gr_caps *caps = &plan->device->caps;
    uint64_t limit = caps->max_binding_bytes < caps->max_buffer_bytes ? caps->max_binding_bytes
                                                                      : caps->max_buffer_bytes;
    if (slot->bytes <= limit)
        return GRAFT_OK;
    return gr_lower_fail(plan, GRAFT_ERR_DEVICE_MEMORY,
                         "a value of %llu MiB exceeds the %llu MiB that %s binds at "
                         "once: use a smaller batch",
                         (unsigned long long)(slot->bytes >> 20), (unsigned long long)(limit >> 20),
                         plan->device->info.id);
}

graft_status gr_plan_layout(gr_plan *plan)
{
    uint64_t align = plan->device->caps.offset_align;
    gr_slot **placed = gr_alloc_array(plan, plan->slot_count, sizeof(*placed));
    size_t count = 0;
    if (!placed)
        return gr_lower_fail(plan, GRAFT_ERR_MEMORY, "plan: out of memory");
    find_lives(plan);
    for (size_t i = 0; i < plan->slot_count; i++) {
        gr_slot *slot = &plan->slots[i];
        if (slot->first < 0 || slot->source || slot->packed) /* the store checks its own */
            continue;
        if (slot->external) {
            GR_TRY(check_size(plan, slot));
            continue;
        }
        slot->bytes = (slot->bytes + align - 1) / align * align;
        GR_TRY(check_size(plan, slot));
        placed[count++] = slot;
    }
    qsort(placed, count, sizeof(*placed), larger_first);
    for (size_t i = 0; i < count; i++)
        GR_TRY(place_slot(plan, placed, i, placed[i]));
    gr_free(placed);
    return GRAFT_OK;
}
