#include "backends/opencl/opencl.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/system.h"

enum { MIN_HUGE_BYTES = 4 << 20 }; /* two huge pages: one of them is whole */

/* A queue keeps its order: what should not wait goes by another one. */
static graft_status need_transfer_queue(gr_opencl_device *device)
{
    cl_int code = CL_SUCCESS;
    if (!device->transfer_queue)
        device->transfer_queue =
            device->cl.CreateCommandQueue(device->context, device->id, 0, &code);
    GR_OPENCL_TRY(device, "cannot create a queue for transfers", code);
    return GRAFT_OK;
}

/* On a CPU a buffer is memory of this process, and products walk through hundreds of MiB of it. A
 * driver that maps a copy loses nothing by the hint. */
static graft_status advise_huge_pages(gr_opencl_device *device, cl_mem memory, size_t size)
{
    GR_TRY(need_transfer_queue(device));
    cl_int code;
    void *data =
        device->cl.EnqueueMapBuffer(device->transfer_queue, memory, CL_TRUE,
                                    CL_MAP_WRITE_INVALIDATE_REGION, 0, size, 0, NULL, NULL, &code);
    GR_OPENCL_TRY(device, "cannot map a buffer", code);
    gr_advise_huge_pages(data, size);
    GR_OPENCL_TRY(
        device, "cannot unmap a buffer",
        device->cl.EnqueueUnmapMemObject(device->transfer_queue, memory, data, 0, NULL, NULL));
    GR_OPENCL_TRY(device, "cannot unmap a buffer", device->cl.Finish(device->transfer_queue));
    return GRAFT_OK;
}

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
    graft_status status = GRAFT_OK;
    if (base->info.type == GRAFT_DEVICE_CPU && size >= MIN_HUGE_BYTES)
        status = advise_huge_pages(device, buffer->memory, (size_t)size);
    if (status != GRAFT_OK) {
        gr_opencl_buffer_destroy(base, buffer);
        return status;
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

graft_status gr_opencl_buffer_write_now(gr_device *base, gr_buffer *buffer, uint64_t offset,
                                        const void *data, uint64_t size)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    GR_TRY(need_transfer_queue(device));
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
