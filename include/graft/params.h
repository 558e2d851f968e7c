/* What training, evaluation and search are told alike: enumerations. Enumerators keep their values,
 * and tables of settings (settings.h) name them in their order. */
#ifndef GRAFT_PARAMS_H
#define GRAFT_PARAMS_H

/* ---- Updates ---------------------------------------------------------------------------------- */

typedef enum graft_optimizer {
    GRAFT_OPTIMIZER_ADAMW, /* Loshchilov and Hutter, arXiv 1711.05101 */
    GRAFT_OPTIMIZER_SGD,   /* with momentum; weight decay is added to the gradient, as in torch */
} graft_optimizer;

/* The learning rate over the epochs, after a linear warm-up. */
typedef enum graft_schedule {
    GRAFT_SCHEDULE_CONSTANT,    /* lr */
    GRAFT_SCHEDULE_COSINE,      /* half a cosine from lr to min_lr, from the warm-up's end on */
    GRAFT_SCHEDULE_TIMM_COSINE, /* the same from epoch 0 on; the warm-up hides its beginning, so
                                 * that the rate falls short of lr */
    GRAFT_SCHEDULE_RESTARTS,    /* cosines from lr to min_lr, the first `restart_epochs` long, each
                                 * next one `restart_factor` times the one before (Loshchilov and
                                 * Hutter, arXiv 1608.03983) */
} graft_schedule;

/* How often the learning rate is read off its schedule. */
typedef enum graft_lr_step {
    GRAFT_LR_STEP_ITERATION,
    GRAFT_LR_STEP_EPOCH,      /* epoch e is trained with the schedule's value at e */
    GRAFT_LR_STEP_LATE_EPOCH, /* epoch e >= 1 with its value at e - 1: it is read after each epoch */
} graft_lr_step;

/* ---- The network ------------------------------------------------------------------------------ */

/* How the head's weight [C, D] and bias [C] start. */
typedef enum graft_head_init {
    GRAFT_HEAD_INIT_UNIFORM,   /* both uniform in +-1/sqrt(D): torch's Linear; Convpass */
    GRAFT_HEAD_INIT_ZERO,      /* RLRR */
    GRAFT_HEAD_INIT_TRUNCATED, /* truncated normal of deviation 0.02, bias 0: timm; SSF */
    GRAFT_HEAD_INIT_NARROW,    /* truncated normal of deviation 0.01, bias uniform: AdaptFormer */
    GRAFT_HEAD_INIT_KAIMING,   /* normal of deviation sqrt(2/C), bias -ln 99: VPT, FreqFit */
} graft_head_init;

#endif
