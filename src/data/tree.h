/* The ImageFolder layout, read off a list of paths: which file belongs to which split and class.
 * Shared by folders on disk and archives. The rules are in dataset.h.
 */
#ifndef GR_DATA_TREE_H
#define GR_DATA_TREE_H

#include "data/source.h"
#include "data/span.h"
#include "data/split_name.h"

typedef struct gr_tree_entry {
    const char *path;
    gr_span folder;     /* "train", "Testing", ...; empty: in no class folder */
    gr_split_role role; /* of the folder */
    gr_span name;       /* of the class */
    bool directory;
    int32_t label;
    uint32_t archive; /* which of several archives, and where in it */
    uint64_t offset, size_bytes;
} gr_tree_entry;

/* An allocation that owns its entries and paths; zeroed at first. */
typedef struct gr_tree {
    gr_tree_entry *entries;
    size_t count;
    gr_left_out left_out;
    char *block; /* paths are copied into blocks */
    size_t block_used, block_bytes;
} gr_tree;

/* Copies `entry` and its path. Files that are no images (by their ending), and whatever is in or is
 * a hidden file, are left out and counted. Returns false when out of memory. */
bool gr_tree_add(gr_tree *tree, const gr_tree_entry *entry);

/* Finds folder and class of the entries from `first` on, which came from one root. Outer folders
 * around everything are stripped; without split folders all of it belongs to `default_folder`.
 * GRAFT_ERR_FORMAT when there are two plausible readings. `title` is whom errors name. */
graft_status gr_tree_group(graft_log *log, gr_tree *tree, size_t first, const char *title,
                           const char *default_folder);

/* The folder that serves a split: the one of that name, else the only one whose name means it, with
 * "val" and "test" standing in for each other. Empty: there is none. Of two GRAFT_ERR_FORMAT. */
graft_status gr_tree_folder(graft_log *log, const gr_tree *tree, const char *title,
                            const char *split, gr_span *folder);

/* Keeps the images of a split, in order of class and path, and fills what `dataset`, which must own
 * the tree, tells of itself; entry i is then sample i. */
graft_status gr_tree_select(graft_log *log, gr_tree *tree, const char *split, gr_dataset *dataset);

#endif
