/* What a search is told, and what it tells the trainings of its supernet and of its result. */
#ifndef GR_SEARCH_SETTINGS_H
#define GR_SEARCH_SETTINGS_H

#include <graft/search.h>

#include "peft/subnet.h"

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

/* Where nothing else was said: train800, where the data has it. */
const char *gr_search_supernet_split(const graft_search_params *p);

/* What the search of sub-networks depends on, as one text below `memory`. NULL: out of memory. */
char *gr_search_identity(void *memory, const graft_search_params *p,
                         const graft_train_params *supernet);

#endif
