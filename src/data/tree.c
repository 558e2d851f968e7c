#include "data/tree.h"

#include "base/mem.h"
#include "data/format.h"

#include <string.h>

static bool is_hidden(const char *path)
{
    for (gr_span c = gr_take_component(&path); c.length; c = gr_take_component(&path))
        if ((c.at[0] == '.' && !gr_span_is(c, ".")) || gr_span_is(c, "__MACOSX"))
            return true;
    return false;
}

/* Whether it is to be read; else it is counted. */
static bool is_wanted(gr_tree *tree, const gr_tree_entry *entry)
{
    if (is_hidden(entry->path)) {
        tree->left_out.hidden++;
        return false;
    }
    if (entry->directory)
        return true;
    switch (gr_file_kind_of(entry->path)) {
    case GR_FILE_IMAGE:
        return true;
    case GR_FILE_FOREIGN:
        gr_left_out_format(&tree->left_out, entry->path);
        return false;
    case GR_FILE_OTHER:
        break;
    }
    tree->left_out.others++;
    return false;
}

static char *copy_path(gr_tree *tree, const char *path)
{
    size_t size = strlen(path) + 1;
    if (!tree->block || size > tree->block_bytes - tree->block_used) {
        tree->block_bytes = size > 65536 ? size : 65536;
        tree->block = gr_alloc(tree, tree->block_bytes);
        tree->block_used = 0;
        if (!tree->block)
            return NULL;
    }
    char *copy = memcpy(tree->block + tree->block_used, path, size);
    tree->block_used += size;
    return copy;
}

bool gr_tree_add(gr_tree *tree, const gr_tree_entry *entry)
{
    if (!is_wanted(tree, entry))
        return true;
    gr_tree_entry *added =
        gr_push(tree, (void **)&tree->entries, &tree->count, sizeof(*tree->entries));
    if (!added)
        return false;
    *added = *entry;
    added->path = copy_path(tree, entry->path);
    if (added->path)
        return true;
    tree->count--;
    return false;
}
