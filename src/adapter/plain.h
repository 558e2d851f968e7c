/* Folding what only graft's models have into what those of libraries have as well. */
#ifndef GR_ADAPTER_PLAIN_H
#define GR_ADAPTER_PLAIN_H

#include "build/config.h"
#include "weights/tensors.h"

/* Appends the tensors of a merged model to `out`, borrowed where they stay as they are, and makes
 * *config that of the result. See gr_names_apply. class_position: positions get a row of zeros for
 * the class token where there are but those of the patches. */
graft_status gr_plain(graft_log *log, const gr_tensors *merged, gr_model_config *config,
                      bool class_position, gr_tensors *out);

#endif
