/* graft on an application's own cl_context and queue.
 *
 * Nothing of the application's is released but the references that graft itself takes. graft needs
 * OpenCL 1.2 with a compiler and an in-order queue; a profiled program (program.h) runs on a queue
 * of graft's own in the same context. The functions are those of the system's loader (libOpenCL),
 * which must be where the handles come from.
 *
 * Order: what graft queues comes after what was queued on the same queue before; whatever else it
 * must come after or before goes by events, which cover everything that uses the device: programs,
 * models, trainers.
 *
 *     graft_opencl_wait(device, &rendered, 1);     all that is queued from here on waits for it
 *     graft_program_run(program);
 *     graft_opencl_signal(device, &computed);      complete once all that was queued so far is done
 *
 * Functions of this header and all others that use the device: one thread at a time; the
 * application's own use of its context and queue goes on beside them.
 */
#ifndef GRAFT_OPENCL_H
#define GRAFT_OPENCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif

#include <CL/cl.h>
#include <graft/buffer.h>

/* Filled in by graft_opencl_defaults(); may grow at the end. Borrowed for the call; graft keeps
 * references to context and queue until the device is closed. */
typedef struct graft_opencl_params {
    cl_context context;
    cl_device_id device;    /* of the context */
    cl_command_queue queue; /* of both, in order */
    const char *cache_dir;  /* as in graft_device_open */
} graft_opencl_params;

GRAFT_BEGIN_DECLS

GRAFT_API void graft_opencl_defaults(graft_opencl_params *params);

/* Opens the application's device as a graft_device, which graft_device_close() lets go; its id is
 * "opencl:app". Borrows `log`. GRAFT_ERR_ARGUMENT for handles that are missing or do not belong
 * together, GRAFT_ERR_UNSUPPORTED for a device or queue that cannot run graft. */
GRAFT_API graft_status graft_opencl_import(graft_log *log, const graft_opencl_params *params,
                                           graft_device **out);

/* Wraps size_bytes from offset_bytes on of a buffer of the application's, without a copy: what
 * programs bind, and graft_buffer_read and _write reach. graft keeps a reference until
 * graft_buffer_destroy() and until programs that are bound to it are gone. offset_bytes: a multiple
 * of graft_buffer_alignment(); size_bytes: a positive multiple of 4. GRAFT_ERR_ARGUMENT for a range
 * that the buffer does not have, a buffer of another context, an image, or one that kernels may not
 * both read and write. */
GRAFT_API graft_status graft_opencl_wrap(graft_device *device, cl_mem memory, uint64_t offset_bytes,
                                         uint64_t size_bytes, graft_buffer **out);

/* Copies the pixels of a two-dimensional image on the device into a buffer at offset_bytes, width *
 * height * 4 bytes: what graft_resize_rgba8 makes network input of (with `bgra` for CL_BGRA).
 * Queues the copy and does not wait. GRAFT_ERR_ARGUMENT for an image of another context or with
 * another format than CL_RGBA or CL_BGRA of CL_UNORM_INT8 or CL_UNSIGNED_INT8, and a buffer that is
 * too small. */
GRAFT_API graft_status graft_opencl_copy_image(graft_device *device, cl_mem image,
                                               graft_buffer *buffer, uint64_t offset_bytes);

/* All that is queued on the device from now on waits for the events, without waiting on the host;
 * the application may release them at once. */
GRAFT_API graft_status graft_opencl_wait(graft_device *device, const cl_event *events, int count);

/* *event, which the caller releases, is complete once all that was queued on the device before is
 * done. Flushes the queue, so that other queues may wait for it. */
GRAFT_API graft_status graft_opencl_signal(graft_device *device, cl_event *event);

GRAFT_END_DECLS

#endif
