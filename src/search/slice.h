/* The tensors of a sub-network out of those of the supernet that holds it. */
#ifndef GR_SLICE_H
#define GR_SLICE_H

#include "peft/subnet.h"
#include "weights/tensors.h"

/* Appends to `out` copies of the first rows, columns or tokens that the sub-network has; what
 * belongs to no module, such as the head, whole. Modules that it lacks are left out. The tensors of
 * `supernet` are F32. Metadata stays behind. */
graft_status gr_subnet_slice(graft_log *log, const gr_tensors *supernet, const gr_subnet *subnet,
                             gr_tensors *out);

#endif
