/* The inside of a graft_buffer. Thread-safety: one thread at a time, as its device. */
#ifndef GR_COMPUTE_BUFFER_H
#define GR_COMPUTE_BUFFER_H

#include "plan/store.h"

#include <graft/buffer.h>

struct graft_buffer {
    gr_device *device;
    gr_buffer *handle; /* owned */
    uint64_t size;     /* bytes */
    int users;         /* the application, and programs that are bound to it */
};

/* One user more, which lets it go by graft_buffer_destroy. */
graft_buffer *gr_buffer_share(graft_buffer *buffer);

/* The region of size_bytes from offset_bytes on, for a value `name` of a program on `device`.
 * GRAFT_ERR_ARGUMENT when the buffer has none. */
graft_status gr_buffer_region(const graft_buffer *buffer, gr_device *device, const char *name,
                              uint64_t offset_bytes, uint64_t size_bytes, gr_region *out);

#endif
