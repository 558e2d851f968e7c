/* Which file lists the images of a split, in the layouts that papers' data sets come in. */
#ifndef GR_DATA_LIST_FIND_H
#define GR_DATA_LIST_FIND_H

#include <stdbool.h>
#include <stdint.h>

typedef enum gr_list_format {
    GR_LIST_TEXT, /* lines "path label" */
    GR_LIST_JSON, /* an object {"path": label, ..} */
} gr_list_format;

typedef struct gr_list_place {
    char *path; /* of the list, which need not exist; an allocation of `parent` */
    gr_list_format format;
    bool of_shots;          /* it lists so many images of each class, as was asked for */
    const char *folders[5]; /* where the images may be, below the data set; ends with NULL */
} gr_list_place;

/* Whether the folder is in any of the layouts, or has a list of its own for the split. */
bool gr_list_probe(const char *directory, const char *split);

/* Where the list of a split is; `shots` 0: all images. False: out of memory. */
bool gr_list_find(void *parent, const char *directory, const char *split, int shots, uint64_t seed,
                  gr_list_place *out);

/* Whether DIR/name is a file. */
bool gr_list_exists(const char *directory, const char *name);

#endif
