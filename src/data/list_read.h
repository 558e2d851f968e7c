/* Reading the lists of images and labels. */
#ifndef GR_DATA_LIST_READ_H
#define GR_DATA_LIST_READ_H

#include "data/source.h"

/* Allocations of the `parent` that is given to the functions. */
typedef struct gr_image_list {
    gr_sample *samples; /* [count] */
    uint32_t *lines;    /* [count], from 1; of JSON the number of the item */
    size_t count;
    int classes;        /* one more than the largest label */
    const int64_t *ids; /* [classes] what JSON calls them; NULL: the labels themselves */
} gr_image_list;

/* Lines "path label"; the label is what follows the last blank, so paths may hold blanks. Labels
 * must be below `limit`. */
graft_status gr_list_read_text(graft_log *log, void *parent, const char *path, int limit,
                               gr_image_list *out);

/* An object {"path": class, ..}, whose classes are whole numbers. Labels are their ranks among the
 * classes of `train_path`, the training list, which may be the same file. */
graft_status gr_list_read_json(graft_log *log, void *parent, const char *path,
                               const char *train_path, int limit, gr_image_list *out);

#endif
