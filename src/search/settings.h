/* What a search is told, and what it tells the trainings of its supernet and of its result. */
#ifndef GR_SEARCH_SETTINGS_H
#define GR_SEARCH_SETTINGS_H

#include <graft/search.h>

#include "search/evolution.h"

/* Options of the method noah, for graft_train_params.set. */
typedef struct gr_search_set {
    void *memory; /* gr_alloc parent of the texts */
    const char *item[6];
    int count;
} gr_search_set;

graft_status gr_search_check(graft_log *log, const graft_search_params *p);

/* The supernet: every module in every block, at its largest width. */
graft_status gr_search_supernet_set(graft_log *log, const graft_search_params *p,
                                    gr_search_set *set);
graft_status gr_search_subnet_set(graft_log *log, const graft_search_params *p,
                                  const gr_subnet *subnet, int blocks, gr_search_set *set);

/* What the supernet is trained on, and what candidates are measured on: as was said, else images
 * that are not of the test (graft_data_selection). */
void gr_search_splits(const graft_search_params *p, const char **supernet, const char **val);

/* What the search of sub-networks depends on, as texts below `memory`. False: out of memory. */
bool gr_search_identify(void *memory, const graft_search_params *p,
                        const graft_train_params *supernet, gr_search_identity *out);

#endif
