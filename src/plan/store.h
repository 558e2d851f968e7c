/* Tensors that live on a device beyond one run: frozen weights, parameters, inputs.
 *
 * Plans find them by name, so that a training plan and an evaluation plan share one copy.
 * Thread-safety: one thread at a time, as the device.
 */
#ifndef GR_STORE_H
#define GR_STORE_H

#include <graft/params.h>

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

/* A store on top of another one, such as an adapter's on that of a backbone: frozen values and
 * inputs that `shared` accepts, and packed forms of them, are kept in `below`, once for all stores
 * on it; the rest is this one's own. Borrows `below` and `user`. */
typedef bool gr_store_shared(void *user, const gr_value *value);
graft_status gr_store_create_on(gr_store *below, gr_store_shared *shared, void *user,
                                gr_store **out);

/* How frozen matrices are kept from now on, see precision.h; f32 at first, and as `below` at first
 * in a store on another one. */
void gr_store_set_weights(gr_store *store, graft_weights weights);

/* How this value is, or would be. */
graft_weights gr_store_kept(gr_store *store, const gr_value *value);

/* The store where a value is kept: `store`, or what it is on. */
gr_store *gr_store_of(gr_store *store, const gr_value *value);

gr_device *gr_store_device(const gr_store *store);

/* The region of that name, or one with buffer NULL. */
gr_region gr_store_find(const gr_store *store, const char *name);

/* Makes a named region; contents are undefined. The name must be new. */
graft_status gr_store_allocate(gr_store *store, const char *name, uint64_t size_bytes,
                               gr_memory memory, gr_region *out);

/* The name is free again, for a region that could not be filled; its memory stays the store's. */
void gr_store_forget(gr_store *store, const char *name);

/* A buffer without a name: a plan's intermediate values, or what is needed for a while. */
graft_status gr_store_buffer_create(gr_store *store, uint64_t size_bytes, gr_memory memory,
                                    gr_buffer **out);
void gr_store_buffer_destroy(gr_store *store, gr_buffer **buffer);

/* A dry store: it begins with what `base` holds, counts further buffers instead of making them, and
 * uploads nothing. What needs memory runs on it as on a real one; its buffers are good for nothing
 * else. Borrows `base`, which must not change meanwhile, and is on
 * no other store. */
graft_status gr_store_create_dry(graft_log *log, const gr_store *base, gr_store **out);
bool gr_store_is_dry(const gr_store *store);

/* Of a dry store: most bytes of its buffers at any time, those of `base` not counted. */
uint64_t gr_store_dry_peak(const gr_store *store);

/* Names a region that the caller owns and keeps alive (a slice of a flat parameter buffer). */
graft_status gr_store_name(gr_store *store, const char *name, gr_region region);

/* The region of a graph's INPUT, FROZEN or PARAM value; made at first use, and filled with the
 * value's source (converted to f32, or as gr_store_kept says) when it has one. */
graft_status gr_store_value(gr_store *store, const gr_value *value, gr_region *out);

/* Writes a value's source into a region, as the store keeps it. */
graft_status gr_store_upload(gr_store *store, const gr_value *value, const gr_region *region);

graft_status gr_store_write(gr_store *store, const gr_region *region, const void *data);
graft_status gr_store_read(gr_store *store, const gr_region *region, void *data);

#endif
