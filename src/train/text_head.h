/* A classifier made of texts: CLIP's image encoder beside features of the classes' names. */
#ifndef GR_TEXT_HEAD_H
#define GR_TEXT_HEAD_H

#include "train/run_setup.h"

/* Whether the settings ask for one. */
bool gr_text_head_wanted(const graft_text_params *params);

/* Puts "head.weight" [classes, width] and a "head.bias" of zeros into setup->adapter, and the scale
 * of the logits into setup->config: the weights are the rows of a file, or what the text encoder
 * makes of the classes' names. Reads setup->{device, weights, config, classes}; does nothing when
 * no text head is wanted. */
graft_status gr_text_head_make(graft_log *log, const graft_train_params *params,
                               gr_run_setup *setup);

#endif
