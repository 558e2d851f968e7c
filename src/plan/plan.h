/* HOW a graph runs on one device: a fixed list of dispatches on fixed memory, recorded once.
 *
 * Making a plan has two steps. gr_plan_create lowers the graph and lays out its memory without
 * touching the device, so that a caller may ask gr_plan_memory and try another batch size.
 * gr_plan_prepare then uploads and packs weights, compiles kernels and records.
 *
 * Thread-safety: one thread at a time, as the device.
 */
#ifndef GR_PLAN_H
#define GR_PLAN_H

#include "graph/graph.h"
#include "plan/scratch.h"
#include "plan/store.h"
#include "plan/view.h"

#include <graft/program.h>

typedef struct gr_plan gr_plan;

/* `value` is added to `into` in each run, soon after it was computed: no value that is computed
 * later reads what is there. */
typedef struct gr_sink {
    gr_value *value;
    gr_region into; /* value's bytes; the buffer may be NULL when only gr_plan_memory is asked */
} gr_sink;

/* A change of what is kept from run to run, at the end of each: all that a run computes sees the
 * old numbers. `lower` emits it, given where `value` lies: dense, and no other update's target. */
typedef struct gr_update gr_update;
struct gr_update {
    graft_status (*lower)(gr_plan *plan, const gr_update *update, const gr_view *value);
    gr_value *target; /* PARAM or STATE */
    gr_value *value;
    const void *user;
};

typedef struct gr_plan_params {
    gr_store *store;          /* borrowed, outlives the plan */
    gr_value *const *outputs; /* readable after a run */
    int output_count;
    bool bound_outputs; /* each output lies where gr_plan_bind tells, not in planned memory */
    const gr_sink *sinks;
    int sink_count;
    gr_scratch *scratch; /* where values in between lie, see gr_plan_fits; borrowed, outlives the
                          * plan. NULL: the plan has memory of its own */
    const gr_update *updates;
    int update_count;
    bool profile;   /* measure each dispatch, see gr_plan_profile */
    bool tentative; /* values larger than the device takes are no error, but told at DEBUG level:
                     * the caller tries something smaller */
} gr_plan_params;

/* The graph is borrowed until gr_plan_prepare has returned; outputs' values until destruction. */
graft_status gr_plan_create(graft_log *log, const gr_plan_params *params, gr_plan **out);
void gr_plan_destroy(gr_plan *plan); /* NULL is accepted */

/* Bytes of intermediate values, and of the largest one. */
uint64_t gr_plan_memory(const gr_plan *plan, uint64_t *largest);
/* Whether its scratch is large enough; prepare when it is, else gr_plan_make_room first. */
bool gr_plan_fits(const gr_plan *plan);

/* Makes the scratch as large as the plan needs: no other plan with this scratch may be alive that
 * was prepared. */
graft_status gr_plan_make_room(gr_plan *plan);

int gr_plan_dispatch_count(const gr_plan *plan);

/* Multiply-adds of the products of a run. */
double gr_plan_work(const gr_plan *plan);

/* Bytes of device memory that preparing these plans of one store, one after the other, will add at
 * most at any time: intermediate values, inputs, weights that the store does not hold yet, and
 * what is there while they are packed. It is what preparing does, run dry: a tensor that the device
 * cannot hold is GRAFT_ERR_DEVICE_MEMORY, without a message when the plan is tentative. */
graft_status gr_plan_peak_memory(gr_plan *const *plans, int count, uint64_t *bytes);

/* After a failure the plan is good for nothing but destruction. */
graft_status gr_plan_prepare(gr_plan *plan);

/* The part of gr_plan_prepare that needs no binding: constants are uploaded and packed, kernels
 * compiled. */
graft_status gr_plan_load(gr_plan *plan);

/* Whether a run reads this INPUT, FROZEN, PARAM or STATE value. */
bool gr_plan_reads(const gr_plan *plan, const gr_value *value);

/* Says where an INPUT, PARAM or STATE value lies instead of in the store, or an output of a plan
 * with bound_outputs: offset aligned for the device, size that of the value. The caller keeps the
 * buffer alive. After a first run, waits for the device and lets the next run record anew. */
graft_status gr_plan_bind(gr_plan *plan, const gr_value *value, gr_region region);

/* Queues one run; does not wait. */
graft_status gr_plan_run(gr_plan *plan);

/* A run in several submits: cuts the list into segments of at most so many commands each, for all
 * further runs; waits and records anew unless they are that short already. */
graft_status gr_plan_cut(gr_plan *plan, int commands);

/* How many, where a driver gave up on a longer list. */
enum { GR_PLAN_SMALL_LIST = 8 };
int gr_plan_segment_commands(const gr_plan *plan, int segment);
int gr_plan_segments(const gr_plan *plan); /* 1 unless cut; 0 before gr_plan_prepare */

/* Queues segments first .. first + count - 1; all of them in order are one run. */
graft_status gr_plan_run_segments(gr_plan *plan, int first, int count);

/* The list of a segment, for other ways to run it; after gr_plan_prepare. */
gr_list *gr_plan_segment(const gr_plan *plan, int index);

/* Where an output lies; the region's buffer is NULL when it is none of this plan, or not prepared.
 */
gr_region gr_plan_output(const gr_plan *plan, const gr_value *output);

/* Copies an output to the host; waits for the run. */
graft_status gr_plan_read(gr_plan *plan, const gr_value *output, void *data);

/* Times of the last run of a plan with `profile`, longest first: up to `max` of the *count that
 * there are. Waits. */
graft_status gr_plan_times(gr_plan *plan, graft_kernel_time *times, int max, int *count);

/* The same, to the log at INFO level. */
graft_status gr_plan_profile(gr_plan *plan);

#endif
