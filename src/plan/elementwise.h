/* What updates of parameters share: a kernel with one work-item per element, spread over a grid of
 * rows x cols. */
#ifndef GR_ELEMENTWISE_H
#define GR_ELEMENTWISE_H

#include "device/device.h"

/* The pipeline with the kernel's own tunables, but for a work-group that the device allows. */
graft_status gr_elementwise_pipeline(gr_device *device, const gr_kernel *kernel, gr_pipeline **out,
                                     uint32_t *workgroup);

/* The grid for `count` elements, in work-groups and as the kernel's rows and cols. */
void gr_elementwise_grid(uint32_t count, uint32_t workgroup, uint32_t *rows, uint32_t *cols,
                         uint32_t grid[3]);

#endif
