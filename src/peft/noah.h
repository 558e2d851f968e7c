/* What the search of sub-networks needs to know of the method noah. */
#ifndef GR_NOAH_H
#define GR_NOAH_H

#include "peft/subnet.h"

/* The space that a supernet draws from. False: the config is that of a plain network. */
bool gr_noah_space(const void *config, const gr_model_config *model, gr_subnet_space *out);

/* The sub-network that step `step` of training a supernet trains. */
void gr_noah_draw(const void *config, const gr_model_config *model, uint64_t seed, uint64_t step,
                  gr_subnet *out);

/* The method's input (see gr_methods_input) of a supernet: how many numbers it has, and what they
 * are where the sub-network alone shall act. */
int64_t gr_noah_input_count(const void *config, const gr_model_config *model);
void gr_noah_input(const void *config, const gr_model_config *model, const gr_subnet *subnet,
                   float *out);

#endif
