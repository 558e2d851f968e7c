/* classes.txt: the names of the classes of a list. */
#ifndef GR_DATA_NAMES_FILE_H
#define GR_DATA_NAMES_FILE_H

#include "data/list_read.h"

/* Line n names label n, as "name", "id<TAB>name" or, when all lines begin with different whole
 * numbers, "id name". The latter numbers tell which class is named, if they are 0 .. or 1 ..
 * without a gap, or all the classes that a JSON list tells are among them: so are those of CUB-200
 * and NABirds. Otherwise they are a part of the names. */
typedef struct gr_names_file {
    const char **lines; /* [count] whole, without what is before a tab */
    const char **names; /* [count] without the numbers, too */
    int64_t *ids;       /* [count] the numbers; NULL: there are none */
    size_t count;
} gr_names_file;

/* Allocations of `parent`. A file without names is GRAFT_ERR_FORMAT. */
graft_status gr_names_file_read(graft_log *log, void *parent, const char *path, gr_names_file *out);

/* Names of labels 0 .. *classes - 1 in an allocation of `parent`, with *classes what there are
 * names for. *by_id: by the numbers. NULL: no memory. */
const char **gr_names_file_match(void *parent, const gr_names_file *names,
                                 const gr_image_list *list, int *classes, bool *by_id);

#endif
