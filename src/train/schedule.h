/* Learning rates over a run: a curve over the epochs, and how often it is read.
 *
 *   paper's code              curve         read
 *   SSF                       timm-cosine   epoch
 *   Convpass, RLRR, NOAH      timm-cosine   late-epoch
 *   VPT, FreqFit              cosine        epoch
 *   AdaptFormer               cosine        iteration
 *   RLRR on CUB and Dogs      restarts      late-epoch
 *
 * Sums and products are taken in the order of those codes: the rates are theirs to the last bit.
 */
#ifndef GR_SCHEDULE_H
#define GR_SCHEDULE_H

#include "base/log.h"

#include <stdint.h>

typedef enum gr_curve {
    GR_CURVE_CONSTANT,    /* lr */
    GR_CURVE_COSINE,      /* half a cosine from lr to min_lr, from the warm-up's end to `epochs` */
    GR_CURVE_TIMM_COSINE, /* the same from epoch 0 on; the warm-up hides its beginning, so that the
                           * rate falls short of lr */
    GR_CURVE_RESTARTS,    /* cosines from lr to min_lr, the first `restart_epochs` long, each next
                           * one `restart_factor` times the one before (Loshchilov and Hutter) */
} gr_curve;

typedef enum gr_lr_step {
    GR_LR_STEP_ITERATION,
    GR_LR_STEP_EPOCH,      /* epoch e is trained with the curve's value at e */
    GR_LR_STEP_LATE_EPOCH, /* epoch e >= 1 with its value at e - 1: it is read after each epoch */
} gr_lr_step;

typedef struct gr_schedule {
    gr_curve curve;
    gr_lr_step step;
    double lr, min_lr;
    double epochs;                   /* where the cosine ends; min_lr from there on */
    double warmup_epochs, warmup_lr; /* linear from warmup_lr to lr */
    double restart_epochs, restart_factor;
} gr_schedule;

/* By name; an unknown one is an error that lists the valid ones. */
graft_status gr_curve_named(graft_log *log, const char *name, gr_curve *out);
graft_status gr_lr_step_named(graft_log *log, const char *name, gr_lr_step *out);

/* The curve at epoch `t`, which may be a fraction. */
double gr_schedule_curve(const gr_schedule *schedule, double t);

/* The rate of update `step`, counted from 0. */
double gr_schedule_lr(const gr_schedule *schedule, uint64_t step, uint64_t steps_per_epoch);

#endif
