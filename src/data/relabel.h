/* Labels by the names of classes. */
#ifndef GR_DATA_RELABEL_H
#define GR_DATA_RELABEL_H

#include "data/dataset.h"

/* Gives each image the label of its class's name in names[count], so that data whose folders are a
 * part of a model's classes are measured by what they are called. A class that has its name there
 * at its own label keeps it, since names may occur twice; so does one without a name, and one that
 * `names` has no name for (NULL or ""). GRAFT_ERR_FORMAT for a class with images that `names`
 * lacks. */
graft_status gr_dataset_relabel(graft_log *log, gr_dataset *dataset, const char *const *names,
                                int count);

#endif
