/* Attention in square windows of a token grid, as Swin has it (Liu et al., arXiv 2103.14030):
 * every other block shifts the grid by half a window before cutting it, and adds to the scores a
 * bias for each relative position of query and key. */
#ifndef GR_WINDOW_H
#define GR_WINDOW_H

#include "build/build.h"

typedef struct gr_window {
    int64_t grid;  /* tokens along a side */
    int64_t side;  /* of a window; divides grid */
    int64_t shift; /* rows and columns that the grid is rolled up and left; 0: none */
    int stage;     /* windows of one stage share their mask */
} gr_window;

/* Reorders x [B, grid^2, D] window by window, row-major in each, after the shift. */
gr_value *gr_window_cut(const gr_window *window, gr_value *x);

/* The inverse. */
gr_value *gr_window_join(const gr_window *window, gr_value *x);

/* scores [B * windows, heads, side^2, side^2] plus "module.relative_position_bias_table"
 * [(2 side - 1)^2, heads] at query minus key position, minus 100 between tokens that the shift
 * brought together. */
gr_value *gr_window_bias(gr_build *b, const gr_window *window, const char *module,
                         gr_value *scores);

#endif
