/* Finding images that cannot be read, before training meets them. */
#ifndef GR_DATA_CHECK_H
#define GR_DATA_CHECK_H

#include "data/dataset.h"

typedef enum gr_bad_images {
    GR_BAD_IMAGES_FAIL, /* looks at the first bytes of all files: one of no known format is an error
                         */
    GR_BAD_IMAGES_SKIP, /* decodes all of them: those that fail are left out, each with a warning */
} gr_bad_images;

/* NULL and "": fail. */
graft_status gr_bad_images_named(graft_log *log, const char *name, gr_bad_images *out);

/* Replaces *dataset by what is left of it; on failure it is closed and NULL. threads 0: as many as
 * fit the machine. Blocks. */
graft_status gr_dataset_check(graft_log *log, gr_dataset **dataset, gr_bad_images policy,
                              int threads);

#endif
