/* Operator tests: a case builds a value from operands, and everything else is the harness.
 *
 * For each case, and for each form in which its operands may lie in memory, the harness
 *  - runs the value on the reference device and on every other device, and compares;
 *  - runs it in planned memory twice, and expects equal bits;
 *  - runs it with every tensor in memory of its own between guard words, with frozen operands,
 *    and expects the guards unharmed;
 *  - fills all memory with NaN first, so that whatever is read before it is written shows;
 *  - takes one index of an axis, before the operator where it says that this is the same;
 *  - makes a loss of it and compares gradients with central differences on the reference device,
 *    with one operand trainable at a time and with all, and the gradients of all devices.
 *
 * To add a case: a build function, and lines for it in the table of its group (cases_*.c).
 */
#ifndef OP_TEST_H
#define OP_TEST_H

#include "compare.h"
#include "devices.h"
#include "graph/graph.h"
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/store.h"

#define OP_MAX_OPERANDS 8

/* How operands lie in memory. */
typedef enum op_form {
    OP_PLAIN,
    OP_SLICED,     /* part of a wider last axis: rows apart from one another */
    OP_OFFSET,     /* part of a longer first axis: dense, but not at the start */
    OP_TRANSPOSED, /* last two axes the wrong way round */
    OP_TURNED,     /* all axes the wrong way round and merged: needs a copy */
    OP_FORM_COUNT
} op_form;

extern const char *const op_form_names[OP_FORM_COUNT];

typedef enum op_flags {
    OP_BIG = 1,         /* not on slow devices, no gradients, plain form only */
    OP_PLAIN_ONLY = 2,  /* the case has views of its own */
    OP_NO_GRADIENT = 4, /* the operator has none, or the case is about something else */
} op_flags;

typedef struct op_build op_build;

typedef struct op_case {
    const char *name;
    const gr_op *op; /* what the case is for */
    gr_value *(*build)(op_build *b);
    int64_t n[8];  /* sizes: their meaning is the build function's */
    int64_t terms; /* numbers summed for one result, 0 for few: widens the tolerance */
    unsigned flags;
} op_case;

typedef struct op_group {
    const char *name;
    const op_case *cases;
    int count;
    tolerance allowed; /* for results of up to four terms */
    double growth;     /* the absolute tolerance grows as this power of the terms */
} op_group;

extern const op_group *const op_groups[];
extern const int op_group_count;

/* One tensor that a graph is given. */
typedef struct op_operand {
    gr_value *value;
    void *data; /* lives as long as the graph */
    bool fixed; /* labels, scalars, the head: never differentiated */
} op_operand;

/* A graph of a case. */
struct op_build {
    gr_graph *graph;
    const op_case *test;
    op_form form;
    bool inputs;     /* operands are INPUT; otherwise ... */
    unsigned params; /* ... PARAM where bit i is set for operand i, FROZEN where not */
    op_operand operand[OP_MAX_OPERANDS];
    int count;
    gr_value *y;
    gr_value *loss; /* after op_build_loss */
};

/* Builds the case; fails the test when it does not build. */
void op_build_open(op_build *b, graft_log *log, const op_case *test, op_form form);
void op_build_close(op_build *b);

/* For build functions: operands, in the form of the run. Numbers are uniform in [low, high) and
 * depend on the place in the list of operands only. */
gr_value *op_operand_of(op_build *b, gr_shape shape);
gr_value *op_operand_in(op_build *b, gr_shape shape, float low, float high);

/* Numbers at least 0.1 away from 0, where relu has no derivative. */
gr_value *op_operand_away_from_zero(op_build *b, gr_shape shape);

/* Labels of `rows` samples: every third one does not count. */
gr_value *op_labels(op_build *b, int64_t rows, int64_t classes);

/* Targets [rows, classes]; their rows sum to about 1, but every third one to 0. */
gr_value *op_targets(op_build *b, int64_t rows, int64_t classes);
gr_value *op_scalars(op_build *b);

/* Random pixels [B, H, W], four bytes each. */
gr_value *op_pixels(op_build *b, gr_shape shape);

/* `count` distinct indices below `size`, from the last down. */
gr_value *op_indices(op_build *b, int64_t count, int64_t size);

/* Adds the loss: cross entropy of three fixed projections of y. */
void op_build_loss(op_build *b);

/* The same loss of given numbers, in double. */
double op_loss_of(const op_build *b, const float *y);

/* A plan of a build's values on a device, and its memory. */
typedef struct op_session {
    gr_device *device;
    const op_build *build;
    gr_store *store;
    struct gr_plan *plan;
    bool guarded;
    gr_buffer *owned[2 * OP_MAX_OPERANDS]; /* guarded operands, then the sink */
    gr_region region[OP_MAX_OPERANDS];
    gr_region sink;
    uint64_t guard_bytes;
    int runs;
} op_session;

/* Opens a plan of outputs; with a sink for `sink` (may be NULL), which starts at 1. Fails the
 * test when anything is refused. */
void op_session_open(op_session *s, gr_device *device, const op_build *b, gr_value *const *outputs,
                     int count, gr_value *sink, bool guarded);

/* Fills all planned memory with NaN, runs, waits, and checks guards. */
void op_session_run(op_session *s);
void op_session_set(op_session *s, int operand, const void *data);
void op_session_read(op_session *s, const gr_value *output, float *data);
void op_session_read_sink(op_session *s, float *data);
void op_session_close(op_session *s);

/* The worst errors met, by device and operator, for the table at the end. */
typedef struct op_figures {
    const gr_op *op;
    double value[TEST_MAX_DEVICES], gradient[TEST_MAX_DEVICES];
    double severity[TEST_MAX_DEVICES]; /* as a multiple of the tolerance */
} op_figures;

typedef struct op_context {
    const test_devices *devices;
    bool slow[TEST_MAX_DEVICES]; /* by index in devices->gpu */
    bool small;                  /* treat all as slow */
    op_figures *figures;
    int failures;
    const op_group *group;
} op_context;

/* What one cmocka test runs. */
typedef struct op_job {
    op_context *context;
    const op_group *group;
    const op_case *test;
} op_job;

/* See op_slices.c. */
void op_check_slices(op_context *c, const op_case *test);

void op_check_case(op_context *c, const op_group *group, const op_case *test);

/* Notes a failure of the case that runs, and prints it. */
void op_failure(op_context *c, const op_case *test, op_form form, const char *device,
                const char *fmt, ...) GRAFT_PRINTF(5, 6);

#endif
