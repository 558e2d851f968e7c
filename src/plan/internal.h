/* The inside of a plan, shared by the files of this folder. */
#ifndef GR_PLAN_INTERNAL_H
#define GR_PLAN_INTERNAL_H

#include <graft/params.h>

#include "plan/lower.h"
#include "plan/plan.h"

/* Storage that dispatches name. */
typedef struct gr_slot {
    uint64_t bytes;
    const gr_value *source; /* INPUT, FROZEN or PARAM: the store has it. NULL: computed */
    const char *packed;     /* the store's name of a packed form */
    gr_region region;       /* known after gr_plan_prepare, for sinks and bound ones before */
    bool external;          /* not part of the planned memory */
    bool keep;              /* an output: lives to the end */
    graft_weights kept; /* of `source`: not F32: dispatches read the floats of gr_plan_widened */
    int widened;        /* where they are */
    size_t widened_for; /* plan->operators; 0: not yet */
    int first, last;    /* steps that use it; -1: none */
    int block;          /* where in planned memory */
    uint64_t offset;
} gr_slot;

/* One command on slots. */
typedef struct gr_step {
    gr_command_kind kind;
    const char *label;
    gr_launch launch; /* slots of copies, fills and library operations too */
    uint32_t params[GR_MAX_PARAM_BYTES / 4];
    int slot_count;
    uint32_t written;
    gr_library *library; /* owned by the plan */
} gr_step;

/* Dispatches that fill one packed weight, run once. */
typedef struct gr_pack_job {
    const gr_value *value;
    int raw_slot, slot;
    gr_step *steps;
    size_t step_count;
} gr_pack_job;

typedef struct gr_value_state {
    bool ready;
    gr_view view;
    bool has_destination; /* a consumer asked for the result at `view` */
    int users;
    gr_value *user; /* the only one when users == 1 */
} gr_value_state;

/* A list of its own for some of the steps. */
typedef struct gr_segment {
    size_t first, count; /* steps */
    gr_list *list;
} gr_segment;

struct gr_plan {
    graft_log *log;
    graft_status status;
    gr_store *store;
    gr_device *device;
    bool profile, tentative;
    gr_value_state *values; /* by id */
    gr_value **order;       /* RESULT values to compute, inputs first */
    size_t order_count;
    gr_slot *slots;
    size_t slot_count;
    gr_step *steps;
    size_t step_count;
    gr_pack_job *jobs;
    size_t job_count;
    gr_pack_job *packing; /* dispatches go to this job while its pack function runs */
    const char *label;    /* the operator being lowered */
    size_t operators;     /* how many were, with it */
    /* outputs and sinks */
    gr_view *output_views;
    gr_value **outputs;
    int output_count;
    /* memory */
    gr_scratch *scratch; /* lends the blocks; NULL: they are the plan's own */
    uint64_t *block_bytes;
    size_t block_count;
    gr_buffer **blocks;
    /* recorded */
    gr_library **libraries;
    size_t library_count;
    int segment_steps;    /* at most so many in a segment; 0: all in one */
    gr_segment *segments; /* one after the other; NULL: not recorded */
    size_t segment_count;
};

int gr_plan_new_slot(gr_plan *plan, uint64_t bytes);
graft_status gr_plan_order(gr_plan *plan, gr_value *const *roots, int count);
void gr_plan_choose_destinations(gr_plan *plan);
graft_status gr_plan_layout(gr_plan *plan);
/* The slot that a dispatch reads in the place of this one: the same, but for a weight that is kept
 * in fewer bits, whose floats are made before it. */
int gr_plan_widened(gr_plan *plan, int slot);

gr_view gr_plan_dense_copy(gr_plan *plan, const gr_view *from);
graft_status gr_plan_load_constants(gr_plan *plan);

/* All memory that preparing takes, in its order, and nothing else when the store is dry. */
graft_status gr_plan_take_memory(gr_plan *plan);
graft_status gr_plan_record(gr_plan *plan);
void gr_plan_forget(gr_plan *plan); /* what was recorded; it must not be running */

#endif
