/* Private to run.c and run_start.c: a training at work. */
#ifndef GR_RUN_H
#define GR_RUN_H

#include "data/loader.h"
#include "train/checkpoint.h"
#include "train/metrics.h"
#include "train/run_folder.h"
#include "train/run_setup.h"
#include "train/trainer.h"
#include "train/watch.h"

typedef struct gr_run {
    gr_run_setup setup;
    graft_log *log;
    const graft_train_params *p;
    gr_trainer *trainer;
    gr_loader *loader;
    gr_watch *watch;
    gr_metrics *metrics;
    gr_position at;    /* now */
    gr_position saved; /* in the checkpoint of this call; its step UINT64_MAX: none */
    int batch;         /* images of a step */
    size_t steps_per_epoch;
    int epochs; /* of the whole run */
    uint64_t steps;
    char *identity, *provenance; /* see checkpoint.h */
    gr_run_folder folder;        /* all NULL: not opened yet */
    uint8_t *pixels;             /* [batch, S, S, 3]; NULL: */
    float *images; /* [batch, 3, S, S], where mixing or erasing acts on normalised images */
    int32_t *labels;
    float *targets; /* [batch, classes]; NULL: labels will do */
    int fetched;    /* images of the batch after the one at work, which is staged; 0: none is */
    graft_status fetching; /* whether that went well, which is told when its turn comes */
    double started, step_seconds, train_seconds;
    uint64_t images_done;
    float loss, lr;
    bool stopped; /* by the progress callback */
} gr_run;

/* The epochs that are done. */
static inline int gr_run_epoch(const gr_run *r)
{
    return (int)(r->at.step / r->steps_per_epoch);
}

/* From the settings in `p` to the position of the next step; with `resume` that of the checkpoint.
 * After a failure the caller finishes the run all the same. */
graft_status gr_run_start(gr_run *r, graft_device *device);

#endif
