/* Images of an application's buffers on their way into a network, and its answers on their way out,
 * without the host: floats are copied; 8-bit pixels are resized and normalised to the very numbers
 * of gr_preprocess_image().
 *
 * What was queued once is queued again without being recorded anew; for this the buffers are kept
 * alive. Thread-safety: one thread at a time, as the device.
 */
#ifndef GR_TRANSFERS_H
#define GR_TRANSFERS_H

#include "compute/buffer.h"
#include "data/preprocess.h"

#include <graft/model.h>

typedef struct gr_transfers gr_transfers;

/* For networks that take up to `batch` images as `preprocess` makes them, which is copied; borrows
 * log and device. */
graft_status gr_transfers_create(graft_log *log, gr_device *device, const gr_preprocess *preprocess,
                                 int batch, gr_transfers **out);

/* Waits where something may be at work. NULL is accepted. */
void gr_transfers_destroy(gr_transfers *transfers);

/* The same for what was recorded: before memory that a network has is freed. */
void gr_transfers_forget(gr_transfers *transfers);

/* Whether there are `count` images: else GRAFT_ERR_ARGUMENT, and one line of the buffer or size. */
graft_status gr_transfers_check(gr_transfers *transfers, const graft_device_images *images,
                                int count);

/* Queues images first .. first + rows - 1 for the beginning of `to`: [rows, 3, S, S]. */
graft_status gr_transfers_images(gr_transfers *transfers, const graft_device_images *images,
                                 int first, int rows, const gr_region *to);

/* Queues a copy of `from` to the buffer, from offset_bytes on. */
graft_status gr_transfers_answers(gr_transfers *transfers, const gr_region *from,
                                  graft_buffer *buffer, uint64_t offset_bytes);

#endif
