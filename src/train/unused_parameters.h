/* A trainable tensor that never receives a gradient is a mistake that a falling loss can hide. */
#ifndef GR_UNUSED_PARAMETERS_H
#define GR_UNUSED_PARAMETERS_H

#include "train/trainer.h"

typedef struct gr_unused_parameters gr_unused_parameters;

graft_status gr_unused_parameters_create(graft_log *log, const gr_trainer *trainer,
                                         gr_unused_parameters **out);
void gr_unused_parameters_destroy(gr_unused_parameters *unused); /* NULL is accepted */

/* Looks at the gradients after gr_trainer_gradients; `lr` is the rate of the update to come. In the
 * first steps only, those before the first update with a rate not counted: after those it
 * warns once, naming the tensors whose gradient was zero in all of them. Tensors that cannot have
 * one (FreqFit's last filter under a classifier on the class token, RLRR's shift of the keys) are
 * known and left out. */
graft_status gr_unused_parameters_step(gr_unused_parameters *unused, float lr);

/* The run is over: warns if it was too short for gr_unused_parameters_step to do so. */
void gr_unused_parameters_end(gr_unused_parameters *unused);

#endif
