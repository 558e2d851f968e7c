/* Private to this room: a training at work. */
#ifndef GR_RUN_H
#define GR_RUN_H

#include <graft/trainer.h>

#include "adapter/input.h"
#include "data/loader.h"
#include "run/data.h"
#include "run/events.h"
#include "run/folder.h"
#include "run/metrics.h"
#include "run/position.h"

typedef struct gr_run {
    graft_log *log;
    graft_device *device;
    const graft_train_params *p;
    gr_run_data data;
    graft_trainer *trainer;
    const graft_trainer_info *info;
    gr_input input;
    gr_loader *loader;
    gr_metrics *metrics;
    gr_events *events; /* NULL: not asked for */
    gr_position at;    /* now */
    gr_position saved; /* in the checkpoint of this call; its step UINT64_MAX: none */
    int batch;         /* images of a step */
    size_t steps_per_epoch;
    int epochs; /* of the whole run */
    uint64_t steps;
    char *config, *provenance; /* texts of config.json and of the checkpoint */
    gr_run_folder folder;      /* all NULL: not opened yet */
    uint8_t *pixels;           /* [batch, S, S, 3]; NULL: */
    float *images; /* [batch, 3, S, S], where mixing or erasing acts on normalised images */
    int32_t *labels;
    float *targets;        /* [batch, classes]; NULL: labels will do */
    int fetched[2];        /* images of the batches of even and odd steps */
    uint32_t *numbers[2];  /* their places in the dataset, [batch] each */
    graft_status fetching; /* what was wrong with the batch that is missing */
    graft_status status;   /* of what follows a step */
    double started, began, step_seconds, train_seconds;
    uint64_t images_done;
    float loss, lr;
    bool stopped; /* by the progress callback */
} gr_run;

/* The epochs that are done. */
static inline int gr_run_epoch(const gr_run *r)
{
    return (int)(r->at.step / r->steps_per_epoch);
}

/* Of a zeroed run. */
void gr_run_init(gr_run *r, graft_log *log, graft_device *device, const graft_train_params *p);

/* Frees what it has, and itself: it is a gr_alloc() of its own. */
void gr_run_free(gr_run *r);

/* From the settings in `p` to a trainer and batches, from the first one on; nothing is written. */
graft_status gr_run_prepare(gr_run *r);

/* From the settings in `p` to the position of the next step; with `resume` that of the checkpoint.
 * After a failure the caller finishes the run all the same. */
graft_status gr_run_start(gr_run *r);

/* The batch of a step, a source of graft_trainer_run; `run` is a gr_run. None where the image files
 * fail, which r->fetching tells. */
graft_status gr_run_next_batch(void *run, uint64_t step, graft_batch *batch);

/* Evaluates on the test images, in their order. */
graft_status gr_run_evaluate(gr_run *r, graft_evaluate_callback *callback,
                             graft_eval_result *result);

#endif
