/* An application's context and queue: taken over for use, with references of graft's own. */
#include "backends/opencl/import.h"

#include "backends/opencl/opencl.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>

static graft_status refuse(graft_log *log, const char *what)
{
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "opencl:app: %s", what);
}

static bool context_has(const gr_opencl_functions *cl, cl_context context, cl_device_id id)
{
    cl_device_id ids[64];
    size_t bytes = 0;
    bool found = false;
    if (cl->GetContextInfo(context, CL_CONTEXT_DEVICES, sizeof(ids), ids, &bytes) != CL_SUCCESS)
        return false;
    for (size_t i = 0; i < bytes / sizeof(ids[0]); i++)
        found |= ids[i] == id;
    return found;
}

static graft_status check_params(graft_log *log, const gr_opencl_functions *cl,
                                 const graft_opencl_params *p)
{
    cl_context context = NULL;
    cl_device_id id = NULL;
    cl_command_queue_properties properties = 0;
    if (!p->context || !p->device || !p->queue)
        return refuse(log, "`context`, `device` or `queue` is NULL");
    if (!context_has(cl, p->context, p->device))
        return refuse(log, "`device` is none of the context's");
    cl->GetCommandQueueInfo(p->queue, CL_QUEUE_CONTEXT, sizeof(context), &context, NULL);
    cl->GetCommandQueueInfo(p->queue, CL_QUEUE_DEVICE, sizeof(id), &id, NULL);
    if (context != p->context || id != p->device)
        return refuse(log, "`queue` is of another context or device");
    cl->GetCommandQueueInfo(p->queue, CL_QUEUE_PROPERTIES, sizeof(properties), &properties, NULL);
    if (properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "opencl:app: `queue` runs out of order; pass one that does not");
    if (!gr_opencl_usable(cl, p->device))
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "opencl:app: the device has no OpenCL 1.2 with a compiler");
    return GRAFT_OK;
}

static graft_status import(gr_opencl_device *device, const graft_opencl_params *p)
{
    GR_TRY(check_params(device->base.log, &device->cl, p));
    device->id = p->device;
    gr_opencl_describe(device, 0);
    snprintf(device->base.info.id, sizeof(device->base.info.id), "opencl:app");
    GR_OPENCL_TRY(device, "cannot keep the context", device->cl.RetainContext(p->context));
    device->context = p->context;
    GR_OPENCL_TRY(device, "cannot keep the queue", device->cl.RetainCommandQueue(p->queue));
    device->queue = device->active = p->queue;
    return GRAFT_OK;
}

graft_status gr_opencl_import(graft_log *log, const graft_opencl_params *params,
                              const char *cache_dir, gr_device **out)
{
    *out = NULL;
    gr_opencl_device *device = gr_alloc(NULL, sizeof(*device));
    if (!device)
        return gr_fail(log, GRAFT_ERR_MEMORY, "opencl:app: no memory for the device");
    device->base.backend = &gr_backend_opencl;
    device->base.log = log;
    device->imported = true;
    snprintf(device->base.cache_dir, sizeof(device->base.cache_dir), "%s", cache_dir);
    graft_status status =
        gr_opencl_load(&device->cl)
            ? import(device, params)
            : gr_fail(log, GRAFT_ERR_UNSUPPORTED, "opencl:app: no %s here", gr_opencl_loader_name);
    if (status == GRAFT_OK)
        *out = &device->base;
    else
        gr_backend_opencl.device_destroy(&device->base);
    return status;
}

bool gr_opencl_is_imported(const gr_device *device)
{
    return device->backend == &gr_backend_opencl && ((const gr_opencl_device *)device)->imported;
}

static graft_status check_memory(gr_opencl_device *device, cl_mem memory, uint64_t size)
{
    graft_log *log = device->base.log;
    cl_mem_object_type type = 0;
    cl_context context = NULL;
    cl_mem_flags flags = 0;
    size_t bytes = 0;
    if (!memory)
        return refuse(log, "`memory` is NULL");
    GR_OPENCL_TRY(device, "not a memory object",
                  device->cl.GetMemObjectInfo(memory, CL_MEM_TYPE, sizeof(type), &type, NULL));
    device->cl.GetMemObjectInfo(memory, CL_MEM_CONTEXT, sizeof(context), &context, NULL);
    device->cl.GetMemObjectInfo(memory, CL_MEM_FLAGS, sizeof(flags), &flags, NULL);
    device->cl.GetMemObjectInfo(memory, CL_MEM_SIZE, sizeof(bytes), &bytes, NULL);
    if (type != CL_MEM_OBJECT_BUFFER)
        return refuse(log, "`memory` is an image; expected a buffer");
    if (context != device->context)
        return refuse(log, "`memory` is of another context");
    if (flags & (CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY))
        return refuse(log, "`memory` is not CL_MEM_READ_WRITE");
    if (size > bytes)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "opencl:app: a range up to byte %llu of a buffer that has %zu",
                       (unsigned long long)size, bytes);
    return GRAFT_OK;
}

graft_status gr_opencl_buffer_wrap(gr_device *base, cl_mem memory, uint64_t size, gr_buffer **out)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    *out = NULL;
    GR_TRY(check_memory(device, memory, size));
    gr_buffer *buffer = gr_alloc(NULL, sizeof(*buffer));
    if (!buffer)
        return gr_fail(base->log, GRAFT_ERR_MEMORY, "opencl:app: no memory for a buffer");
    cl_int code = device->cl.RetainMemObject(memory);
    if (code != CL_SUCCESS) {
        gr_free(buffer);
        return gr_opencl_fail(device, code, "cannot keep a buffer");
    }
    buffer->memory = memory;
    *out = buffer;
    return GRAFT_OK;
}

graft_status gr_opencl_image_size(gr_device *base, cl_mem image, size_t *width, size_t *height)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    cl_mem_object_type type = 0;
    cl_context context = NULL;
    cl_image_format format = {0};
    if (!image)
        return refuse(base->log, "`image` is NULL");
    GR_OPENCL_TRY(device, "not a memory object",
                  device->cl.GetMemObjectInfo(image, CL_MEM_TYPE, sizeof(type), &type, NULL));
    device->cl.GetMemObjectInfo(image, CL_MEM_CONTEXT, sizeof(context), &context, NULL);
    if (type != CL_MEM_OBJECT_IMAGE2D)
        return refuse(base->log, "`image` is no two-dimensional image");
    if (context != device->context)
        return refuse(base->log, "`image` is of another context");
    device->cl.GetImageInfo(image, CL_IMAGE_FORMAT, sizeof(format), &format, NULL);
    device->cl.GetImageInfo(image, CL_IMAGE_WIDTH, sizeof(*width), width, NULL);
    device->cl.GetImageInfo(image, CL_IMAGE_HEIGHT, sizeof(*height), height, NULL);
    bool order = format.image_channel_order == CL_RGBA || format.image_channel_order == CL_BGRA;
    bool bytes = format.image_channel_data_type == CL_UNORM_INT8 ||
                 format.image_channel_data_type == CL_UNSIGNED_INT8;
    if (!order || !bytes)
        return gr_fail(base->log, GRAFT_ERR_ARGUMENT,
                       "opencl:app: an image of order 0x%x and type 0x%x; expected CL_RGBA or "
                       "CL_BGRA of CL_UNORM_INT8 or CL_UNSIGNED_INT8",
                       format.image_channel_order, format.image_channel_data_type);
    return GRAFT_OK;
}

graft_status gr_opencl_copy_image(gr_device *base, cl_mem image, size_t width, size_t height,
                                  gr_buffer *buffer, uint64_t offset)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    const size_t origin[3] = {0}, region[3] = {width, height, 1};
    GR_OPENCL_TRY(device, "cannot copy an image",
                  device->cl.EnqueueCopyImageToBuffer(device->active, image, buffer->memory, origin,
                                                      region, (size_t)offset, 0, NULL, NULL));
    GR_OPENCL_TRY(device, "cannot flush", device->cl.Flush(device->active));
    return GRAFT_OK;
}

graft_status gr_opencl_wait_events(gr_device *base, const cl_event *events, int count)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    for (int i = 0; i < count; i++)
        if (!events[i])
            return refuse(base->log, "an event is NULL");
    if (count <= 0)
        return GRAFT_OK;
    /* in an in-order queue all later commands wait for the marker */
    GR_OPENCL_TRY(
        device, "cannot wait for events",
        device->cl.EnqueueMarkerWithWaitList(device->active, (cl_uint)count, events, NULL));
    return GRAFT_OK;
}

graft_status gr_opencl_signal_event(gr_device *base, cl_event *event)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    GR_OPENCL_TRY(device, "cannot make an event",
                  device->cl.EnqueueMarkerWithWaitList(device->active, 0, NULL, event));
    GR_OPENCL_TRY(device, "cannot flush", device->cl.Flush(device->active));
    return GRAFT_OK;
}
