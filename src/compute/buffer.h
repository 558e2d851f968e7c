/* The inside of a graft_buffer. Thread-safety: one thread at a time, as its device. */
#ifndef GR_COMPUTE_BUFFER_H
#define GR_COMPUTE_BUFFER_H

#include "plan/store.h"

#include <graft/buffer.h>

struct graft_buffer {
    gr_device *device;
    gr_buffer *handle; /* owned */
    uint64_t offset;   /* of its first byte in the handle */
    uint64_t size;     /* bytes */
    int users;         /* the application, and programs that are bound to it */
};

/* A buffer around a handle of src/device, which it takes, also on failure; offset and size in bytes
 * are the range that programs see. */
graft_status gr_buffer_around(gr_device *device, gr_buffer *handle, uint64_t offset, uint64_t size,
                              graft_buffer **out);

/* Whether a range of bytes of an application's buffer may be wrapped for this device. */
graft_status gr_buffer_check_range(gr_device *device, uint64_t offset, uint64_t size);

/* One user more, which lets it go by graft_buffer_destroy. */
graft_buffer *gr_buffer_share(graft_buffer *buffer);

/* The region of size_bytes from offset_bytes on, for a value `name` of a program on `device`.
 * GRAFT_ERR_ARGUMENT when the buffer has none. */
graft_status gr_buffer_region(graft_log *log, const graft_buffer *buffer, gr_device *device,
                              const char *name, uint64_t offset_bytes, uint64_t size_bytes,
                              gr_region *out);

#endif
