/* 8-bit images of one size, resized, cropped and normalised on a device: the numbers of
 * gr_preprocess_image(), to the last bit, as the weights are the host's and the sums whole numbers.
 *
 * Thread-safety: one thread at a time, as the device.
 */
#ifndef GR_DEVICE_RESIZE_H
#define GR_DEVICE_RESIZE_H

#include "data/preprocess.h"
#include "plan/store.h"

typedef struct gr_device_resize gr_device_resize;

/* Of images of width x height pixels, up to most_images in a list. Borrows log and device.
 * GRAFT_ERR_DEVICE_MEMORY when one of them is more than the device takes. */
graft_status gr_device_resize_create(graft_log *log, gr_device *device,
                                     const gr_preprocess *preprocess, int width, int height,
                                     int most_images, gr_device_resize **out);

/* Nothing of it is at work, no list of it is alive. NULL is accepted. */
void gr_device_resize_destroy(gr_device_resize *resize);

bool gr_device_resize_is_for(const gr_device_resize *resize, int width, int height);

/* Records `count` images: words [count, height, width] of `from`, which begins at a multiple of 4,
 * red lowest or, with `bgra`, blue; to the beginning of `to`, [count, 3, size, size]. */
graft_status gr_device_resize_record(gr_device_resize *resize, const gr_region *from, bool bgra,
                                     int count, const gr_region *to, gr_list **out);

#endif
