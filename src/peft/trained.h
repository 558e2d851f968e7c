/* Trainable pieces that several methods are made of. */
#ifndef GR_TRAINED_H
#define GR_TRAINED_H

#include "peft/method.h"

/* x weight^T + bias with new tensors "name.weight" [out, in], which starts as `init` says, and
 * "name.bias" [out], which starts at zero. */
gr_value *gr_trained_linear(gr_build *b, const char *name, gr_value *x, int64_t out, gr_init init);

/* y * scale + shift along the last axis with new tensors "name.ssf.scale", which starts as
 * N(1, 0.02), and "name.ssf.shift", which starts as N(0, 0.02) (Lian et al., arXiv 2210.08823). */
gr_value *gr_trained_scale_shift(gr_build *b, const char *name, gr_value *y);

/* Whether a tensor is the bias of one of the linears `targets` (bits of gr_linear_target); that of
 * q, k and v is one. */
bool gr_is_bias_of(const char *tensor, unsigned targets);

/* GRAFT_ERR_UNSUPPORTED for the option train_bias of `method` where the linears' tensors have names
 * that only an application knows. */
graft_status gr_check_train_bias(graft_log *log, const char *method, int train_bias,
                                 const gr_model_config *model);

/* Tokens [P, D], the same ones for each image of the batch -> [B, P, D]. */
gr_value *gr_repeated(gr_build *b, gr_value *tokens);

#endif
