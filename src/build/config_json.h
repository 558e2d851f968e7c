/* The geometry as a JSON object in a file's metadata: what graft writes beside the tensors that it
 * trained or merged. */
#ifndef GR_CONFIG_JSON_H
#define GR_CONFIG_JSON_H

#include "build/config.h"

#define GR_MODEL_KEY "graft.model"

/* "own": the backbone is the graph of an application; without the key it is graft's to build. */
#define GR_FAMILY_KEY "graft.family"

/* Sets the metadata keys. */
graft_status gr_model_config_describe(graft_log *log, struct gr_tensors *weights,
                                      const gr_model_config *config);

/* Reads it back, and checks it. What a file of an older version does not tell is as it was then. */
graft_status gr_model_config_described(graft_log *log, const struct gr_tensors *weights,
                                       gr_model_config *out);

/* Whether a file, or a backbone, is of an application's own graph. */
bool gr_model_is_own(const struct gr_tensors *tensors);

#endif
