/* Folding a method into plain weights, on the host. */
#ifndef GR_FOLD_H
#define GR_FOLD_H

#include "peft/method.h"

struct gr_tensors;

/* Reads the adapter's tensor "module.name" of `shape` as f32 into *out, which the caller gives to
 * gr_fold_release. */
graft_status gr_fold_tensor(graft_log *log, const struct gr_tensors *adapter, const char *module,
                            const char *name, gr_shape shape, float **out);
void gr_fold_release(float **values);

/* weight = diag(scale) weight, bias = scale * bias + shift, from "name.ssf.{scale,shift}". */
graft_status gr_fold_scale_shift(graft_log *log, const struct gr_tensors *adapter, const char *name,
                                 const gr_fold_site *site);

/* weight += scale up down, up [out, r] and down [r, in] with rows `stride` elements apart. */
graft_status gr_fold_product(graft_log *log, const gr_fold_site *site, const float *up,
                             const float *down, int64_t r, int64_t stride, double scale);

/* Folds the head's batch normalisation, where the adapter has one, into weight [classes, dim] and
 * bias [classes]. */
graft_status gr_fold_head_norm(graft_log *log, const struct gr_tensors *adapter, int64_t classes,
                               int64_t dim, float *weight, float *bias);

#endif
