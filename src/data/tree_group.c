/* Which folders are splits and which are classes. A folder that is called like a split is one when
 * it holds folders of images, a class when it holds the images themselves. */
#include "data/tree.h"

#include "base/log.h"
#include "base/mem.h"

#include <string.h>

/* The images of a folder. */
typedef struct folder {
    gr_split_role role;
    size_t direct;        /* right in it */
    size_t nested;        /* in folders below */
    unsigned inner_roles; /* of these folders: bits of gr_split_role */
} folder;

/* All folders at one depth. */
typedef struct level {
    int depth;
    gr_span_set names;
    folder *folders; /* [names.count] */
} level;

/* Skips `depth` components, and "." on the way. */
static const char *below(const char *path, int depth)
{
    while (!strncmp(path, "./", 2))
        path += 2;
    for (int i = 0; i < depth; i++)
        gr_take_component(&path);
    return path;
}

/* The folder at that depth which an entry is in, or is; empty: a file beside the folders. */
static gr_span folder_at(const gr_tree_entry *e, int depth, const char **rest)
{
    *rest = below(e->path, depth);
    gr_span c = gr_take_component(rest);
    return **rest || e->directory ? c : (gr_span){0};
}

static void count_image(level *l, gr_span name, const char *rest)
{
    folder *f = &l->folders[gr_span_set_find(&l->names, name)];
    gr_span second = gr_take_component(&rest);
    if (!*rest) {
        f->direct++;
        return;
    }
    f->nested++;
    f->inner_roles |= 1u << gr_split_role_of(second);
}

static bool look(void *room, const gr_tree *tree, size_t first, int depth, level *l)
{
    const char *rest;
    *l = (level){.depth = depth};
    l->names.spans = gr_alloc_array(room, tree->count - first + 1, sizeof(gr_span));
    if (!l->names.spans)
        return false;
    for (size_t i = first; i < tree->count; i++) {
        gr_span c = folder_at(&tree->entries[i], depth, &rest);
        /* neighbours mostly share their folder: a cheap first thinning before the sort */
        if (c.length && (!l->names.count || gr_span_compare(l->names.spans[l->names.count - 1], c)))
            l->names.spans[l->names.count++] = c;
    }
    gr_span_set_sort(&l->names);
    l->folders = gr_alloc_array(room, l->names.count + 1, sizeof(*l->folders));
    if (!l->folders)
        return false;
    for (size_t i = 0; i < l->names.count; i++)
        l->folders[i].role = gr_split_role_of(l->names.spans[i]);
    for (size_t i = first; i < tree->count; i++) {
        gr_span c = folder_at(&tree->entries[i], depth, &rest);
        if (c.length && !tree->entries[i].directory)
            count_image(l, c, rest);
    }
    return true;
}

/* One folder around all others. */
static bool is_outer(const level *l)
{
    return l->names.count == 1 && l->folders[0].nested && !l->folders[0].direct;
}

/* Two roles or more. */
static bool are_splits(unsigned roles)
{
    roles &= ~(1u << GR_SPLIT_NONE);
    return (roles & (roles - 1)) != 0;
}

/* The level of the splits, or of the classes. An outer folder may be called "test" itself. */
static bool find_top(void *room, const gr_tree *tree, size_t first, level *l)
{
    bool fits = look(room, tree, first, 0, l);
    while (fits && is_outer(l)) {
        bool split = l->folders[0].role != GR_SPLIT_NONE;
        level inner;
        fits = look(room, tree, first, l->depth + 1, &inner);
        unsigned nested = 0;
        for (size_t i = 0; fits && i < inner.names.count; i++)
            nested |= inner.folders[i].nested ? 1u << inner.folders[i].role : 0;
        if (split && !are_splits(nested))
            break;
        *l = inner;
    }
    return fits;
}

/* ---- One reading of two ----------------------------------------------------------------- */

/* Names for messages: the first folder that has a role, or none, and images. */
static gr_span first_of(const level *l, bool with_role)
{
    for (size_t i = 0; i < l->names.count; i++)
        if ((l->folders[i].role != GR_SPLIT_NONE) == with_role &&
            l->folders[i].direct + l->folders[i].nested)
            return l->names.spans[i];
    return (gr_span){0};
}

static graft_status check_classes(graft_log *log, const level *l, const char *title)
{
    for (size_t i = 0; i < l->names.count; i++)
        if (are_splits(l->folders[i].inner_roles))
            return gr_fail(log, GRAFT_ERR_FORMAT,
                           "%s: '%.*s' may be a class with splits inside, or with images in "
                           "folders that are called so; expected <split>/<class>/<image>",
                           title, (int)l->names.spans[i].length, l->names.spans[i].at);
    return GRAFT_OK;
}

static graft_status choose(graft_log *log, const level *l, const char *title, bool *splits)
{
    size_t nested = 0, flat = 0, plain = 0, mixed = 0;
    for (size_t i = 0; i < l->names.count; i++) {
        const folder *f = &l->folders[i];
        if (f->role == GR_SPLIT_NONE)
            plain += f->direct + f->nested > 0;
        else if (f->nested)
            nested++, mixed += f->direct > 0;
        else
            flat += f->direct > 0;
    }
    gr_span split = first_of(l, true), class = first_of(l, false);
    *splits = nested > 0 && (!plain || nested > 1);
    if (!nested && flat && !plain)
        return gr_fail(log, GRAFT_ERR_FORMAT,
                       "%s: '%.*s' is called like a split, but holds images instead of class "
                       "folders; expected %.*s/<class>/<image>",
                       title, (int)split.length, split.at, (int)split.length, split.at);
    if (nested == 1 && plain && !mixed)
        return gr_fail(log, GRAFT_ERR_FORMAT,
                       "%s: '%.*s' may be a split of class folders, or a class beside '%.*s'; give "
                       "%s/%.*s, or rename it",
                       title, (int)split.length, split.at, (int)class.length, class.at, title,
                       (int)split.length, split.at);
    return *splits ? GRAFT_OK : check_classes(log, l, title);
}

static void assign(gr_tree *tree, size_t first, const level *l, bool splits,
                   const char *default_folder)
{
    for (size_t i = first; i < tree->count; i++) {
        gr_tree_entry *e = &tree->entries[i];
        const char *path = below(e->path, l->depth);
        gr_span part = splits ? gr_take_component(&path) : gr_span_of(default_folder);
        gr_span name = gr_take_component(&path);
        bool in_class = name.length && (*path || e->directory);
        e->folder = in_class ? part : (gr_span){0};
        e->role = gr_split_role_of(e->folder);
        e->name = name;
    }
}

graft_status gr_tree_group(graft_log *log, gr_tree *tree, size_t first, const char *title,
                           const char *default_folder)
{
    level l;
    bool splits = false;
    void *room = gr_alloc(NULL, 1);
    graft_status status = room && find_top(room, tree, first, &l)
                              ? choose(log, &l, title, &splits)
                              : gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", title);
    if (status == GRAFT_OK)
        assign(tree, first, &l, splits, default_folder);
    gr_free(room);
    return status;
}
