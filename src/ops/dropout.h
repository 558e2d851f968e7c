/* What a dropout draws, for who must know which random numbers a graph uses. */
#ifndef GR_DROPOUT_H
#define GR_DROPOUT_H

#include <stdbool.h>
#include <stdint.h>

/* Attributes of gr_op_dropout, see gr_dropout. */
typedef struct gr_dropout_attrs {
    float rate;
    uint32_t stream; /* random numbers of its own for each place of the network */
    bool per_sample;
} gr_dropout_attrs;

#endif
