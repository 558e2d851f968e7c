/* What the OpenCL backend does on an application's context, for include/graft/opencl.h. */
#ifndef GR_OPENCL_IMPORT_H
#define GR_OPENCL_IMPORT_H

#include "backends/backend.h"

#include <graft/opencl.h>

/* As gr_backend.device_create. */
graft_status gr_opencl_import(graft_log *log, const graft_opencl_params *params,
                              const char *cache_dir, gr_device **out);

/* Whether the device came from gr_opencl_import. */
bool gr_opencl_is_imported(const gr_device *device);

/* As gr_backend.buffer_create, of a reference to the application's buffer, of which the first
 * `size` bytes are used. */
graft_status gr_opencl_buffer_wrap(gr_device *device, cl_mem memory, uint64_t size,
                                   gr_buffer **out);

/* The sides of an image whose pixels are four bytes. */
graft_status gr_opencl_image_size(gr_device *device, cl_mem image, size_t *width, size_t *height);

/* Its pixels into a buffer; queued. */
graft_status gr_opencl_copy_image(gr_device *device, cl_mem image, size_t width, size_t height,
                                  gr_buffer *buffer, uint64_t offset);

graft_status gr_opencl_wait_events(gr_device *device, const cl_event *events, int count);
graft_status gr_opencl_signal_event(gr_device *device, cl_event *event);

#endif
