/* A small vision transformer on tokens, for tests of graphs and plans. */
#ifndef GRAPH_TOY_H
#define GRAPH_TOY_H

#include "graph/graph.h"

#define TOY_MAX_PARAMS 4

typedef struct toy_config {
    int64_t batch, tokens, dim, heads, classes;
    int blocks;
    float drop_path, dropout; /* rates in the last block */
    bool push_slices;
} toy_config;

typedef struct toy {
    gr_graph *graph;
    gr_value *tokens, *labels, *scalars; /* inputs */
    gr_value *logits, *loss;
    gr_value *params[TOY_MAX_PARAMS]; /* head weight and bias, low-rank pair of the last qkv */
    gr_value *grads[TOY_MAX_PARAMS];
    int param_count;
} toy;

/* Frozen blocks, a trained low-rank addition to the last qkv, and a trained head on token 0. */
void toy_open(toy *t, graft_log *log, const toy_config *config);
void toy_close(toy *t);

/* Values of `op` among all that `root` is computed from, itself included. */
int toy_count(const gr_value *root, const gr_op *op);

/* Elements of the largest of them. */
int64_t toy_largest(const gr_value *root, const gr_op *op);

#endif
