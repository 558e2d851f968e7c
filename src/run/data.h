/* The images of a run: what it trains on, and what it is measured by. */
#ifndef GR_RUN_DATA_H
#define GR_RUN_DATA_H

#include <graft/train.h>

#include "data/dataset.h"

typedef struct gr_run_data {
    gr_dataset *train, *test; /* test NULL: no evaluation */
    int classes;
    const char **names; /* [classes]; NULL: the data does not name them */
} gr_run_data;

/* Call gr_run_data_close also after a failure. */
graft_status gr_run_data_open(graft_log *log, const graft_train_params *params, gr_run_data *out);
void gr_run_data_close(gr_run_data *data);

#endif
