#include "backends/reference/reference.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>

/* A NaN for floats, and a number too large to be an index or a label for integers. */
static const uint32_t unwritten = 0x7fc00000u;

graft_status gr_ref_buffer_create(gr_device *device, uint64_t size, gr_memory memory,
                                  gr_buffer **out)
{
    *out = NULL;
    if (size % 4 || size > device->caps.max_buffer_bytes)
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                       "reference: buffer of %" PRIu64 " bytes, expected a multiple of 4 up to "
                       "%" PRIu64,
                       size, device->caps.max_buffer_bytes);
    gr_buffer *buffer = malloc(sizeof(*buffer) + (size_t)size);
    if (!buffer)
        return gr_fail(device->log, GRAFT_ERR_DEVICE_MEMORY,
                       "reference: no memory for a buffer of %" PRIu64 " bytes", size);
    buffer->size = size;
    for (uint64_t i = 0; i < size / 4; i++)
        buffer->data[i] = unwritten;
    *out = buffer;
    return GRAFT_OK;
}

void gr_ref_buffer_destroy(gr_device *device, gr_buffer *buffer)
{
    free(buffer);
}

static graft_status check_range(gr_device *device, const gr_buffer *buffer, uint64_t offset,
                                uint64_t size)
{
    if (offset <= buffer->size && size <= buffer->size - offset)
        return GRAFT_OK;
    return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                   "reference: bytes %" PRIu64 " to %" PRIu64 " of a buffer of %" PRIu64, offset,
                   offset + size, buffer->size);
}

graft_status gr_ref_buffer_write(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                 const void *data, uint64_t size)
{
    GR_TRY(check_range(device, buffer, offset, size));
    memcpy((char *)buffer->data + offset, data, (size_t)size);
    return GRAFT_OK;
}

graft_status gr_ref_buffer_read(gr_device *device, gr_buffer *buffer, uint64_t offset, void *data,
                                uint64_t size)
{
    GR_TRY(check_range(device, buffer, offset, size));
    memcpy(data, (const char *)buffer->data + offset, (size_t)size);
    return GRAFT_OK;
}
