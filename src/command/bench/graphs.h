/* Operators as programs, and their check against the reference. */
#ifndef BENCH_GRAPHS_H
#define BENCH_GRAPHS_H

#include "command/bench/bench.h"

enum { BENCH_MAX_INPUTS = 4 };

/* A graph in the making. What is computed falls into units along the first axis (images, rows) that
 * do not depend on each other: the reference computes some of them only. */
typedef struct bench_graph {
    graft_graph *graph;
    int64_t units; /* that this graph has */
    int64_t first; /* unit of the whole that its first one is */
    bool whole;    /* units are not independent after all: set by what builds it */
    double flop;   /* of all its units, set by what builds it; 0: memory decides */
    double weight_bytes;
    graft_value *inputs[BENCH_MAX_INPUTS];
    int64_t elements[BENCH_MAX_INPUTS]; /* of an input; before it, of a unit times `first` */
    int64_t skipped[BENCH_MAX_INPUTS];
    int input_count;
    bool failed;
} bench_graph;

/* An input of the graph's units, [units, ...]: `rest` is the shape of one. */
graft_value *bench_units(bench_graph *g, graft_shape rest);

/* An input that all units see, and one that never changes, as weights do. */
graft_value *bench_input(bench_graph *g, graft_shape shape);
graft_value *bench_weight(bench_graph *g, graft_shape shape);

/* Builds the value whose computation is measured; `shape` is that of the work. */
typedef graft_value *bench_build(bench_graph *g, const int64_t *shape);

/* What a program does, for bench_work.spec. */
typedef struct bench_op {
    const char *name;
    bench_build *build;
    int64_t units;    /* 0: the first number of the shape */
    double unit_work; /* multiply-adds of one for the reference, roughly; 0: few */
} bench_op;

/* bench_work.open of a bench_op. */
graft_status bench_open_graph(bench *b, bench_device *device, const bench_work *work,
                              bench_run *run);

#endif
