/* What the methods at a module make of its weight and bias: their graph hooks, run on the reference
 * device, so that a method is folded by what it is trained by.
 *
 * The hooks at a linear or at an output are affine in their values: F(x, y) = A x + C y + d for the
 * input x of the module and its output y = W x + b. So the folded weight is that of the columns
 * F(I, W) - F(0, 0), and the folded bias F(0, b). */
#ifndef GR_ADAPTER_FOLD_H
#define GR_ADAPTER_FOLD_H

#include "device/device.h"
#include "peft/sites.h"

struct gr_tensors;

typedef struct gr_fold {
    graft_log *log;
    gr_device *device; /* the reference */
    const gr_model_config *config;
    const struct gr_methods *methods; /* none that says not_foldable */
    const struct gr_tensors *backbone, *adapter;
} gr_fold;

/* A module in host memory, or rows of one. */
typedef struct gr_module {
    const gr_site *site;
    int64_t in;    /* a norm has 1 */
    float *weight; /* [site->rows, in] */
    float *bias;   /* [site->rows]; zeros where the module has none */
    bool biased;   /* it has one */
} gr_module;

/* Changes weight and bias in place, also the bias of a module that has none. */
graft_status gr_fold_module(const gr_fold *fold, const gr_module *module);

#endif
