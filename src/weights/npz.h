/* The .npz format: a zip archive of .npy arrays, stored or deflated. */
#ifndef GR_WEIGHTS_NPZ_H
#define GR_WEIGHTS_NPZ_H

#include "weights/tensors.h"

/* Appends every array of the archive, in its order, named like its member without ".npy"; other
 * members are skipped. Sizes are checked before memory is asked for, checksums are verified.
 * GRAFT_ERR_FORMAT, GRAFT_ERR_UNSUPPORTED (see npy.h) and GRAFT_ERR_IO name file and member. On
 * failure `tensors` may hold a part of the file: destroy it. */
graft_status gr_npz_read(graft_log *log, const char *path, gr_tensors *tensors);

#endif
