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
    int batch;         /* images of a step, of all ranks */
    int rows;          /* of them those of this one, at most */
    size_t steps_per_epoch;
    int epochs; /* of the whole run */
    uint64_t steps;
    char *config, *provenance; /* texts of config.json and of the checkpoint */
    gr_run_folder folder;      /* all NULL: not opened yet */
    uint8_t *pixels;           /* [loaded, S, S, 3]; NULL: */
    float *images; /* [loaded, 3, S, S], where mixing or erasing acts on normalised images */
    int32_t *labels;
    float *targets;       /* [loaded, classes]; NULL: labels will do */
    uint32_t *numbers[2]; /* places in the dataset of the images of even and odd steps, [loaded] */
    int loaded;           /* images that are loaded for a step: of all ranks where they are mixed */
    graft_status status;  /* of what follows a step */
    double started, began, step_seconds, train_seconds;
    uint64_t images_done;
    float loss, lr;
    bool stopped;    /* by the progress callback */
    int rank, ranks; /* of so many that train together */
} gr_run;

/* Whether it is the one that writes. */
static inline bool gr_run_writes(const gr_run *r)
{
    return r->rank == 0;
}

/* The epochs that are done. */
static inline int gr_run_epoch(const gr_run *r)
{
    return (int)(r->at.step / r->steps_per_epoch);
}

static inline gr_spans gr_run_spans(const gr_run *r)
{
    return (gr_spans){r->p->span, r->p->span_user};
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

/* Images of the batch of a step, of all ranks. */
int gr_run_batch_images(const gr_run *r, uint64_t step);

/* This rank's part of it, a source of graft_trainer_run; `run` is a gr_run. */
graft_status gr_run_next_batch(void *run, uint64_t step, graft_batch *batch);

/* What all ranks must have in common, and where they stand: another one's is refused by all. */
graft_status gr_run_agree_on_start(gr_run *r);
graft_status gr_run_agree_on_position(gr_run *r);

/* Evaluates on the test images, in their order, each rank on its part. */
graft_status gr_run_evaluate(gr_run *r, graft_evaluate_callback *callback,
                             graft_eval_result *result);

#endif
