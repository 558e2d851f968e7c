#include "train/schedule.h"

#include <math.h>
#include <string.h>

graft_status gr_schedule_named(graft_log *log, const char *name, gr_schedule_kind *out)
{
    if (strcmp(name, "constant") == 0)
        *out = GR_SCHEDULE_CONSTANT;
    else if (strcmp(name, "cosine") == 0)
        *out = GR_SCHEDULE_COSINE;
    else
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "schedule '%s': expected cosine or constant", name);
    return GRAFT_OK;
}

double gr_schedule_lr(const gr_schedule *s, double t)
{
    if (t < s->warmup_epochs)
        return s->warmup_lr + t * (s->lr - s->warmup_lr) / s->warmup_epochs;
    if (s->kind == GR_SCHEDULE_CONSTANT)
        return s->lr;
    double length = s->epochs - s->warmup_epochs;
    double x = length > 0 ? (t - s->warmup_epochs) / length : 1.0;
    if (x >= 1.0)
        return s->min_lr;
    return s->min_lr + (s->lr - s->min_lr) * (1.0 + cos(3.14159265358979323846 * x)) / 2.0;
}
