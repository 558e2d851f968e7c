/* Attributes of operators that something else than their own file reads: src/export writes them
 * down in another format. */
#ifndef GR_OPS_ATTRS_H
#define GR_OPS_ATTRS_H

#include "ops/ops.h"

typedef struct gr_matmul_attrs {
    float alpha;
} gr_matmul_attrs;

typedef struct gr_softmax_attrs {
    float scale;
} gr_softmax_attrs;

typedef struct gr_norm_attrs {
    float eps;
} gr_norm_attrs;

typedef struct gr_unary_attrs {
    gr_func func;
    float alpha;
} gr_unary_attrs;

typedef struct gr_binary_attrs {
    float alpha; /* add: a + alpha b; mul: alpha a b */
} gr_binary_attrs;

typedef struct gr_permute_attrs {
    int axis[GR_MAX_RANK]; /* result axis i is input axis axis[i] */
} gr_permute_attrs;

typedef struct gr_concat_attrs {
    int axis;
    int64_t start[GR_MAX_INPUTS]; /* where each input begins; gaps are zero */
    int64_t size;                 /* of the axis */
} gr_concat_attrs;

#endif
