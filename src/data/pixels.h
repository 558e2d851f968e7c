/* Images of an application's memory.
 *
 * Thread-safety: safe.
 */
#ifndef GR_DATA_PIXELS_H
#define GR_DATA_PIXELS_H

#include "data/image.h"

#include <graft/model.h>

/* Copies one, called number `index` in an error. */
graft_status gr_image_from_pixels(graft_log *log, const graft_pixels *from, int index,
                                  gr_image *out);

#endif
