/* Frozen weights in fewer bits than f32: how they lie in a store, and how they become floats again.
 *
 * Matrices named "*.weight" are kept as IEEE half, as bfloat16, or as signed bytes with a scale for
 * each output channel, w ~ scale q with scale = max |w| / 127; vectors (biases, norms) and small
 * tensors stay f32, and all arithmetic is f32: a plan widens a matrix right before what reads it.
 *
 * Thread-safety: as the store.
 */
#ifndef GR_PLAN_PRECISION_H
#define GR_PLAN_PRECISION_H

#include <graft/params.h>

#include "plan/store.h"

/* How a value is kept under a setting; GRAFT_WEIGHTS_F32 for all that is not such a matrix. */
graft_weights gr_precision_of(graft_weights setting, const gr_value *value);

/* Bytes of a value that is kept so: not F32. */
uint64_t gr_precision_bytes(graft_weights kept, const gr_value *value);

/* Writes the value's source into a region of as many bytes. Numbers that are too large for f16 are
 * GRAFT_ERR_NUMERIC, naming the tensor. */
graft_status gr_precision_upload(graft_log *log, gr_device *device, graft_weights kept,
                                 const gr_value *value, const gr_region *region);

#endif
