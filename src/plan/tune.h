/* Which kernel runs on a device, and with which tunables: the only place that knows. */
#ifndef GR_TUNE_H
#define GR_TUNE_H

#include "backends/backend.h"

/* The kernel to run for `kernel`, and how many elements a work-item of it takes. */
const gr_kernel *gr_tune_kernel(const gr_caps *caps, const gr_kernel *kernel, uint32_t *width);

/* The kernel's own tunables, but for a work-group that the device allows. tunables:
 * [GR_MAX_TUNABLES]. */
void gr_tune_defaults(const gr_caps *caps, const gr_kernel *kernel, uint32_t *tunables);

#endif
