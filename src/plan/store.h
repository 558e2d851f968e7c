/* Tensors that live on a device beyond one run: frozen weights, parameters, inputs.
 *
 * Plans find them by name, so that a training plan and an evaluation plan share one copy.
 * Thread-safety: one thread at a time, as the device.
 */
#ifndef GR_STORE_H
#define GR_STORE_H

#include "device/device.h"
#include "graph/graph.h"

typedef struct gr_store gr_store;

/* A range of a device buffer, in bytes. */
typedef struct gr_region {
    gr_buffer *buffer; /* NULL: none */
    uint64_t offset, size;
} gr_region;

/* Borrows the device. */
graft_status gr_store_create(graft_log *log, gr_device *device, gr_store **out);
void gr_store_destroy(gr_store *store); /* NULL is accepted */

gr_device *gr_store_device(const gr_store *store);

/* The region of that name, or one with buffer NULL. */
gr_region gr_store_find(const gr_store *store, const char *name);

/* Makes a named region; contents are undefined. The name must be new. */
graft_status gr_store_allocate(gr_store *store, const char *name, uint64_t size_bytes,
                               gr_memory memory, gr_region *out);

/* Follows gr_store_allocate without allocating: how a store would grow. */
typedef struct gr_store_growth {
    uint64_t bytes;            /* of new buffers */
    uint64_t size[2], used[2]; /* by gr_memory: the block that small tensors are cut from */
} gr_store_growth;

gr_store_growth gr_store_growth_begin(const gr_store *store);
void gr_store_grow(const gr_store *store, gr_store_growth *growth, uint64_t size_bytes,
                   gr_memory memory);

/* Names a region that the caller owns and keeps alive (a slice of a flat parameter buffer). */
graft_status gr_store_name(gr_store *store, const char *name, gr_region region);

/* The region of a graph's INPUT, FROZEN or PARAM value; made at first use, and filled with the
 * value's source (converted to f32) when it has one. */
graft_status gr_store_value(gr_store *store, const gr_value *value, gr_region *out);

/* Writes a value's source, converted to f32, into a region. */
graft_status gr_store_upload(gr_store *store, const gr_value *value, const gr_region *region);

graft_status gr_store_write(gr_store *store, const gr_region *region, const void *data);
graft_status gr_store_read(gr_store *store, const gr_region *region, void *data);

#endif
