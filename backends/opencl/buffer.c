#include "backends/opencl/opencl.h"

#include "base/log.h"
#include "base/mem.h"

graft_status gr_opencl_buffer_create(gr_device *base, uint64_t size, gr_memory memory,
                                     gr_buffer **out)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    cl_mem_flags flags = CL_MEM_READ_WRITE;
    if (memory == GR_MEMORY_HOST)
        flags |= CL_MEM_ALLOC_HOST_PTR;
    gr_buffer *buffer = gr_alloc(NULL, sizeof(*buffer));
    if (!buffer)
        return gr_fail(base->log, GRAFT_ERR_MEMORY, "%s: no memory for a buffer", base->info.id);
    cl_int code;
    buffer->memory = device->cl.CreateBuffer(device->context, flags, (size_t)size, NULL, &code);
    if (code != CL_SUCCESS) {
        gr_free(buffer);
        return gr_opencl_fail(device, code, "cannot allocate a buffer");
    }
    *out = buffer;
    return GRAFT_OK;
}

void gr_opencl_buffer_destroy(gr_device *device, gr_buffer *buffer)
{
    gr_opencl_device_of(device)->cl.ReleaseMemObject(buffer->memory);
    gr_free(buffer);
}

graft_status gr_opencl_buffer_write(gr_device *base, gr_buffer *buffer, uint64_t offset,
                                    const void *data, uint64_t size)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    GR_OPENCL_TRY(device, "cannot write a buffer",
                  device->cl.EnqueueWriteBuffer(device->active, buffer->memory, CL_TRUE,
                                                (size_t)offset, (size_t)size, data, 0, NULL, NULL));
    return GRAFT_OK;
}

/* A queue keeps its order: what should not wait goes by another one. */
graft_status gr_opencl_buffer_write_now(gr_device *base, gr_buffer *buffer, uint64_t offset,
                                        const void *data, uint64_t size)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    if (!device->transfer_queue) {
        cl_int code;
        device->transfer_queue =
            device->cl.CreateCommandQueue(device->context, device->id, 0, &code);
        GR_OPENCL_TRY(device, "cannot create a queue for transfers", code);
    }
    GR_OPENCL_TRY(device, "cannot write a buffer",
                  device->cl.EnqueueWriteBuffer(device->transfer_queue, buffer->memory, CL_TRUE,
                                                (size_t)offset, (size_t)size, data, 0, NULL, NULL));
    return GRAFT_OK;
}

graft_status gr_opencl_buffer_read(gr_device *base, gr_buffer *buffer, uint64_t offset, void *data,
                                   uint64_t size)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    GR_OPENCL_TRY(device, "cannot read a buffer",
                  device->cl.EnqueueReadBuffer(device->active, buffer->memory, CL_TRUE,
                                               (size_t)offset, (size_t)size, data, 0, NULL, NULL));
    return GRAFT_OK;
}
