/* The inside of a program: a plan whose inputs and outputs lie where the application says. */
#ifndef GR_COMPUTE_PROGRAM_H
#define GR_COMPUTE_PROGRAM_H

#include "compute/buffer.h"
#include "ops/scalars.h"
#include "plan/plan.h"

#include <graft/program.h>

/* An input or output of the graph, and where it lies. */
typedef struct gr_program_slot {
    graft_value *value;
    bool output;
    graft_buffer *buffer; /* shared; NULL: nowhere yet */
    gr_region region;
} gr_program_slot;

/* Parameters and state of programs that share them. */
typedef struct gr_program_state {
    gr_store *store;
    int users;
} gr_program_state;

struct graft_program {
    graft_log *log;
    gr_device *device;
    graft_graph *graph;      /* shared */
    gr_store *store;         /* constants */
    gr_program_state *state; /* parameters and state */
    gr_plan *plan;
    gr_program_slot *slots;
    size_t slot_count;
    gr_program_slot *scalars; /* what changes from run to run; NULL: nothing reads them */
    graft_optimizer_params optimizer;
    uint64_t seed, run;
    bool profiled;
    bool checked; /* the bindings, since they last changed */
};

/* The binding of a value, or NULL. */
gr_program_slot *gr_program_find(graft_program *program, const graft_value *value, bool output);

/* Gives what lies nowhere a buffer of its own. */
graft_status gr_program_own_buffer(graft_program *program, gr_program_slot *slot);

/* What changes from run to run, for the next one. */
gr_scalars gr_program_scalars(const graft_program *program);

/* Whether all inputs and outputs lie somewhere, and no output where something else does. */
graft_status gr_program_check_bindings(graft_program *program);

#endif
