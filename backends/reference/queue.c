#include "backends/reference/reference.h"

#include "base/log.h"
#include "base/system.h"

#include <inttypes.h>
#include <stdlib.h>

struct gr_list {
    int count;
    gr_command *commands;
    double *ns; /* NULL: no profile */
};

static const char *label_of(const gr_command *command)
{
    return command->label ? command->label : "no label";
}

static uint32_t expected_bindings(const gr_command *command)
{
    switch (command->kind) {
    case GR_COMMAND_DISPATCH:
        return gr_ref_pipeline_kernel(command->pipeline)->binding_count;
    case GR_COMMAND_COPY:
        return 2;
    case GR_COMMAND_FILL:
        return 1;
    case GR_COMMAND_LIBRARY:
        break;
    }
    return 0;
}

static graft_status check_binding(gr_device *device, const gr_command *command, uint32_t index)
{
    const gr_binding *b = &command->binding[index];
    if (b->buffer && b->offset % 4 == 0 && b->size % 4 == 0 && b->offset <= b->buffer->size &&
        b->size <= b->buffer->size - b->offset)
        return GRAFT_OK;
    return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                   "command %s: binding %" PRIu32 ": %" PRIu64 " bytes at %" PRIu64
                   " of a buffer of %" PRIu64,
                   label_of(command), index, b->size, b->offset, b->buffer ? b->buffer->size : 0);
}

static graft_status check_command(gr_device *device, const gr_command *command)
{
    if (command->kind == GR_COMMAND_LIBRARY)
        return gr_fail(device->log, GRAFT_ERR_UNSUPPORTED,
                       "command %s: the reference has no vendor library", label_of(command));
    uint32_t expected = expected_bindings(command);
    if (command->binding_count != expected)
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                       "command %s: expected %" PRIu32 " bindings, found %" PRIu32,
                       label_of(command), expected, command->binding_count);
    for (uint32_t i = 0; i < command->binding_count; i++)
        GR_TRY(check_binding(device, command, i));
    if (command->kind == GR_COMMAND_COPY && command->binding[0].size != command->binding[1].size)
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                       "command %s: copies %" PRIu64 " bytes to %" PRIu64, label_of(command),
                       command->binding[0].size, command->binding[1].size);
    return GRAFT_OK;
}

graft_status gr_ref_list_create(gr_device *device, const gr_command *commands, int count,
                                bool profile, gr_list **out)
{
    *out = NULL;
    for (int i = 0; i < count; i++)
        GR_TRY(check_command(device, &commands[i]));
    size_t room = count > 0 ? (size_t)count : 1;
    gr_list *list = calloc(1, sizeof(*list));
    if (list) {
        list->commands = malloc(room * sizeof(*commands));
        list->ns = profile ? calloc(room, sizeof(*list->ns)) : NULL;
    }
    if (!list || !list->commands || (profile && !list->ns)) {
        gr_ref_list_destroy(device, list);
        return gr_fail(device->log, GRAFT_ERR_MEMORY, "reference: no memory for %d commands",
                       count);
    }
    list->count = count;
    if (count > 0)
        memcpy(list->commands, commands, (size_t)count * sizeof(*commands));
    *out = list;
    return GRAFT_OK;
}

void gr_ref_list_destroy(gr_device *device, gr_list *list)
{
    if (!list)
        return;
    free(list->commands);
    free(list->ns);
    free(list);
}

static uint32_t *first_word(const gr_binding *binding)
{
    return binding->buffer->data + binding->offset / 4;
}

static graft_status run(gr_device *device, const gr_command *command)
{
    const gr_binding *b = command->binding;
    switch (command->kind) {
    case GR_COMMAND_DISPATCH:
        return gr_ref_pipeline_run(device, command);
    case GR_COMMAND_COPY:
        memmove(first_word(&b[1]), first_word(&b[0]), (size_t)b[0].size);
        return GRAFT_OK;
    case GR_COMMAND_FILL:
        for (uint64_t i = 0; i < b[0].size / 4; i++)
            first_word(&b[0])[i] = command->fill;
        return GRAFT_OK;
    case GR_COMMAND_LIBRARY:
        break;
    }
    return GRAFT_ERR_UNSUPPORTED;
}

/* Runs the list at once; a command that goes outside a binding ends it. */
graft_status gr_ref_submit(gr_device *device, gr_list *list)
{
    for (int i = 0; i < list->count; i++) {
        double start = list->ns ? gr_seconds() : 0;
        GR_TRY(run(device, &list->commands[i]));
        if (list->ns)
            list->ns[i] = 1e9 * (gr_seconds() - start);
    }
    return GRAFT_OK;
}

graft_status gr_ref_wait(gr_device *device)
{
    return GRAFT_OK;
}

graft_status gr_ref_list_times(gr_device *device, gr_list *list, double *ns)
{
    if (!list->ns)
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                       "reference: the list was recorded without a profile");
    memcpy(ns, list->ns, (size_t)list->count * sizeof(*ns));
    return GRAFT_OK;
}
