/* WHAT is computed: a graph of values, each the result of an operator on other values.
 *
 * A graph knows shapes and gradients; it does not know devices. Values are made by the functions
 * of ops/ops.h and live as long as their graph. Building is "sticky": after the first error every
 * further call returns NULL, and functions accept NULL values, so that a whole network can be
 * written down and checked once with gr_graph_status().
 *
 * Thread-safety: one graph may be used by one thread at a time.
 */
#ifndef GR_GRAPH_H
#define GR_GRAPH_H

#include "base/log.h"
#include "base/shape.h"

#include <graft/graph.h>

#define GR_MAX_INPUTS 8

/* The public handles are the internal ones. */
typedef graft_graph gr_graph;
typedef graft_value gr_value;
typedef struct gr_op gr_op;

typedef enum gr_value_kind {
    GR_VALUE_INPUT,  /* given by the caller before each run */
    GR_VALUE_FROZEN, /* never changes: its layout on the device may be prepared ahead of time */
    GR_VALUE_PARAM,  /* trainable */
    GR_VALUE_STATE,  /* changed by training, but not by its gradients: see `change` */
    GR_VALUE_RESULT, /* computed by an operator */
} gr_value_kind;

struct graft_value {
    gr_graph *graph;
    int id; /* index in creation order: inputs of an operator come before its result */
    gr_value_kind kind;
    gr_dtype dtype;
    gr_shape shape;
    const char *name; /* never NULL; unique but for RESULT */
    bool needs_grad;  /* depends on a PARAM */
    bool boundary;    /* the input of a block: see gr_graph_recompute */
    const gr_op *op;  /* RESULT only */
    int input_count;
    gr_value *input[GR_MAX_INPUTS];
    const void
        *attrs; /* RESULT: what the operator must know beside its inputs, in its own struct */
    /* STATE: what each run of a training plan adds to it, of its shape; NULL: nothing. */
    gr_value *change;
    /* FROZEN: the data; PARAM, STATE: start values. Borrowed; contiguous elements of
     * `source_dtype`. */
    const void *source;
    gr_dtype source_dtype;
    bool source_is_mapped; /* by gr_file_map */
};

gr_graph *gr_graph_create(graft_log *log);

/* Frees the graph once all that share it have let it go. NULL is accepted. */
void gr_graph_destroy(gr_graph *graph);

/* The graph lives on until one more gr_graph_destroy. */
gr_graph *gr_graph_share(gr_graph *graph);

/* GRAFT_OK, or the first error that building met. */
graft_status gr_graph_status(const gr_graph *graph);

/* Marks the graph as failed (first error wins) and reports it; returns NULL. */
gr_value *gr_graph_fail(gr_graph *graph, graft_status status, const char *fmt, ...)
    GRAFT_PRINTF(3, 4);

graft_log *gr_graph_log(const gr_graph *graph);
int gr_graph_count(const gr_graph *graph);
gr_value *gr_graph_at(const gr_graph *graph, int id);
gr_value *gr_graph_find(const gr_graph *graph, const char *name); /* no RESULT */

/* Zeroed memory that lives as long as the graph, e.g. for constant tables. */
void *gr_graph_memory(gr_graph *graph, size_t size_bytes);

gr_value *gr_graph_input(gr_graph *graph, const char *name, gr_dtype dtype, gr_shape shape);
gr_value *gr_graph_frozen(gr_graph *graph, const char *name, gr_shape shape, gr_dtype dtype,
                          const void *source);

/* The same of integers that stay integers, such as the places a scatter writes to. */
gr_value *gr_graph_frozen_i32(gr_graph *graph, const char *name, gr_shape shape,
                              const int32_t *source);
gr_value *gr_graph_param(gr_graph *graph, const char *name, gr_shape shape, gr_dtype dtype,
                         const void *source);

/* A tensor that is kept from run to run, such as a running mean; its `change` is set by the caller.
 */
gr_value *gr_graph_state(gr_graph *graph, const char *name, gr_shape shape, gr_dtype dtype,
                         const void *source);

/* Appends the result of an operator: runs its shape rule. For use by src/ops. attrs: the operator's
 * struct, of which a copy is kept; NULL: all zero. */
gr_value *gr_graph_result(gr_graph *graph, const gr_op *op, gr_value *const *inputs, int count,
                          const void *attrs);

#endif
