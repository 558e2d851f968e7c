/* How much device memory plans will take, before anything is allocated. */
#include "plan/internal.h"

#include "base/mem.h"

#include <string.h>

/* What gr_plan_prepare would do, in its order. */
typedef struct forecast {
    const gr_store *store;
    gr_store_growth growth;
    uint64_t arenas; /* intermediate values */
    uint64_t peak;   /* a weight is there twice while it is packed */
    const char **names;
    size_t name_count;
} forecast;

static uint64_t total(const forecast *f)
{
    return f->arenas + f->growth.bytes;
}

static bool is_there(const forecast *f, const char *name)
{
    for (size_t i = 0; i < f->name_count; i++)
        if (strcmp(f->names[i], name) == 0)
            return true;
    return gr_store_find(f->store, name).buffer != NULL;
}

static bool add(forecast *f, const char *name, uint64_t bytes, gr_memory memory)
{
    if (is_there(f, name))
        return true;
    const char **place = gr_push(NULL, (void **)&f->names, &f->name_count, sizeof(*place));
    if (!place)
        return false;
    *place = name;
    gr_store_grow(f->store, &f->growth, bytes, memory);
    return true;
}

static bool add_stored(forecast *f, const gr_plan *plan)
{
    for (size_t i = 0; i < plan->slot_count; i++) {
        const gr_slot *slot = &plan->slots[i];
        if (!slot->source || (slot->first < 0 && !slot->keep))
            continue;
        gr_memory memory = slot->source->kind == GR_VALUE_INPUT ? GR_MEMORY_HOST : GR_MEMORY_DEVICE;
        if (!add(f, slot->source->name, slot->bytes, memory))
            return false;
    }
    return true;
}

static bool add_packed(forecast *f, const gr_plan *plan)
{
    for (size_t i = 0; i < plan->job_count; i++) {
        const gr_slot *raw = &plan->slots[plan->jobs[i].raw_slot];
        const gr_slot *packed = &plan->slots[plan->jobs[i].slot];
        if (is_there(f, packed->packed))
            continue;
        uint64_t temporary = is_there(f, raw->source->name) ? 0 : raw->bytes;
        if (!add(f, packed->packed, packed->bytes, GR_MEMORY_DEVICE))
            return false;
        if (total(f) + temporary > f->peak)
            f->peak = total(f) + temporary;
    }
    return true;
}

graft_status gr_plan_forecast(gr_plan *const *plans, int count, uint64_t *bytes)
{
    forecast f = {.store = plans[0]->store, .growth = gr_store_growth_begin(plans[0]->store)};
    bool enough = true;
    for (int i = 0; i < count && enough; i++) {
        f.arenas += gr_plan_memory(plans[i], NULL);
        enough = add_stored(&f, plans[i]) && add_packed(&f, plans[i]);
    }
    gr_free(f.names);
    if (!enough)
        return gr_fail(plans[0]->log, GRAFT_ERR_MEMORY, "plan: out of memory");
    *bytes = total(&f) > f.peak ? total(&f) : f.peak;
    return GRAFT_OK;
}
