#include "data/tree.h"

#include "base/log.h"
#include "base/mem.h"

#include <string.h>
#include <strings.h>

/* ---- Paths ------------------------------------------------------------------------------ */

static bool is_hidden(const char *path)
{
    for (gr_span c = gr_take_component(&path); c.length; c = gr_take_component(&path))
        if ((c.at[0] == '.' && !gr_span_is(c, ".")) || gr_span_is(c, "__MACOSX"))
            return true;
    return false;
}

static bool is_image(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot &&
           (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg") || !strcasecmp(dot, ".png"));
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
    if (is_hidden(entry->path) || (!entry->directory && !is_image(entry->path)))
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

/* ---- Grouping: folder and class of each path -------------------------------------------- */

bool gr_is_split_folder(gr_span c)
{
    return gr_span_is(c, "train") || gr_span_is(c, "val") || gr_span_is(c, "validation") ||
           gr_span_is(c, "test");
}

typedef struct top {
    bool split_folders; /* the first components name splits */
    bool single;        /* there is one first component, and two more below it */
} top;

/* Skips `depth` components, and "." on the way. */
static const char *below(const char *path, int depth)
{
    while (!strncmp(path, "./", 2))
        path += 2;
    for (int i = 0; i < depth; i++)
        gr_take_component(&path);
    return path;
}

static top look_at_top(const gr_tree *tree, size_t first, int depth)
{
    top t = {.single = true};
    bool deep = false;
    gr_span only = {0};
    for (size_t i = first; i < tree->count; i++) {
        const char *path = below(tree->entries[i].path, depth);
        gr_span c = gr_take_component(&path);
        if (!c.length || (!tree->entries[i].directory && !*path))
            continue; /* the outer folder itself, or a file beside the folders */
        t.split_folders |= gr_is_split_folder(c);
        t.single &= !only.length || gr_span_compare(c, only) == 0;
        only = c;
        gr_span second = gr_take_component(&path);
        deep |= second.length && *path && !tree->entries[i].directory;
    }
    t.single &= deep;
    return t;
}

void gr_tree_group(gr_tree *tree, size_t first, const char *default_folder)
{
    int depth = 0;
    top t = look_at_top(tree, first, depth);
    while (!t.split_folders && t.single)
        t = look_at_top(tree, first, ++depth);
    for (size_t i = first; i < tree->count; i++) {
        gr_tree_entry *e = &tree->entries[i];
        const char *path = below(e->path, depth);
        gr_span folder = t.split_folders ? gr_take_component(&path) : gr_span_of(default_folder);
        gr_span name = gr_take_component(&path);
        bool in_class = name.length && (*path || e->directory);
        e->folder = in_class ? folder : (gr_span){0};
        e->name = name;
    }
}
