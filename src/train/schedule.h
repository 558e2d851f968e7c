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

#include <graft/params.h>

#include "base/log.h"

#include <stdint.h>

typedef struct gr_schedule {
    graft_schedule curve;
    graft_lr_step step;
    double lr, min_lr;
    double epochs;                   /* where the cosine ends; min_lr from there on */
    double warmup_epochs, warmup_lr; /* linear from warmup_lr to lr */
    double restart_epochs, restart_factor;
} gr_schedule;

/* The curve at epoch `t`, which may be a fraction. */
double gr_schedule_curve(const gr_schedule *schedule, double t);

/* The rate of update `step`, counted from 0. */
double gr_schedule_lr(const gr_schedule *schedule, uint64_t step, uint64_t steps_per_epoch);

#endif
