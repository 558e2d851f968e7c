/* The folder of a run and the names of what is in it. */
#ifndef GR_RUN_FOLDER_H
#define GR_RUN_FOLDER_H

#include "base/log.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct gr_run_folder {
    char *path, *config, *metrics, *adapter, *best, *state; /* owned by `parent` */
    char *checkpoint;                                       /* the folder that holds `state` */
    bool is_new;                                            /* made by gr_run_folder_open */
    intptr_t lock;                                          /* gr_folder_lock() */
} gr_run_folder;

/* Makes the folder and keeps other runs from it until it is closed. Refuses one that holds a
 * checkpoint, unless that is to be resumed; removes what killed writers left there. The names are
 * allocations of `parent`. */
graft_status gr_run_folder_open(graft_log *log, void *parent, const char *path, bool resume,
                                gr_run_folder *out);

/* Only of a folder that was opened. */
void gr_run_folder_close(gr_run_folder *folder);

/* Takes back what a run that has not made a step put there. */
void gr_run_folder_withdraw(const gr_run_folder *folder);

#endif
