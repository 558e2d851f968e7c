/* The rules of backends/backend.h for recorded commands, checked once for every backend. */
#include "device/state.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct checker {
    const gr_device *device;
    const gr_command *commands;
    int index; /* of the command at hand */
} checker;

static graft_status broken(const checker *c, const char *fmt, ...) GRAFT_PRINTF(2, 3);

static graft_status broken(const checker *c, const char *fmt, ...)
{
    const char *label = c->commands[c->index].label;
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return gr_fail(c->device->log, GRAFT_ERR_ARGUMENT, "%s: command %d (%s): %s",
                   c->device->info.id, c->index, label ? label : "no label", text);
}

/* How many bindings a command has, and which of them it writes. False: no such command. */
static bool access_of(const gr_device *device, const gr_command *command, uint32_t *count,
                      uint32_t *written)
{
    const gr_object *object;
    switch (command->kind) {
    case GR_COMMAND_DISPATCH:
        object = gr_object_find(device->state, GR_OBJECT_PIPELINE, command->pipeline);
        if (!object)
            return false;
        *count = object->spec.kernel->binding_count;
        *written = object->spec.kernel->written;
        return true;
    case GR_COMMAND_COPY:
        *count = 2;
        *written = 1u << 1;
        return true;
    case GR_COMMAND_FILL:
        *count = 1;
        *written = 1u << 0;
        return true;
    case GR_COMMAND_LIBRARY:
        object = gr_object_find(device->state, GR_OBJECT_LIBRARY, command->library);
        if (!object)
            return false;
        *count = object->library == GR_LIBRARY_GEMM ? 3 : 1;
        *written = object->library == GR_LIBRARY_GEMM ? 1u << 2 : 1u << 0;
        return true;
    }
    return false;
}

static graft_status check_binding(const checker *c, uint32_t i)
{
    const gr_caps *caps = &c->device->caps;
    const gr_binding *b = &c->commands[c->index].binding[i];
    const gr_object *buffer = gr_object_find(c->device->state, GR_OBJECT_BUFFER, b->buffer);
    unsigned long long offset = b->offset, size = b->size;
    if (!buffer)
        return broken(c, "binding %u: not a live buffer of this device", i);
    uint32_t align = c->commands[c->index].kind == GR_COMMAND_COPY ? 4 : caps->offset_align;
    if (offset % align)
        return broken(c, "binding %u: expected an offset that is a multiple of %u, found %llu", i,
                      align, offset);
    if (size == 0 || size % 4)
        return broken(c, "binding %u: expected a size that is a multiple of 4, found %llu", i,
                      size);
    if (size > caps->max_binding_bytes)
        return broken(c, "binding %u: expected at most %llu bytes, found %llu", i,
                      (unsigned long long)caps->max_binding_bytes, size);
    if (offset > buffer->size || size > buffer->size - offset)
        return broken(c, "binding %u: %llu bytes at %llu, but the buffer has %llu", i, size, offset,
                      (unsigned long long)buffer->size);
    return GRAFT_OK;
}

static graft_status check_grid(const checker *c)
{
    const gr_command *command = &c->commands[c->index];
    for (int axis = 0; axis < 3; axis++) {
        uint32_t found = command->grid[axis], most = c->device->caps.max_groups[axis];
        if (found == 0 || found > most)
            return broken(c, "grid[%d]: expected 1 to %u work-groups, found %u", axis, most, found);
    }
    return GRAFT_OK;
}

/* Both may read one range, but what either writes the other must not touch. */
static bool conflict(const gr_binding *a, bool a_written, const gr_binding *b, bool b_written)
{
    return (a_written || b_written) && a->buffer == b->buffer && a->offset < b->offset + b->size &&
           b->offset < a->offset + a->size;
}

static graft_status check_overlap(const checker *c, uint32_t count, uint32_t written)
{
    const gr_binding *b = c->commands[c->index].binding;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (conflict(&b[i], written >> i & 1, &b[j], written >> j & 1))
                return broken(c, "bindings %u and %u overlap, and one of them is written", j, i);
    return GRAFT_OK;
}

/* `first` is the earliest command that no barrier separates from the one at hand. */
static graft_status check_hazards(const checker *c, int first, uint32_t count, uint32_t written)
{
    const gr_binding *b = c->commands[c->index].binding;
    for (int k = first; k < c->index; k++) {
        const gr_command *earlier = &c->commands[k];
        uint32_t earlier_count = 0, earlier_written = 0;
        access_of(c->device, earlier, &earlier_count, &earlier_written);
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t j = 0; j < earlier_count; j++)
                if (conflict(&b[i], written >> i & 1, &earlier->binding[j],
                             earlier_written >> j & 1))
                    return broken(c, "binding %u needs a barrier after command %d (%s)", i, k,
                                  earlier->label ? earlier->label : "no label");
    }
    return GRAFT_OK;
}

graft_status gr_validate_commands(const gr_device *device, const gr_command *commands, int count)
{
    int first = 0;
    for (int n = 0; n < count; n++) {
        checker c = {device, commands, n};
        const gr_command *command = &commands[n];
        uint32_t bindings, written;
        if (!access_of(device, command, &bindings, &written))
            return broken(&c, "not a live pipeline or library of this device");
        if (command->binding_count != bindings)
            return broken(&c, "expected %u bindings, found %u", bindings, command->binding_count);
        for (uint32_t i = 0; i < bindings; i++)
            GR_TRY(check_binding(&c, i));
        if (command->kind == GR_COMMAND_DISPATCH)
            GR_TRY(check_grid(&c));
        if (command->kind == GR_COMMAND_COPY &&
            command->binding[0].size != command->binding[1].size)
            return broken(&c, "a copy of different sizes");
        GR_TRY(check_overlap(&c, bindings, written));
        if (command->barrier)
            first = n;
        GR_TRY(check_hazards(&c, first, bindings, written));
    }
    return GRAFT_OK;
}
