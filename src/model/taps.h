/* Values inside a model that an analysis reads: the residual stream as it enters each block. */
#ifndef GR_TAPS_H
#define GR_TAPS_H

#include "build/build.h"

/* The stream [B, T, D]; its last grid * grid tokens are the patches, row by row. Entry `depth` is
 * the stream behind the last block. */
typedef struct gr_tap {
    gr_value *before, *after; /* what methods do there; the same value when they do nothing */
    int64_t grid;
} gr_tap;

typedef struct gr_taps {
    gr_tap *items;
    size_t count;
} gr_taps;

gr_taps *gr_taps_create(void); /* NULL when out of memory */
void gr_taps_destroy(gr_taps *taps);

/* Does nothing where b->taps is NULL. Out of memory fails the graph. */
void gr_taps_note(gr_build *b, int64_t grid, gr_value *before, gr_value *after);

#endif
