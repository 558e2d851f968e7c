/* What the self-test computes: small graphs, one for each kind of operator and awkward shape. */
#ifndef GR_SELFTEST_CASES_H
#define GR_SELFTEST_CASES_H

#include <graft/graph.h>
#include <graft/ops.h>

enum { GR_SELFTEST_MAX_INPUTS = 4, GR_SELFTEST_MAX_KERNELS = 3 };

/* A graph under construction, with its operands: parameters, so that they have gradients. */
typedef struct gr_selftest_graph {
    graft_graph *graph;
    const int64_t *size; /* of the case */
    graft_value *inputs[GR_SELFTEST_MAX_INPUTS];
    int input_count;
} gr_selftest_graph;

typedef struct gr_selftest_case {
    const char *name;
    const char *kernels[GR_SELFTEST_MAX_KERNELS]; /* with rows in src/kernels that it exercises */
    graft_value *(*build)(gr_selftest_graph *g);
    int64_t size[4];
    bool gradient; /* of all inputs, too */
} gr_selftest_case;

extern const gr_selftest_case gr_selftest_cases[];
extern const int gr_selftest_case_count;

#endif
