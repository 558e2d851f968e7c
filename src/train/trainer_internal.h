/* The inside of a trainer, shared by its files. */
#ifndef GR_TRAINER_INTERNAL_H
#define GR_TRAINER_INTERNAL_H

#include "train/average.h"
#include "model/network.h"
#include "train/staging.h"
#include "train/trainer.h"

/* A batch in the works. */
typedef struct gr_work {
    graft_batch batch;
    uint64_t step;
    int slot;    /* of the staging */
    int first;   /* image of the micro-batch at hand */
    int segment; /* of its plan that is next */
    bool repeated;
} gr_work;

struct gr_trainer {
    graft_log *log;
    gr_device *device;
    gr_model_config config;
    gr_trainer_params params;
    gr_store *store;
    gr_params *parameters;
    gr_optimizer *optimizer;
    gr_average *average; /* NULL: none */
    gr_region loss_sum;
    bool *reached; /* by parameter index */
    int micro;
    bool recompute; /* activations are computed twice */
    gr_network train, eval;
    gr_staging *staging;
    gr_list *zero_loss;
    gr_region update_scalars;
    gr_work work;         /* at hand */
    gr_work next;         /* staged */
    int segment_commands; /* train.plan is cut into segments of at most so many; 0: it is not cut */
    gr_timings timings;   /* of the segments of train.plan, and last of the update */
    gr_preprocess preprocess;
    gr_transfers *transfers; /* NULL: no batch lay on the device yet */
};

/* Pictures first .. first + count - 1 as pixels of the network's size; gr_free frees them, also
 * after a failure. */
graft_status gr_trainer_resize(gr_trainer *t, const graft_pixels *pictures, int first, int count,
                               uint8_t **pixels);

/* Makes both networks and the parameters, and plans them: halves the micro-batch until everything
 * fits. It need not divide the batch: the last one may be partly empty. */
graft_status gr_trainer_fit_networks(gr_trainer *t);
#endif
