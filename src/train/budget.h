/* How much of a step fits into a span of time: what is measured in one step tells what to queue in
 * the next.
 *
 * Thread-safety: one thread at a time, as the device.
 */
#ifndef GR_BUDGET_H
#define GR_BUDGET_H

#include "device/device.h"

/* Seconds that each segment of a step took lately, from its submission to its end; 0: not known. */
typedef struct gr_timings {
    double *seconds;
    int count;
} gr_timings;

/* One call's. */
typedef struct gr_budget {
    double seconds; /* the span, */
    double end;     /* and its end by gr_seconds() */
    double queued;  /* when the segments at work were queued */
    bool worked;    /* at least one segment has run */
} gr_budget;

gr_budget gr_budget_begin(double seconds);

/* Whether segment `next` should wait for another call. Never before something has run: every call
 * gets on, however small its budget. */
bool gr_budget_is_spent(const gr_budget *budget, const gr_timings *timings, int next);

/* How many of the `rest` segments from `first` on should be queued now: as many as fit by their
 * timings, at least one; one whose time is not known runs alone. */
int gr_budget_take(gr_budget *budget, const gr_timings *timings, int first, int rest);

/* Waits for the segments that were taken and queued, and learns their times. */
graft_status gr_budget_wait(gr_budget *budget, gr_device *device, gr_timings *timings, int first,
                            int count);

#endif
