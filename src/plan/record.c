/* From slots to device memory: buffers, packed weights, pipelines, barriers, the recorded list. */
#include "plan/internal.h"

#include "base/mem.h"

#include <string.h>

static graft_status allocate_blocks(gr_plan *plan)
{
    plan->blocks = gr_alloc_array(plan, plan->block_count + 1, sizeof(*plan->blocks));
    if (!plan->blocks)
        return gr_fail(plan->log, GRAFT_ERR_MEMORY, "plan: out of memory");
    if (plan->scratch)
        GR_TRY(
            gr_scratch_borrow(plan->scratch, plan->block_bytes, plan->block_count, plan->blocks));
    for (size_t i = 0; i < plan->block_count && !plan->scratch; i++)
        GR_TRY(gr_store_buffer_create(plan->store, plan->block_bytes[i], GR_MEMORY_DEVICE,
                                      &plan->blocks[i]));
    for (size_t i = 0; i < plan->slot_count; i++) {
        gr_slot *slot = &plan->slots[i];
        if (!slot->external && slot->first >= 0)
            slot->region = (gr_region){plan->blocks[slot->block], slot->offset, slot->bytes};
    }
    return GRAFT_OK;
}

/* Tensors of the store that some dispatch reads, or that are outputs themselves: those that never
 * change, or the others. Packed ones come from pack. */
static graft_status bind_stored(gr_plan *plan, bool frozen)
{
    for (size_t i = 0; i < plan->slot_count; i++) {
        gr_slot *slot = &plan->slots[i];
        if (slot->source && !slot->region.buffer && (slot->first >= 0 || slot->keep) &&
            (slot->source->kind == GR_VALUE_FROZEN) == frozen)
            GR_TRY(gr_store_value(plan->store, slot->source, &slot->region));
    }
    return GRAFT_OK;
}

/* Ranges that commands since the last barrier have touched. */
typedef struct touched {
    struct {
        gr_binding range;
        bool written;
    } * items;
    size_t count;
} touched;

static bool ranges_overlap(const gr_binding *a, const gr_binding *b)
{
    return a->buffer == b->buffer && a->offset < b->offset + b->size &&
           b->offset < a->offset + a->size;
}

static bool conflicts(const touched *t, const gr_command *command, uint32_t written)
{
    for (uint32_t i = 0; i < command->binding_count; i++)
        for (size_t k = 0; k < t->count; k++)
            if ((t->items[k].written || (written & 1u << i)) &&
                ranges_overlap(&t->items[k].range, &command->binding[i]))
                return true;
    return false;
}

static graft_status touch(gr_plan *plan, touched *t, gr_command *command, uint32_t written)
{
    command->barrier = conflicts(t, command, written);
    if (command->barrier)
        t->count = 0; /* it waits for all commands before: nothing of theirs can conflict again */
    for (uint32_t i = 0; i < command->binding_count; i++) {
        void *item = gr_push(plan, (void **)&t->items, &t->count, sizeof(*t->items));
        if (!item)
            return gr_fail(plan->log, GRAFT_ERR_MEMORY, "plan: out of memory");
        t->items[t->count - 1].range = command->binding[i];
        t->items[t->count - 1].written = written & 1u << i;
    }
    return GRAFT_OK;
}

/* All but the pipeline, see add_pipelines. */
static gr_command command_of(const gr_plan *plan, const gr_step *step)
{
    gr_command c = {
        .kind = step->kind,
        .label = step->label,
        .binding_count = (uint32_t)step->slot_count,
        .library = step->library,
    };
    for (int i = 0; i < step->slot_count; i++) {
        const gr_region *r = &plan->slots[step->launch.slot[i]].region;
        c.binding[i] = (gr_binding){r->buffer, r->offset, r->size};
    }
    if (step->kind == GR_COMMAND_DISPATCH) {
        c.work = step->launch.work;
        memcpy(c.grid, step->launch.grid, sizeof(c.grid));
        memcpy(c.params, step->params, sizeof(c.params));
    }
    return c;
}

/* Asks for those of all dispatches at once, so that a device may compile them side by side.
 * commands NULL: only compiles. */
static graft_status add_pipelines(gr_plan *plan, const gr_step *steps, size_t count,
                                  gr_command *commands)
{
    int dispatches = 0;
    gr_pipeline_spec *specs = gr_alloc_array(plan, count + 1, sizeof(*specs));
    gr_pipeline **pipelines = gr_alloc_array(plan, count + 1, sizeof(*pipelines));
    graft_status status =
        specs && pipelines ? GRAFT_OK : gr_fail(plan->log, GRAFT_ERR_MEMORY, "plan: out of memory");
    for (size_t i = 0; i < count && status == GRAFT_OK; i++)
        if (steps[i].kind == GR_COMMAND_DISPATCH) {
            gr_pipeline_spec *spec = &specs[dispatches++];
            spec->kernel = steps[i].launch.kernel;
            memcpy(spec->tunables, steps[i].launch.tunable, sizeof(spec->tunables));
        }
    if (status == GRAFT_OK)
        status = gr_device_pipelines(plan->device, specs, dispatches, pipelines);
    while (commands && count-- > 0 && status == GRAFT_OK)
        if (steps[count].kind == GR_COMMAND_DISPATCH)
            commands[count].pipeline = pipelines[--dispatches];
    gr_free(specs);
    gr_free(pipelines);
    return status;
}

static graft_status record(gr_plan *plan, const gr_step *steps, size_t count, bool profile,
                           gr_list **out)
{
    gr_command *commands = gr_alloc_array(plan, count, sizeof(*commands));
    touched t = {0};
    graft_status status =
        commands ? GRAFT_OK : gr_fail(plan->log, GRAFT_ERR_MEMORY, "plan: out of memory");
    for (size_t i = 0; i < count && status == GRAFT_OK; i++) {
        commands[i] = command_of(plan, &steps[i]);
        status = touch(plan, &t, &commands[i], steps[i].written);
    }
    if (status == GRAFT_OK)
        status = add_pipelines(plan, steps, count, commands);
    if (status == GRAFT_OK)
        status = gr_device_list_create(plan->device, commands, (int)count, profile, out);
    gr_free(t.items);
    gr_free(commands);
    return status;
}

static graft_status run_pack_job(gr_plan *plan, const gr_pack_job *job)
{
    gr_list *list = NULL;
    graft_status status = record(plan, job->steps, job->step_count, false, &list);
    if (status == GRAFT_OK)
        status = gr_device_submit(plan->device, list);
    if (status == GRAFT_OK)
        status = gr_device_wait(plan->device);
    gr_device_list_destroy(plan->device, &list);
    return status;
}

/* Fills one packed weight. The row-major form is on the device only while this runs, unless some
 * dispatch reads it too. */
static graft_status pack(gr_plan *plan, const gr_pack_job *job)
{
    gr_slot *raw = &plan->slots[job->raw_slot], *packed = &plan->slots[job->slot];
    gr_store *store = gr_store_of(plan->store, job->value);
    packed->region = gr_store_find(store, packed->packed);
    if (packed->region.buffer)
        return GRAFT_OK;
    gr_buffer *temporary = NULL;
    graft_status status =
        gr_store_allocate(store, packed->packed, packed->bytes, GR_MEMORY_DEVICE, &packed->region);
    raw->region = gr_store_find(store, job->value->name);
    if (status == GRAFT_OK && !raw->region.buffer) {
        status = gr_store_buffer_create(plan->store, raw->bytes, GR_MEMORY_DEVICE, &temporary);
        raw->region = (gr_region){temporary, 0, raw->bytes};
        if (status == GRAFT_OK)
            status = gr_store_upload(store, job->value, &raw->region);
    }
    if (status == GRAFT_OK && !gr_store_is_dry(plan->store))
        status = run_pack_job(plan, job);
    if (status != GRAFT_OK && packed->region.buffer)
        gr_store_forget(store, packed->packed);
    gr_store_buffer_destroy(plan->store, &temporary);
    return status;
}

/* Planned memory, and values that never change. */
static graft_status take_constants(gr_plan *plan)
{
    GR_TRY(allocate_blocks(plan));
    GR_TRY(bind_stored(plan, true));
    for (size_t i = 0; i < plan->job_count; i++)
        GR_TRY(pack(plan, &plan->jobs[i]));
    return GRAFT_OK;
}

graft_status gr_plan_take_memory(gr_plan *plan)
{
    GR_TRY(take_constants(plan));
    return bind_stored(plan, false);
}

graft_status gr_plan_load_constants(gr_plan *plan)
{
    if (plan->blocks) /* done before */
        return GRAFT_OK;
    GR_TRY(take_constants(plan));
    return add_pipelines(plan, plan->steps, plan->step_count, NULL);
}

/* How far a segment goes: a large product stands alone, or ends one. */
static size_t segment_length(const gr_plan *plan, size_t first)
{
    const double MAX_WORK = 1e9; /* multiply-adds */
    size_t rest = plan->step_count - first, most = (size_t)plan->segment_steps, count = 0;
    double work = 0.0;
    if (!most)
        return rest;
    for (; count < rest && count < most; count++) {
        work += plan->steps[first + count].launch.work;
        if (count > 0 && work > MAX_WORK)
            break;
    }
    return count;
}

graft_status gr_plan_record(gr_plan *plan)
{
    GR_TRY(gr_plan_load_constants(plan));
    GR_TRY(bind_stored(plan, false));
    plan->segments = gr_alloc_array(plan, plan->step_count + 1, sizeof(*plan->segments));
    if (!plan->segments)
        return gr_fail(plan->log, GRAFT_ERR_MEMORY, "plan: out of memory");
    for (size_t first = 0; first < plan->step_count || plan->segment_count == 0;) {
        gr_segment *s = &plan->segments[plan->segment_count++];
        s->first = first;
        s->count = segment_length(plan, first);
        GR_TRY(record(plan, plan->steps + first, s->count, plan->profile, &s->list));
        first += s->count;
    }
    return GRAFT_OK;
}

void gr_plan_forget(gr_plan *plan)
{
    for (size_t i = 0; i < plan->segment_count; i++)
        gr_device_list_destroy(plan->device, &plan->segments[i].list);
    gr_free(plan->segments);
    plan->segments = NULL;
    plan->segment_count = 0;
}
