#include "device/device.h"

#include "base/log.h"
#include "base/mem.h"
#include "device/state.h"

#include <string.h>

static graft_status no_memory(gr_device *device)
{
    return gr_fail(device->log, GRAFT_ERR_MEMORY, "%s: no memory for a device object",
                   device->info.id);
}

graft_status gr_device_buffer_create(gr_device *device, uint64_t size, gr_memory memory,
                                     gr_buffer **out)
{
    *out = NULL;
    if (size == 0 || size % 4)
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                       "%s: a buffer of %llu bytes: expected a positive multiple of 4",
                       device->info.id, (unsigned long long)size);
    if (size > device->caps.max_buffer_bytes)
        return gr_fail(device->log, GRAFT_ERR_DEVICE_MEMORY,
                       "%s: a buffer of %llu bytes: the device allows %llu", device->info.id,
                       (unsigned long long)size, (unsigned long long)device->caps.max_buffer_bytes);
    if (!gr_object_reserve(device->state, GR_OBJECT_BUFFER, 1))
        return no_memory(device);
    GR_TRY(device->backend->buffer_create(device, size, memory, out));
    gr_object_add(device->state, GR_OBJECT_BUFFER, (gr_object){.handle = *out, .size = size});
    device->allocated_bytes += size;
    if (device->allocated_bytes > device->peak_bytes)
        device->peak_bytes = device->allocated_bytes;
    return GRAFT_OK;
}

graft_status gr_device_buffer_adopt(gr_device *device, gr_buffer *buffer, uint64_t size)
{
    if (!gr_object_reserve(device->state, GR_OBJECT_BUFFER, 1)) {
        device->backend->buffer_destroy(device, buffer);
        return no_memory(device);
    }
    gr_object_add(device->state, GR_OBJECT_BUFFER,
                  (gr_object){.handle = buffer, .size = size, .adopted = true});
    return GRAFT_OK;
}

void gr_device_buffer_destroy(gr_device *device, gr_buffer **buffer)
{
    if (!*buffer)
        return;
    const gr_object *object = gr_object_find(device->state, GR_OBJECT_BUFFER, *buffer);
    device->allocated_bytes -= object && !object->adopted ? object->size : 0;
    gr_object_forget(device->state, GR_OBJECT_BUFFER, *buffer);
    device->backend->buffer_destroy(device, *buffer);
    *buffer = NULL;
}

static graft_status check_host_access(gr_device *device, const gr_buffer *buffer, uint64_t offset,
                                      uint64_t size)
{
    const gr_object *object = gr_object_find(device->state, GR_OBJECT_BUFFER, buffer);
    if (!object)
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT, "%s: not a live buffer of this device",
                       device->info.id);
    if (offset > object->size || size > object->size - offset)
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                       "%s: %llu bytes at %llu: the buffer has %llu", device->info.id,
                       (unsigned long long)size, (unsigned long long)offset,
                       (unsigned long long)object->size);
    return GRAFT_OK;
}

graft_status gr_device_buffer_write(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                    const void *data, uint64_t size)
{
    GR_TRY(check_host_access(device, buffer, offset, size));
    return size ? device->backend->buffer_write(device, buffer, offset, data, size) : GRAFT_OK;
}

graft_status gr_device_buffer_write_now(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                        const void *data, uint64_t size)
{
    if (!device->backend->buffer_write_now)
        return gr_device_buffer_write(device, buffer, offset, data, size);
    GR_TRY(check_host_access(device, buffer, offset, size));
    return size ? device->backend->buffer_write_now(device, buffer, offset, data, size) : GRAFT_OK;
}

graft_status gr_device_buffer_read(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                   void *data, uint64_t size)
{
    GR_TRY(check_host_access(device, buffer, offset, size));
    if (size == 0)
        return GRAFT_OK;
    GR_TRY(device->backend->buffer_read(device, buffer, offset, data, size));
    return gr_canary_check(device);
}

/* As the backend's, of the commands with a canary behind them. */
static graft_status create_list(gr_device *device, const gr_command *commands, int count,
                                bool profile, gr_canary *canary, gr_list **out)
{
    gr_command *all = gr_alloc_array(NULL, (size_t)count + 1, sizeof(*all));
    if (!all)
        return no_memory(device);
    if (count)
        memcpy(all, commands, (size_t)count * sizeof(*all));
    graft_status status =
        gr_canary_create(device, count ? commands[0].label : NULL, canary, &all[count]);
    if (status == GRAFT_OK)
        status =
            device->backend->list_create(device, all, count + (canary->page != NULL), profile, out);
    if (status != GRAFT_OK)
        gr_canary_destroy(canary);
    gr_free(all);
    return status;
}

graft_status gr_device_list_create(gr_device *device, const gr_command *commands, int count,
                                   bool profile, gr_list **out)
{
    *out = NULL;
    if (profile && !device->caps.timestamps)
        return gr_fail(device->log, GRAFT_ERR_UNSUPPORTED, "%s: the device has no timestamps",
                       device->info.id);
    GR_TRY(gr_validate_commands(device, commands, count));
    if (!gr_object_reserve(device->state, GR_OBJECT_LIST, 1))
        return no_memory(device);
    gr_canary canary;
    GR_TRY(create_list(device, commands, count, profile, &canary, out));
    gr_object_add(
        device->state, GR_OBJECT_LIST,
        (gr_object){.handle = *out, .profiled = profile, .commands = count, .canary = canary});
    return GRAFT_OK;
}

void gr_device_list_destroy(gr_device *device, gr_list **list)
{
    if (!*list)
        return;
    gr_object *object = gr_object_find(device->state, GR_OBJECT_LIST, *list);
    if (object)
        gr_canary_destroy(&object->canary);
    gr_object_forget(device->state, GR_OBJECT_LIST, *list);
    device->backend->list_destroy(device, *list);
    *list = NULL;
}

static graft_status find_list(gr_device *device, const gr_list *list, const gr_object **object)
{
    *object = gr_object_find(device->state, GR_OBJECT_LIST, list);
    if (!*object)
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT, "%s: not a live list of this device",
                       device->info.id);
    return GRAFT_OK;
}

graft_status gr_device_submit(gr_device *device, gr_list *list)
{
    const gr_object *object;
    GR_TRY(find_list(device, list, &object));
    GR_TRY(device->backend->submit(device, list));
    gr_canary_expect(device, &object->canary);
    return GRAFT_OK;
}

graft_status gr_device_wait(gr_device *device)
{
    GR_TRY(device->backend->wait(device));
    return gr_canary_check(device);
}

bool gr_device_has_dropped(const gr_device *device)
{
    return device->state->dropped;
}

bool gr_device_list_is_dropped(const gr_device *device, const gr_list *list)
{
    const gr_object *object = gr_object_find(device->state, GR_OBJECT_LIST, list);
    return object && gr_canary_is_dropped(&object->canary);
}

/* Those of the commands, without the canary's. */
static graft_status read_times(gr_device *device, gr_list *list, int count, double *ns)
{
    double *all = gr_alloc_array(NULL, (size_t)count + 1, sizeof(*all));
    if (!all)
        return no_memory(device);
    graft_status status = device->backend->list_times(device, list, all);
    if (status == GRAFT_OK)
        memcpy(ns, all, (size_t)count * sizeof(*ns));
    gr_free(all);
    return status;
}

graft_status gr_device_list_times(gr_device *device, gr_list *list, double *ns)
{
    const gr_object *object;
    GR_TRY(find_list(device, list, &object));
    if (!object->profiled)
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT, "%s: the list was not made to be profiled",
                       device->info.id);
    return read_times(device, list, object->commands, ns);
}
