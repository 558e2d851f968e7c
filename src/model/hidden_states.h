/* Values inside a model that an analysis reads: the residual stream as it enters each block. */
#ifndef GR_HIDDEN_STATES_H
#define GR_HIDDEN_STATES_H

#include "build/build.h"

/* The stream [B, T, D]; its last grid * grid tokens are the patches, row by row. Entry `depth` is
 * the stream behind the last block. */
typedef struct gr_hidden_state {
    gr_value *before, *after; /* what methods do there; the same value when they do nothing */
    int64_t grid;
} gr_hidden_state;

typedef struct gr_hidden_states {
    gr_hidden_state *items;
    size_t count;
} gr_hidden_states;

gr_hidden_states *gr_hidden_states_create(void); /* NULL when out of memory */
void gr_hidden_states_destroy(gr_hidden_states *states);

/* Does nothing where b->hidden_states is NULL. Out of memory fails the graph. */
void gr_hidden_states_note(gr_build *b, int64_t grid, gr_value *before, gr_value *after);

#endif
