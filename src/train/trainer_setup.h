/* A trainer of what settings stand for. */
#ifndef GR_TRAINER_SETUP_H
#define GR_TRAINER_SETUP_H

#include "train/run_setup.h"
#include "train/trainer.h"

/* How many images: of a step, and those whose features may be kept. */
typedef struct gr_trainer_extent {
    int batch;
    uint32_t kept_images, kept_test_images;
} gr_trainer_extent;

/* Frees the setup's host copies of weights; the rest of it is borrowed for the trainer's life.
 * After a failure *out may hold a trainer to be destroyed. */
graft_status gr_trainer_create_from_setup(graft_log *log, const graft_train_params *params,
                                          gr_run_setup *setup, const gr_trainer_extent *extent,
                                          bool soft_targets, gr_trainer **out);

#endif
