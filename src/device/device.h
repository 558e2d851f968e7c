/* Devices as the rest of src/ uses them: the backend contract behind checks and bookkeeping.
 *
 * These functions check the rules of backends/backend.h once, for every backend, and report a
 * broken one in a single line; what they pass on, a backend may rely on. They keep the memory
 * figures of the device, and know what is alive on it. All handles are made by and for one device.
 *
 * Thread-safety: one thread at a time for each device.
 */
#ifndef GR_DEVICE_DEVICE_H
#define GR_DEVICE_DEVICE_H

#include "backends/backend.h"

/* The public handle is the internal one. */
static inline gr_device *gr_device_from_public(graft_device *device)
{
    return (gr_device *)device;
}

static inline graft_device *gr_device_to_public(gr_device *device)
{
    return (graft_device *)device;
}

/* As graft_device_open, of an id such as "reference:0", and says nothing to the log. */
graft_status gr_device_open(graft_log *log, const char *id, const char *cache_dir, gr_device **out);

/* Opens an application's device: `make` does it, as a backend's device_create does, from `params`.
 * It is called as those are, one at a time in the process; then the limits of the environment
 * apply. cache_dir: as in graft_device_open. */
typedef graft_status gr_device_make(graft_log *log, const void *params, const char *cache_dir,
                                    gr_device **out);
graft_status gr_device_import(graft_log *log, gr_device_make *make, const void *params,
                              const char *cache_dir, gr_device **out);

/* Takes a buffer that a backend has made around memory of the application's, of so many bytes,
 * which are not counted as the device's. On failure the buffer is destroyed. */
graft_status gr_device_buffer_adopt(gr_device *device, gr_buffer *buffer, uint64_t size);

/* Contents are undefined. size: bytes, a multiple of 4, at most caps.max_buffer_bytes. */
graft_status gr_device_buffer_create(gr_device *device, uint64_t size, gr_memory memory,
                                     gr_buffer **out);
void gr_device_buffer_destroy(gr_device *device, gr_buffer **buffer);

/* Block until done; ordered after everything submitted. offset and size: bytes. */
graft_status gr_device_buffer_write(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                    const void *data, uint64_t size);
graft_status gr_device_buffer_read(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                   void *data, uint64_t size);

/* The same into GR_MEMORY_HOST beside what is submitted, which must not touch the range: where the
 * device can, its queue is not waited for. */
graft_status gr_device_buffer_write_now(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                        const void *data, uint64_t size);

/* The pipelines of `specs`, all or nothing (then all are NULL). The device makes those that it does
 * not have yet, side by side, and keeps them until it closes: the caller borrows. */
graft_status gr_device_pipelines(gr_device *device, const gr_pipeline_spec *specs, int count,
                                 gr_pipeline **out);

/* Copies `commands`; borrows what they refer to. Refuses, with GRAFT_ERR_ARGUMENT: bindings out of
 * their buffer or badly aligned, a written binding that overlaps another one of its command,
 * grids beyond the limits, and a command that touches what an earlier one writes (or writes what
 * an earlier one reads) with no barrier in between. */
graft_status gr_device_list_create(gr_device *device, const gr_command *commands, int count,
                                   bool profile, gr_list **out);
void gr_device_list_destroy(gr_device *device, gr_list **list);

/* Waiting (and reading) also finds out whether all that was submitted has run: drivers that drop
 * work and report success get GRAFT_ERR_DEVICE here. */
graft_status gr_device_submit(gr_device *device, gr_list *list);
graft_status gr_device_wait(gr_device *device);

/* Whether that was why the last wait or read failed; no more once something is submitted. Who knows
 * that doing it again does no harm may do so, once, in smaller lists. */
bool gr_device_has_dropped(const gr_device *device);

/* Whether a run of the list was found missing, and the list was not submitted since. */
bool gr_device_list_is_dropped(const gr_device *device, const gr_list *list);

/* ns: nanoseconds of each command in the last run of a list made with `profile`, after a wait. */
graft_status gr_device_list_times(gr_device *device, gr_list *list, double *ns);

/* GRAFT_ERR_UNSUPPORTED, without an error message, when caps say no, when there is no library for
 * this case, or when its results are wrong: the first time that a case is asked for, it is run on
 * known numbers. A library is for one command of one live list. */
graft_status gr_device_library_create(gr_device *device, const gr_library_desc *desc,
                                      gr_library **out);
void gr_device_library_destroy(gr_device *device, gr_library **library);

#endif
