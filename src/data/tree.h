/* The ImageFolder layout, read off a list of paths: which file belongs to which split and class.
 * Shared by folders on disk and archives. The rules are in dataset.h.
 */
#ifndef GR_DATA_TREE_H
#define GR_DATA_TREE_H

#include "data/source.h"
#include "data/span.h"

typedef struct gr_tree_entry {
    const char *path;
    gr_span folder; /* "train", "test", ...; empty: to be ignored */
    gr_span name;   /* of the class */
    bool directory;
    int32_t label;
    uint32_t archive; /* which of several archives, and where in it */
    uint64_t offset, size_bytes;
} gr_tree_entry;

/* An allocation that owns its entries and paths; zeroed at first. */
typedef struct gr_tree {
    gr_tree_entry *entries;
    size_t count;
    char *block; /* paths are copied into blocks */
    size_t block_used, block_bytes;
} gr_tree;

/* Copies `entry` and its path. Files that are no images (by extension), and whatever is in or is a
 * hidden file, are left out. Returns false when out of memory. */
bool gr_tree_add(gr_tree *tree, const gr_tree_entry *entry);

/* Finds folder and class of the entries from `first` on, which came from one root. Outer folders
 * around everything are stripped; without split folders all of it belongs to `default_folder`. */
void gr_tree_group(gr_tree *tree, size_t first, const char *default_folder);

/* train, val, validation or test. */
bool gr_is_split_folder(gr_span name);

/* Keeps the images of a split, in order of class and path, and fills count, classes, samples and
 * class_names of `dataset`, which must own the tree; entry i is then sample i. */
graft_status gr_tree_select(graft_log *log, gr_tree *tree, const char *split, gr_dataset *dataset);

#endif
