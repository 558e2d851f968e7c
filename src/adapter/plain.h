/* Folding what only graft's models have into what those of libraries have as well. */
#ifndef GR_ADAPTER_PLAIN_H
#define GR_ADAPTER_PLAIN_H

#include "build/config.h"
#include "weights/tensors.h"

typedef struct gr_plain_params {
    bool class_position;  /* positions get a row of zeros for the class token, where there are but
                           * those of the patches */
    bool projection_head; /* the head becomes "proj.weight", which has no bias: that goes into the
                           * norm before it */
} gr_plain_params;

/* Appends the tensors of a merged model to `out`, borrowed where they stay as they are, and makes
 * *config that of the result. See gr_names_apply. */
graft_status gr_plain(graft_log *log, const gr_tensors *merged, gr_model_config *config,
                      const gr_plain_params *params, gr_tensors *out);

#endif
