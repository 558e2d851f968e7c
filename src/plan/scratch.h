/* Memory for the values in between of several plans of one device, of which one runs at a time.
 *
 * Thread-safety: one thread at a time, as the device.
 */
#ifndef GR_SCRATCH_H
#define GR_SCRATCH_H

#include "device/device.h"

typedef struct gr_scratch gr_scratch;

/* Borrows the device. */
graft_status gr_scratch_create(graft_log *log, gr_device *device, gr_scratch **out);
void gr_scratch_destroy(gr_scratch *scratch); /* NULL is accepted */

/* Whether there are blocks of these sizes at least. */
bool gr_scratch_fits(const gr_scratch *scratch, const uint64_t *bytes, size_t count);

/* Replaces those that are too small: nothing may use them any more. */
graft_status gr_scratch_grow(gr_scratch *scratch, const uint64_t *bytes, size_t count);

/* Lends blocks[count] of these sizes at least; GRAFT_ERR_ARGUMENT where it is too small. */
graft_status gr_scratch_borrow(const gr_scratch *scratch, const uint64_t *bytes, size_t count,
                               gr_buffer **blocks);

#endif
