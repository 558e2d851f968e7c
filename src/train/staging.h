/* Batches on their way into a training network: bytes of pictures, targets and scalars of all
 * micro-batches wait in buffers that the host fills while the device is at work on the batch
 * before. A micro-batch is then moved to where the network reads it by commands of the device, in
 * the order of the queue; pictures are normalised on the way, by a table that the host made: the
 * numbers are those of gr_normalize().
 *
 * Thread-safety: one thread at a time, as the device.
 */
#ifndef GR_STAGING_H
#define GR_STAGING_H

#include "model/pixels.h"
#include "ops/scalars.h"

enum { GR_STAGING_SLOTS = 2 };

typedef struct gr_staging_params {
    gr_store *store;                       /* borrowed */
    int batch, micro;                      /* images in all, and at once */
    int image_size;                        /* pixels, square */
    const gr_normalization *normalization; /* of bytes; NULL: images come otherwise */
    gr_region images, targets, scalars;    /* what the network reads */
} gr_staging_params;

typedef struct gr_staging gr_staging;

/* Bytes of device memory that a staging will take. */
uint64_t gr_staging_bytes(const gr_staging_params *params);

graft_status gr_staging_create(graft_log *log, const gr_staging_params *params, gr_staging **out);
void gr_staging_destroy(gr_staging *staging); /* NULL is accepted; nothing is at work */

/* Fills a micro-batch of a slot, none of whose commands are queued or at work: targets of the
 * region's size, the scalars, and count images [count, S, S, 3], at most `micro`; pixels NULL: no
 * images. Does not wait for the queue. */
graft_status gr_staging_write(gr_staging *staging, int slot, int micro, const gr_scalars *scalars,
                              const void *targets, const uint8_t *pixels, int count);

/* Queues the move of a micro-batch to the network; with its images or without. */
graft_status gr_staging_submit(gr_staging *staging, int slot, int micro, bool images);

#endif
