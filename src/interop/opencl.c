/* include/graft/opencl.h: checks, and the way from public handles to the backend. */
#include "interop/imported.h"

#include "backends/opencl/import.h"
#include "base/log.h"
#include "compute/buffer.h"

void graft_opencl_defaults(graft_opencl_params *params)
{
    if (params)
        *params = (graft_opencl_params){0};
}

static graft_status make(graft_log *log, const void *params, const char *cache_dir, gr_device **out)
{
    return gr_opencl_import(log, params, cache_dir, out);
}

static const gr_interop api = {"opencl:app", "graft_opencl_import", make, gr_opencl_is_imported};

graft_status graft_opencl_import(graft_log *log, const graft_opencl_params *params,
                                 graft_device **out)
{
    return gr_interop_import(log, &api, params, params ? params->cache_dir : NULL, out);
}

graft_status graft_opencl_wrap(graft_device *device, cl_mem memory, uint64_t offset_bytes,
                               uint64_t size_bytes, graft_buffer **out)
{
    gr_device *d;
    if (out)
        *out = NULL;
    GR_TRY(gr_interop_device(&api, device, &d));
    if (!out)
        return gr_fail(d->log, GRAFT_ERR_ARGUMENT, "opencl:app: nowhere to put the buffer");
    GR_TRY(gr_buffer_check_range(d, offset_bytes, size_bytes));
    gr_buffer *handle;
    GR_TRY(gr_opencl_buffer_wrap(d, memory, offset_bytes + size_bytes, &handle));
    GR_TRY(gr_device_buffer_adopt(d, handle, offset_bytes + size_bytes));
    return gr_buffer_around(d, handle, offset_bytes, size_bytes, out);
}

graft_status graft_opencl_copy_image(graft_device *device, cl_mem image, graft_buffer *buffer,
                                     uint64_t offset_bytes)
{
    gr_device *d;
    gr_region region;
    size_t width, height;
    GR_TRY(gr_interop_device(&api, device, &d));
    GR_TRY(gr_opencl_image_size(d, image, &width, &height));
    GR_TRY(gr_buffer_region(d->log, buffer, d, "image", offset_bytes, (uint64_t)width * height * 4,
                            &region));
    return gr_opencl_copy_image(d, image, width, height, region.buffer, region.offset);
}

graft_status graft_opencl_wait(graft_device *device, const cl_event *events, int count)
{
    gr_device *d;
    GR_TRY(gr_interop_device(&api, device, &d));
    if (!events)
        return gr_fail(d->log, GRAFT_ERR_ARGUMENT, "opencl:app: `events` is NULL");
    return gr_opencl_wait_events(d, events, count);
}

graft_status graft_opencl_signal(graft_device *device, cl_event *event)
{
    gr_device *d;
    GR_TRY(gr_interop_device(&api, device, &d));
    if (!event)
        return gr_fail(d->log, GRAFT_ERR_ARGUMENT, "opencl:app: `event` is NULL");
    return gr_opencl_signal_event(d, event);
}
