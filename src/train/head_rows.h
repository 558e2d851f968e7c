/* The head of an adapter that a run starts from: its rows go by the names of the classes. */
#ifndef GR_HEAD_ROWS_H
#define GR_HEAD_ROWS_H

#include "train/run_setup.h"

/* Gives s->adapter a head for the classes of the run, in their order: a class that the adapter
 * names keeps its row, another one starts as in a run without an adapter. Without names on both
 * sides rows are taken in order, which is said, and another number of classes is
 * GRAFT_ERR_ARGUMENT. Does nothing where there is no adapter or it has no head. */
graft_status gr_head_rows_match(graft_log *log, const graft_train_params *params, gr_run_setup *s);

#endif
