/* The evolution of sub-networks: a population, of which the best become parents of the next
 * (Chen et al., "AutoFormer", arXiv 2107.00651; as NOAH uses it, arXiv 2206.04673).
 *
 * Candidates are drawn for a whole generation, then their accuracies are filled in one by one. All
 * draws come from Philox, keyed by seed and generation: the same accuracies lead to the same
 * search, wherever it was interrupted.
 */
#ifndef GR_EVOLUTION_H
#define GR_EVOLUTION_H

#include "peft/subnet.h"

typedef struct gr_evolution_params {
    gr_subnet_space space;
    int blocks;
    int64_t dim;
    int64_t limit; /* parameters of a candidate without the head; 0: none */
    uint64_t seed;
    int generations; /* the first, random one included */
    int population;  /* candidates of a generation: mutations, crossovers, and random ones */
    int parents;     /* the best of all so far */
    int mutations, crossovers;
    double mutation_rate; /* of each module and each width */
    double depth_rate;    /* of the depth of a module that mutates */
} gr_evolution_params;

typedef struct gr_candidate {
    gr_subnet subnet;
    int generation;
    int64_t params;
    double accuracy; /* negative: not known yet */
} gr_candidate;

typedef struct gr_evolution {
    gr_evolution_params params;
    gr_candidate *items; /* all so far, in the order in which they were drawn; none twice */
    size_t count;
    int generation; /* drawn so far; all of them once nothing new is found under the limit */
} gr_evolution;

/* NULL when out of memory. */
gr_evolution *gr_evolution_create(const gr_evolution_params *params);
void gr_evolution_destroy(gr_evolution *evolution); /* NULL is accepted */

/* The next candidate whose accuracy is wanted; draws the next generation when all are known. NULL:
 * the search is over. No candidate at all under the limit is GRAFT_ERR_ARGUMENT. */
graft_status gr_evolution_next(graft_log *log, gr_evolution *evolution, gr_candidate **out);

/* The most accurate; of equal ones the smaller, then the earlier. NULL: none is known. */
const gr_candidate *gr_evolution_best(const gr_evolution *evolution);

/* The `count` best, in `out`; returns how many there are. */
int gr_evolution_top(const gr_evolution *evolution, int count, const gr_candidate **out);

/* What must be the same when a search goes on. */
typedef struct gr_search_identity {
    const char *training;  /* of the supernet, see gr_train_settings_identity */
    const char *evolution; /* numbers */
} gr_search_identity;

/* The state as a file that is replaced as a whole. */
graft_status gr_evolution_save(graft_log *log, const gr_evolution *evolution, const char *path,
                               const gr_search_identity *identity);
graft_status gr_evolution_load(graft_log *log, gr_evolution *evolution, const char *path,
                               const gr_search_identity *identity);

#endif
