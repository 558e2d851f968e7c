/* The exponential moving average of all parameters: average = d average + (1 - d) value after each
 * update, from the start values on. As timm's ModelEmaV2, without a warm-up of d.
 *
 * Thread-safety: one thread at a time, as the device.
 */
#ifndef GR_AVERAGE_H
#define GR_AVERAGE_H

#include "train/params.h"

typedef struct gr_average gr_average;

/* Borrows params, which have GR_PLANE_AVERAGE; the averages become the values. decay: (0, 1). */
graft_status gr_average_create(graft_log *log, double decay, const gr_params *params,
                               gr_average **out);
void gr_average_destroy(gr_average *average); /* NULL is accepted */

/* Queue: the averages take part of the values. */
graft_status gr_average_update(gr_average *average);

/* Queue: values and averages change places, exactly; the gradients are lost. */
graft_status gr_average_swap(gr_average *average);

/* Whether the last one of these was found missing, see gr_device_list_is_dropped. */
bool gr_average_is_dropped(const gr_average *average);

#endif
