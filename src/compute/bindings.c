/* Where the inputs and outputs of a program lie. */
#include "compute/program.h"

#include "base/log.h"

static uint64_t bytes_of(const graft_value *value)
{
    return (uint64_t)gr_shape_count(&value->shape) * gr_dtype_size(value->dtype);
}

gr_program_slot *gr_program_find(graft_program *p, const graft_value *value, bool output)
{
    for (size_t i = 0; i < p->slot_count; i++)
        if (p->slots[i].value == value && p->slots[i].output == output)
            return &p->slots[i];
    return NULL;
}

static graft_status bind_slot(graft_program *p, gr_program_slot *slot, graft_buffer *buffer,
                              uint64_t offset)
{
    gr_region region;
    GR_TRY(gr_buffer_region(p->log, buffer, p->device, slot->value->name, offset,
                            bytes_of(slot->value), &region));
    GR_TRY(gr_plan_bind(p->plan, slot->value, region));
    gr_buffer_share(buffer);
    graft_buffer_destroy(&slot->buffer);
    slot->buffer = buffer;
    slot->region = region;
    p->checked = false;
    return GRAFT_OK;
}

graft_status gr_program_own_buffer(graft_program *p, gr_program_slot *slot)
{
    if (slot->buffer)
        return GRAFT_OK;
    graft_buffer *buffer;
    GR_TRY(graft_buffer_create(gr_device_to_public(p->device), bytes_of(slot->value),
                               GRAFT_MEMORY_HOST, &buffer));
    graft_status status = bind_slot(p, slot, buffer, 0);
    graft_buffer_destroy(&buffer);
    return status;
}

graft_status graft_program_bind(graft_program *p, graft_value *value, graft_buffer *buffer,
                                uint64_t offset_bytes)
{
    if (!p)
        return GRAFT_ERR_ARGUMENT;
    gr_program_slot *slot = gr_program_find(p, value, true);
    if (!slot)
        slot = gr_program_find(p, value, false);
    if (!slot)
        return gr_fail(p->log, GRAFT_ERR_ARGUMENT, "%s: neither input nor output of this program",
                       value ? value->name : "NULL");
    return bind_slot(p, slot, buffer, offset_bytes);
}

static bool overlap(const gr_region *a, const gr_region *b)
{
    return a->buffer == b->buffer && a->offset < b->offset + b->size &&
           b->offset < a->offset + a->size;
}

graft_status gr_program_check_bindings(graft_program *p)
{
    for (size_t i = 0; i < p->slot_count && !p->checked; i++) {
        gr_program_slot *slot = &p->slots[i];
        if (slot->output)
            GR_TRY(gr_program_own_buffer(p, slot));
        if (!slot->buffer)
            return gr_fail(p->log, GRAFT_ERR_ARGUMENT,
                           "%s: the input has no data; bind a buffer, or write to it",
                           slot->value->name);
        for (size_t k = 0; k < i; k++)
            if ((slot->output || p->slots[k].output) && overlap(&slot->region, &p->slots[k].region))
                return gr_fail(p->log, GRAFT_ERR_ARGUMENT,
                               "%s: bound to bytes where %s lies; an output needs its own",
                               slot->value->name, p->slots[k].value->name);
    }
    p->checked = true;
    return GRAFT_OK;
}

/* A copy between the host and one value. */
/* Where a value lies for the host: input, output, parameter or state. buffer NULL: nowhere. */
static gr_region state_region(const graft_program *p, const graft_value *value)
{
    bool has_state = value && value->graph == p->graph &&
                     (value->kind == GR_VALUE_PARAM || value->kind == GR_VALUE_STATE) &&
                     gr_plan_reads(p->plan, value);
    return has_state ? gr_store_find(p->state->store, value->name) : (gr_region){0};
}

static graft_status check_copy(const graft_program *p, const graft_value *value, const void *data,
                               uint64_t size_bytes)
{
    if (!data)
        return gr_fail(p->log, GRAFT_ERR_ARGUMENT, "%s: no host memory given", value->name);
    if (size_bytes != bytes_of(value))
        return gr_fail(p->log, GRAFT_ERR_ARGUMENT, "%s: %llu bytes given; the value has %llu",
                       value->name, (unsigned long long)size_bytes,
                       (unsigned long long)bytes_of(value));
    return GRAFT_OK;
}

graft_status graft_program_write(graft_program *p, graft_value *value, const void *data,
                                 uint64_t size_bytes)
{
    if (!p)
        return GRAFT_ERR_ARGUMENT;
    gr_program_slot *slot = gr_program_find(p, value, false);
    gr_region state = state_region(p, value);
    if (!slot && !state.buffer)
        return gr_fail(p->log, GRAFT_ERR_ARGUMENT,
                       "%s: neither input nor parameter or state of this program",
                       value ? value->name : "NULL");
    GR_TRY(check_copy(p, value, data, size_bytes));
    if (!slot)
        return gr_store_write(p->store, &state, data);
    GR_TRY(gr_program_own_buffer(p, slot));
    return gr_store_write(p->store, &slot->region, data);
}

graft_status graft_program_read(graft_program *p, const graft_value *value, void *data,
                                uint64_t size_bytes)
{
    if (!p)
        return GRAFT_ERR_ARGUMENT;
    const gr_program_slot *slot = gr_program_find(p, value, true);
    gr_region state = state_region(p, value);
    if (!slot && !state.buffer)
        return gr_fail(p->log, GRAFT_ERR_ARGUMENT,
                       "%s: neither output nor parameter or state of this program",
                       value ? value->name : "NULL");
    GR_TRY(check_copy(p, value, data, size_bytes));
    if (!slot)
        return gr_store_read(p->store, &state, data);
    if (!slot->buffer)
        return gr_fail(p->log, GRAFT_ERR_ARGUMENT, "%s: not computed yet; run the program first",
                       value->name);
    return gr_store_read(p->store, &slot->region, data);
}
