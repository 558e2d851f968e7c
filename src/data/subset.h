/* Parts of a data set. */
#ifndef GR_DATA_SUBSET_H
#define GR_DATA_SUBSET_H

#include "data/dataset.h"

#include <stdbool.h>

/* "train80" and "val20": of each class every fifth image is held out. */
enum { GR_HELD_OUT_EVERY = 5 };

/* Replaces *dataset by the images with keep[i]. NULL: there was no memory for it. `how` they were
 * chosen is told after where they are from. On failure *dataset is closed and NULL, here and in the
 * next. */
graft_status gr_subset_keep(graft_log *log, gr_dataset **dataset, const bool *keep,
                            const char *how);

/* Replaces *dataset by the part of it that holds out every fifth image of each class, or by that
 * fifth. */
graft_status gr_subset_hold_out(graft_log *log, gr_dataset **dataset, bool keep_held_out);

/* Replaces *dataset by `shots` images of each class, drawn by the seed; of a class that has fewer,
 * by all of them. They keep their order. */
graft_status gr_subset_draw(graft_log *log, gr_dataset **dataset, int shots, uint64_t seed);

#endif
