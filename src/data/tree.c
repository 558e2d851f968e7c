#include "data/tree.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Paths ---------------------------------------------------------------------------------- */

static gr_span span_of(const char *text)
{
    return (gr_span){text, strlen(text)};
}

static int span_compare(gr_span a, gr_span b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter ? memcmp(a.at, b.at, shorter) : 0;
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

static bool span_is(gr_span a, const char *text)
{
    return span_compare(a, span_of(text)) == 0;
}

/* Cuts the first component off *path; empty when there is none. */
static gr_span take_component(const char **path)
{
    const char *at = *path + strspn(*path, "/");
    size_t length = strcspn(at, "/");
    *path = at + length + strspn(at + length, "/");
    return (gr_span){at, length};
}

static bool is_hidden(const char *path)
{
    for (gr_span c = take_component(&path); c.length; c = take_component(&path))
        if ((c.at[0] == '.' && !span_is(c, ".")) || span_is(c, "__MACOSX"))
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

/* ---- Grouping: folder and class of each path --------------------------------------------------
 */

static bool is_split_folder(gr_span c)
{
    return span_is(c, "train") || span_is(c, "val") || span_is(c, "validation") ||
           span_is(c, "test");
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
        take_component(&path);
    return path;
}

static top look_at_top(const gr_tree *tree, size_t first, int depth)
{
    top t = {.single = true};
    bool deep = false;
    gr_span only = {0};
    for (size_t i = first; i < tree->count; i++) {
        const char *path = below(tree->entries[i].path, depth);
        gr_span c = take_component(&path);
        if (!c.length || (!tree->entries[i].directory && !*path))
            continue; /* the outer folder itself, or a file beside the folders */
        t.split_folders |= is_split_folder(c);
        t.single &= !only.length || span_compare(c, only) == 0;
        only = c;
        gr_span second = take_component(&path);
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
        gr_span folder = t.split_folders ? take_component(&path) : span_of(default_folder);
        gr_span name = take_component(&path);
        bool in_class = name.length && (*path || e->directory);
        e->folder = in_class ? folder : (gr_span){0};
        e->name = name;
    }
}

/* ---- Selection: one split, its classes and order -----------------------------------------------
 */

static bool has_folder(const gr_tree *tree, const char *folder)
{
    for (size_t i = 0; i < tree->count; i++)
        if (!tree->entries[i].directory && span_is(tree->entries[i].folder, folder))
            return true;
    return false;
}

/* NULL stands for all folders that are a split. */
static bool in_folder(const gr_tree_entry *e, const char *folder)
{
    return folder ? span_is(e->folder, folder) : is_split_folder(e->folder);
}

/* The folder that serves a split; NULL for a split that has none. */
static const char *folder_of(const gr_tree *tree, const char *split)
{
    static const char *const for_val[] = {"val", "validation", "test"};
    static const char *const for_test[] = {"test", "val", "validation"};
    bool val = !strcmp(split, "val");
    if (!val && strcmp(split, "test"))
        return has_folder(tree, split) ? split : NULL;
    for (int i = 0; i < 3; i++)
        if (has_folder(tree, val ? for_val[i] : for_test[i]))
            return val ? for_val[i] : for_test[i];
    return NULL;
}

typedef struct class_list {
    gr_span *names; /* sorted */
    size_t count;
} class_list;

static int compare_names(const void *a, const void *b)
{
    return span_compare(*(const gr_span *)a, *(const gr_span *)b);
}

/* The distinct class names of a folder, or of all when NULL. */
static bool list_classes(gr_tree *tree, const char *folder, class_list *out)
{
    gr_span *names = gr_alloc_array(tree, tree->count + 1, sizeof(*names));
    if (!names)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < tree->count; i++) {
        const gr_tree_entry *e = &tree->entries[i];
        /* neighbours mostly share their class: a cheap first thinning before the sort */
        if (in_folder(e, folder) && (!count || span_compare(names[count - 1], e->name)))
            names[count++] = e->name;
    }
    qsort(names, count, sizeof(*names), compare_names);
    out->names = names;
    out->count = 0;
    for (size_t i = 0; i < count; i++)
        if (!i || span_compare(names[i], names[out->count - 1]))
            names[out->count++] = names[i];
    return true;
}

static int compare_entries(const void *a, const void *b)
{
    const gr_tree_entry *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    int order = strcmp(x->path, y->path);
    return order ? order : (x->archive > y->archive) - (x->archive < y->archive);
}

/* Drops what is not in the folder (all when NULL), labels the rest and sorts it. Directories stay
 * out; *per_class counts the images. */
static graft_status label_images(graft_log *log, gr_tree *tree, const char *folder,
                                 const class_list *classes, const char *title, size_t *per_class)
{
    size_t kept = 0;
    for (size_t i = 0; i < tree->count; i++) {
        gr_tree_entry *e = &tree->entries[i];
        if (e->directory || !in_folder(e, folder))
            continue;
        gr_span *found =
            bsearch(&e->name, classes->names, classes->count, sizeof(*found), compare_names);
        if (!found)
            return gr_fail(log, GRAFT_ERR_FORMAT,
                           "%s: %s: class '%.*s' is not among the %zu classes of train", title,
                           e->path, (int)e->name.length, e->name.at, classes->count);
        if (e->size_bytes == 0)
            return gr_fail(log, GRAFT_ERR_FORMAT, "%s: %s: the image file is empty", title,
                           e->path);
        e->label = (int32_t)(found - classes->names);
        per_class[e->label]++;
        tree->entries[kept++] = *e;
    }
    tree->count = kept;
    if (kept)
        qsort(tree->entries, kept, sizeof(*tree->entries), compare_entries);
    return GRAFT_OK;
}

static graft_status check_classes(graft_log *log, const class_list *classes, const char *title,
                                  const size_t *per_class)
{
    for (size_t c = 0; c < classes->count; c++)
        if (!per_class[c])
            return gr_fail(log, GRAFT_ERR_FORMAT,
                           "%s: class folder '%.*s' has no .jpg, .jpeg or .png images; fill or "
                           "remove it",
                           title, (int)classes->names[c].length, classes->names[c].at);
    return GRAFT_OK;
}

/* Of each class, every fifth image is held out. */
static void hold_out(gr_tree *tree, bool keep_held_out)
{
    enum { EVERY = 5 };
    size_t kept = 0, in_class = 0;
    int32_t label = -1;
    for (size_t i = 0; i < tree->count; i++) {
        in_class = tree->entries[i].label == label ? in_class + 1 : 0;
        label = tree->entries[i].label;
        if ((in_class % EVERY == EVERY - 1) == keep_held_out)
            tree->entries[kept++] = tree->entries[i];
    }
    tree->count = kept;
}

static graft_status publish(graft_log *log, const gr_tree *tree, const class_list *classes,
                            gr_dataset *d)
{
    d->count = tree->count;
    d->classes = (int)classes->count;
    d->samples = gr_alloc_array(d, tree->count, sizeof(*d->samples));
    d->class_names = gr_alloc_array(d, classes->count, sizeof(*d->class_names));
    if (!d->samples || !d->class_names)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for %zu samples", d->title,
                       tree->count);
    for (size_t i = 0; i < tree->count; i++)
        d->samples[i] = (gr_sample){tree->entries[i].path, tree->entries[i].label};
    for (size_t c = 0; c < classes->count; c++) {
        d->class_names[c] =
            gr_printf(d, "%.*s", (int)classes->names[c].length, classes->names[c].at);
        if (!d->class_names[c])
            return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for class names", d->title);
    }
    return GRAFT_OK;
}

graft_status gr_tree_select(graft_log *log, gr_tree *tree, const char *split, gr_dataset *d)
{
    bool all = !strcmp(split, "all");
    bool by_rule = !folder_of(tree, "test"); /* neither test nor val */
    bool held_out = by_rule && (!strcmp(split, "test") || !strcmp(split, "val"));
    const char *folder = all ? NULL : folder_of(tree, held_out ? "train" : split);
    if (!all && !folder)
        return gr_fail(log, GRAFT_ERR_NOT_FOUND,
                       "%s: no images for split '%s'; expected <class>/<image> or "
                       "%s/<class>/<image> with .jpg, .jpeg or .png images",
                       d->title, split, held_out ? "train" : split);
    const char *class_folder = all ? NULL : has_folder(tree, "train") ? "train" : folder;
    class_list classes;
    if (!list_classes(tree, class_folder, &classes))
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for class names", d->title);
    size_t *per_class = gr_alloc_array(tree, classes.count + 1, sizeof(*per_class));
    if (!per_class)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for class names", d->title);
    GR_TRY(label_images(log, tree, folder, &classes, d->title, per_class));
    if (all || !strcmp(folder, class_folder)) /* a test folder may lack a class */
        GR_TRY(check_classes(log, &classes, d->title, per_class));
    if (by_rule && (held_out || !strcmp(split, "train")))
        hold_out(tree, held_out);
    return publish(log, tree, &classes, d);
}
