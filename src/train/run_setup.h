/* From the settings of a training to the objects it needs. */
#ifndef GR_RUN_SETUP_H
#define GR_RUN_SETUP_H

#include <graft/train.h>

#include "device/device.h"
#include "adapter/file.h"
#include "adapter/model.h"
#include "train/optimizer.h"
#include "train/schedule.h"

typedef struct gr_run_setup {
    gr_device *device;       /* borrowed */
    gr_tensors *weights;     /* NULL: from scratch */
    gr_tensors *own_weights; /* what these are, unless a model lends them */
    graft_model *lender;     /* borrowed; NULL: none */
    gr_tensors *adapter;     /* to start from; NULL: none */
    gr_class_names classes;
    gr_model_config config;
    gr_methods *methods;
    gr_input input;
    gr_optimizer_params optimizer;
    gr_schedule schedule;
    gr_tensors *header; /* of the adapters to be written: metadata, frozen tensors */
} gr_run_setup;

/* Checks what needs no file: numbers, names, methods and their options. */
graft_status gr_run_setup_check(graft_log *log, const graft_train_params *params);

/* Checks every setting but those of data, epochs and files; the first that does not fit is a
 * one-line error. The names of the classes are borrowed by *out, and so is a `lender` that is not
 * NULL, whose backbone takes the place of the settings'. Call gr_run_setup_release also after a
 * failure. */
graft_status gr_run_setup_create(graft_log *log, graft_device *device,
                                 const graft_train_params *params, graft_model *lender, int classes,
                                 gr_class_names names, gr_run_setup *out);
void gr_run_setup_release(gr_run_setup *setup);

/* Frees the host copies of weights once they are on the device. */
void gr_run_setup_drop_weights(gr_run_setup *setup);

#endif
