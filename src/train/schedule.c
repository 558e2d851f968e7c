#include "train/schedule.h"

#include <math.h>
#include <string.h>

static const double PI = 3.14159265358979323846;

/* `angle` runs from 0 to pi. */
static double half_cosine(const gr_schedule *s, double angle)
{
    return s->min_lr + (s->lr - s->min_lr) * (0.5 * (1.0 + cos(angle)));
}

static double warmup(const gr_schedule *s, double t)
{
    double rise = s->lr - s->warmup_lr;
    if (s->curve == GRAFT_SCHEDULE_TIMM_COSINE)
        return s->warmup_lr + t * (rise / s->warmup_epochs);
    if (s->step == GRAFT_LR_STEP_ITERATION)
        return s->warmup_lr + rise * t / s->warmup_epochs;
    return s->warmup_lr + rise * (t / s->warmup_epochs);
}

static double cosine(const gr_schedule *s, double t)
{
    double done = t - s->warmup_epochs, length = s->epochs - s->warmup_epochs;
    if (done >= length)
        return s->min_lr;
    return half_cosine(s, s->step == GRAFT_LR_STEP_ITERATION ? PI * done / length
                                                             : PI * (done / length));
}

static double timm_cosine(const gr_schedule *s, double t)
{
    return t < s->epochs ? half_cosine(s, PI * t / s->epochs) : s->min_lr;
}

static double restarts(const gr_schedule *s, double t)
{
    double period = s->restart_epochs, done = t - s->warmup_epochs;
    if (s->restart_factor <= 1.0)
        return half_cosine(s, PI * fmod(done, period) / period);
    for (; done >= period; period *= s->restart_factor)
        done -= period;
    return half_cosine(s, PI * done / period);
}

double gr_schedule_curve(const gr_schedule *s, double t)
{
    if (t < s->warmup_epochs)
        return warmup(s, t);
    switch (s->curve) {
    case GRAFT_SCHEDULE_COSINE:
        return cosine(s, t);
    case GRAFT_SCHEDULE_TIMM_COSINE:
        return timm_cosine(s, t);
    case GRAFT_SCHEDULE_RESTARTS:
        return restarts(s, t);
    case GRAFT_SCHEDULE_CONSTANT:
        break;
    }
    return s->lr;
}

double gr_schedule_lr(const gr_schedule *s, uint64_t step, uint64_t steps_per_epoch)
{
    uint64_t epoch = step / steps_per_epoch;
    double part = (double)(step % steps_per_epoch) / (double)steps_per_epoch;
    switch (s->step) {
    case GRAFT_LR_STEP_ITERATION:
        return gr_schedule_curve(s, (double)epoch + part);
    case GRAFT_LR_STEP_LATE_EPOCH:
        epoch -= epoch > 0;
        break;
    case GRAFT_LR_STEP_EPOCH:
        break;
    }
    return gr_schedule_curve(s, (double)epoch);
}
