#include "compute/buffer.h"

#include "base/log.h"
#include "base/mem.h"

graft_status graft_buffer_create(graft_device *device, uint64_t size_bytes, graft_memory memory,
                                 graft_buffer **out)
{
    gr_device *d = gr_device_from_public(device);
    if (out)
        *out = NULL;
    if (!d || !out)
        return GRAFT_ERR_ARGUMENT;
    if (memory != GRAFT_MEMORY_DEVICE && memory != GRAFT_MEMORY_HOST)
        return gr_fail(d->log, GRAFT_ERR_ARGUMENT, "buffer: no memory %d, see graft_memory",
                       (int)memory);
    gr_buffer *handle;
    GR_TRY(gr_device_buffer_create(
        d, size_bytes, memory == GRAFT_MEMORY_HOST ? GR_MEMORY_HOST : GR_MEMORY_DEVICE, &handle));
    return gr_buffer_around(d, handle, 0, size_bytes, out);
}

graft_status gr_buffer_around(gr_device *device, gr_buffer *handle, uint64_t offset, uint64_t size,
                              graft_buffer **out)
{
    graft_buffer *buffer = gr_alloc(NULL, sizeof(*buffer));
    if (!buffer) {
        gr_device_buffer_destroy(device, &handle);
        return gr_fail(device->log, GRAFT_ERR_MEMORY, "buffer: out of memory");
    }
    *buffer = (graft_buffer){
        .device = device, .handle = handle, .offset = offset, .size = size, .users = 1};
    *out = buffer;
    return GRAFT_OK;
}

void graft_buffer_destroy(graft_buffer **buffer)
{
    if (!buffer || !*buffer)
        return;
    if (--(*buffer)->users == 0) {
        gr_device_buffer_destroy((*buffer)->device, &(*buffer)->handle);
        gr_free(*buffer);
    }
    *buffer = NULL;
}

graft_buffer *gr_buffer_share(graft_buffer *buffer)
{
    buffer->users++;
    return buffer;
}

uint64_t graft_buffer_size(const graft_buffer *buffer)
{
    return buffer ? buffer->size : 0;
}

static graft_status check_range(const graft_buffer *buffer, uint64_t offset, uint64_t size)
{
    if (offset <= buffer->size && size <= buffer->size - offset)
        return GRAFT_OK;
    return gr_fail(buffer->device->log, GRAFT_ERR_ARGUMENT,
                   "buffer: %llu bytes at %llu; the buffer has %llu", (unsigned long long)size,
                   (unsigned long long)offset, (unsigned long long)buffer->size);
}

graft_status graft_buffer_write(graft_buffer *buffer, uint64_t offset_bytes, const void *data,
                                uint64_t size_bytes)
{
    if (!buffer)
        return GRAFT_ERR_ARGUMENT;
    if (!data)
        return gr_fail(buffer->device->log, GRAFT_ERR_ARGUMENT, "buffer: no data to write");
    GR_TRY(check_range(buffer, offset_bytes, size_bytes));
    return gr_device_buffer_write(buffer->device, buffer->handle, buffer->offset + offset_bytes,
                                  data, size_bytes);
}

graft_status graft_buffer_read(graft_buffer *buffer, uint64_t offset_bytes, void *data,
                               uint64_t size_bytes)
{
    if (!buffer)
        return GRAFT_ERR_ARGUMENT;
    if (!data)
        return gr_fail(buffer->device->log, GRAFT_ERR_ARGUMENT, "buffer: nowhere to read to");
    GR_TRY(check_range(buffer, offset_bytes, size_bytes));
    return gr_device_buffer_read(buffer->device, buffer->handle, buffer->offset + offset_bytes,
                                 data, size_bytes);
}

uint32_t graft_buffer_alignment(const graft_device *device)
{
    return device ? ((const gr_device *)device)->caps.offset_align : 0;
}

graft_status gr_buffer_check_range(gr_device *device, uint64_t offset, uint64_t size)
{
    if (size && size % 4 == 0 && offset % device->caps.offset_align == 0 &&
        size <= UINT64_MAX - offset)
        return GRAFT_OK;
    return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                   "%s: %llu bytes at %llu of a buffer; expected a multiple of 4 at a multiple of "
                   "%u",
                   device->info.id, (unsigned long long)size, (unsigned long long)offset,
                   device->caps.offset_align);
}

graft_status gr_buffer_region(graft_log *log, const graft_buffer *buffer, gr_device *device,
                              const char *name, uint64_t offset_bytes, uint64_t size_bytes,
                              gr_region *out)
{
    if (!buffer)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: no buffer to bind it to", name);
    if (buffer->device != device)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: the buffer is of %s; expected one of the program's device %s", name,
                       buffer->device->info.id, device->info.id);
    if (offset_bytes % device->caps.offset_align)
        return gr_fail(
            log, GRAFT_ERR_ARGUMENT, "%s: bound at byte %llu; expected a multiple of %u on %s",
            name, (unsigned long long)offset_bytes, device->caps.offset_align, device->info.id);
    if (offset_bytes > buffer->size || size_bytes > buffer->size - offset_bytes)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: takes %llu bytes at %llu; the buffer has %llu",
                       name, (unsigned long long)size_bytes, (unsigned long long)offset_bytes,
                       (unsigned long long)buffer->size);
    *out = (gr_region){buffer->handle, buffer->offset + offset_bytes, size_bytes};
    return GRAFT_OK;
}
