/* How many numbers a choice of methods trains. */
#ifndef GR_MODEL_COUNT_H
#define GR_MODEL_COUNT_H

#include "build/config.h"

struct gr_methods;

/* Counts the elements of all trained tensors, without the classification head (what the papers
 * report) and with it, by building the model's graph with no weights: needs neither a checkpoint
 * nor a device. A configuration of 0 classes has no head. Either result may be NULL. Errors are
 * those of the configuration and the methods.
 *
 * Thread-safety: safe. */
graft_status gr_count_trainable(graft_log *log, const gr_model_config *config,
                                const struct gr_methods *methods, int64_t *count_without_head,
                                int64_t *count_with_head);

#endif
