#include "train/budget.h"

#include "base/system.h"
#include "base/log.h"

gr_budget gr_budget_begin(double seconds)
{
    return (gr_budget){.seconds = seconds, .end = gr_seconds() + seconds};
}

bool gr_budget_is_spent(const gr_budget *budget, const gr_timings *timings, int next)
{
    double left = budget->end - gr_seconds();
    return budget->worked && (left <= 0.0 || timings->seconds[next] > left);
}

int gr_budget_take(gr_budget *budget, const gr_timings *timings, int first, int rest)
{
    const double *seconds = timings->seconds + first;
    int count = 1;
    budget->queued = gr_seconds();
    if (seconds[0] <= 0.0)
        return 1;
    double left = budget->end - budget->queued - seconds[0];
    for (; count < rest && seconds[count] > 0.0 && seconds[count] <= left; count++)
        left -= seconds[count];
    return count;
}

/* One measure of several is shared out as the ones before it were. A wait costs something, too,
 * that those before had each and these have once: so the times of many settle where calls of the
 * usual length put them. */
graft_status gr_budget_wait(gr_budget *budget, gr_device *device, gr_timings *timings, int first,
                            int count)
{
    double *seconds = timings->seconds + first, expected = 0.0;
    GR_TRY(gr_device_wait(device));
    double took = gr_seconds() - budget->queued;
    budget->worked = true;
    for (int i = 0; i < count; i++)
        expected += seconds[i];
    for (int i = 0; i < count; i++)
        seconds[i] = expected > 0.0 ? seconds[i] * (took / expected) : took;
    return GRAFT_OK;
}
