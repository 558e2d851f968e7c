/* Agreement between the ranks of a training (graft/ranks.h). Without ranks (NULL, or one) each of
 * these is what one process agrees with itself. All ranks call them alike; blocking.
 *
 * Thread-safety: one thread at a time for each set of ranks.
 */
#ifndef GR_BASE_RANKS_H
#define GR_BASE_RANKS_H

#include <graft/log.h>
#include <graft/ranks.h>
#include <stdbool.h>

bool gr_ranks_are_several(const graft_ranks *ranks);

/* gather, where there are several. */
graft_status gr_ranks_gather(graft_log *log, const graft_ranks *ranks, const void *mine,
                             size_t size_bytes, void *all);

/* What all make of what each of them has: GRAFT_OK where it is everyone's, else the own error, or
 * one that names a rank that failed; GRAFT_ERR_INTERRUPTED where some were stopped and none failed.
 */
graft_status gr_ranks_agree(graft_log *log, const graft_ranks *ranks, graft_status mine);

/* The texts of all ranks, by rank, allocations of `parent`. */
graft_status gr_ranks_texts(graft_log *log, const graft_ranks *ranks, void *parent,
                            const char *mine, char ***texts);

#endif
