/* config.json, which Hugging Face transformers puts beside a model: what names and shapes of the
 * tensors do not tell. */
#ifndef GR_WEIGHTS_TRANSFORMERS_CONFIG_H
#define GR_WEIGHTS_TRANSFORMERS_CONFIG_H

#include "weights/tensors.h"

/* Looks for it in the directory `path`, or beside the file `path`, and sets the metadata keys
 * graft.heads, graft.norm_eps, graft.activation and graft.image_size from what it says of the image
 * encoder. No such file, and one of another kind of model, set nothing; one that is not JSON is
 * GRAFT_ERR_FORMAT. */
graft_status gr_transformers_config_read(graft_log *log, const char *path, gr_tensors *tensors);

#endif
