/* Finding images that cannot be read, before training meets them. */
#ifndef GR_DATA_CHECK_H
#define GR_DATA_CHECK_H

#include <graft/params.h>

#include "data/dataset.h"

/* Replaces *dataset by what is left of it; on failure it is closed and NULL. threads 0: as many as
 * fit the machine. Blocks. */
graft_status gr_dataset_check(graft_log *log, gr_dataset **dataset, graft_bad_images policy,
                              int threads);

#endif
