/* One training by several processes ("ranks"), each with a device of its own: all hold the whole
 * adapter, each computes a part of every batch, and gradients are summed before each update. The
 * application brings the exchange, over MPI or whatever connects its processes: see
 * graft_train_params.ranks.
 */
#ifndef GRAFT_RANKS_H
#define GRAFT_RANKS_H

#include <graft/status.h>
#include <stddef.h>

/* Both functions are called by all ranks in the same order with the same sizes, on the thread that
 * trains, and return when all ranks have called them. Another status than GRAFT_OK ends the run. */
typedef struct graft_ranks {
    int rank, count; /* 0 .. count - 1 */
    /* all[count * size_bytes]: the bytes of every rank, by rank. */
    graft_status (*gather)(void *user, const void *mine, size_t size_bytes, void *all);
    /* values[count] becomes, on every rank, the sum of those of all ranks, added in the order of
     * ranks: equal numbers give equal bits. */
    graft_status (*sum)(void *user, float *values, size_t count);
    void *user;
} graft_ranks;

#endif
