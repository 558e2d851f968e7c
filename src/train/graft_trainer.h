/* The inside of a graft_trainer, shared by its files. */
#ifndef GR_GRAFT_TRAINER_H
#define GR_GRAFT_TRAINER_H

#include <graft/buffer.h>
#include <graft/trainer.h>

#include "adapter/evaluate.h"
#include "base/ranks.h"
#include "base/span.h"
#include "train/trainer_setup.h"
#include "train/unused_parameters.h"

/* Where the step at hand stands. */
typedef enum gr_phase {
    GR_PHASE_NONE,       /* no gradients */
    GR_PHASE_GRADIENTS,  /* a budget was spent while they were made */
    GR_PHASE_READY,      /* gradients are there */
    GR_PHASE_UPDATE_DUE, /* and a budget was spent before the update of the same step */
} gr_phase;

struct graft_trainer {
    graft_log *log;
    gr_run_setup setup;
    gr_trainer *core;
    gr_unused_parameters *unused; /* of graft_trainer_run; NULL: it was not called yet */
    char *identity;               /* of the settings; malloc */
    graft_trainer_info info;
    bool soft_targets;
    uint64_t steps_per_epoch;
    double lr;     /* with steps_per_epoch 0 */
    uint64_t step; /* updates done */
    gr_phase phase;
    graft_batch batch; /* of the step that is not done */
    float loss;        /* of the gradients at hand */
    graft_ranks ranks; /* count 0: this process alone */
    float *exchange;   /* [trainable + 2], with several ranks */
    gr_spans spans;
    bool profile; /* kernels are measured */
};

/* Whether a budget was spent in the middle of a step. */
static inline bool gr_is_half_done(const graft_trainer *t)
{
    return t->phase == GR_PHASE_GRADIENTS || t->phase == GR_PHASE_UPDATE_DUE;
}

graft_status gr_refuse_half_done(const graft_trainer *t, const char *what);

/* Of a batch: one kind of images, as many as may be; and labels of the classes. */
graft_status gr_trainer_check_images(const graft_trainer *trainer, const graft_batch *batch,
                                     bool evaluating);
graft_status gr_trainer_check_labels(const graft_trainer *trainer, const graft_batch *batch);

/* Becomes one of several trainers that take each step together. */
graft_status gr_trainer_join(graft_trainer *trainer, const graft_ranks *ranks);

/* With several ranks: what a batch is to all of them, of which this rank has `batch`, unless `mine`
 * says what went wrong with it; *total: its images. */
graft_status gr_trainer_share_batch(const graft_trainer *trainer, graft_status mine,
                                    const graft_batch *batch, gr_batch_part *part, int *total);

/* With several ranks: gradients and loss become those of the whole batch, unless `mine`, of this
 * rank's part of them, or that of another is an error. */
graft_status gr_trainer_sum_over_ranks(graft_trainer *trainer, graft_status mine);

/* With several ranks: a score becomes that of all images. */
graft_status gr_trainer_share_score(const graft_trainer *trainer, graft_status mine,
                                    gr_score *score);

/* With `ema` the averages take the place of the values, or the other way round. */
graft_status gr_swap_averages(graft_trainer *trainer);

#endif
