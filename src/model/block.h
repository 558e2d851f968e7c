/* A transformer block as every backbone here has it: x + attention(norm1(x)), then
 * x + mlp(norm2(x)), with the graft points of peft/method.h. */
#ifndef GR_BLOCK_H
#define GR_BLOCK_H

#include "build/build.h"
#include "model/window.h"

typedef struct gr_block_shape {
    int64_t heads;
    int64_t hidden;          /* width of the MLP */
    const gr_window *window; /* NULL: every token attends to every token */
    bool causal;             /* .. that does not come after it */
    gr_value *bias;          /* [heads, T, T], added to the scores; NULL: none */
} gr_block_shape;

/* x [B, T, D] -> [B, T, D]; tensors are named "<at->name>.norm1.weight" and so on. */
gr_value *gr_block_forward(gr_build *b, const gr_block *at, const gr_block_shape *shape,
                           gr_value *x);

#endif
