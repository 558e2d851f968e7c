/* Loading a checkpoint of any known kind. */
#ifndef GR_WEIGHTS_LOAD_H
#define GR_WEIGHTS_LOAD_H

#include "weights/tensors.h"

/* Reads a .safetensors file, an index.json of a sharded checkpoint, a directory with either, or an
 * .npz archive, with the names that it has. The caller owns *tensors, which is NULL on failure.
 * Another kind of file is GRAFT_ERR_UNSUPPORTED. */
graft_status gr_tensors_load(graft_log *log, const char *path, gr_tensors **tensors);

/* The same for a backbone of any known layout (layout.h): it arrives whole, with graft's names and
 * shapes. An unknown layout is GRAFT_ERR_UNSUPPORTED. */
graft_status gr_backbone_load(graft_log *log, const char *path, gr_tensors **tensors);

#endif
