#include "data/tree.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/subset.h"

#include <stdlib.h>
#include <string.h>

static bool has_folder(const gr_tree *tree, const char *folder)
{
    for (size_t i = 0; i < tree->count; i++)
        if (!tree->entries[i].directory && gr_span_is(tree->entries[i].folder, folder))
            return true;
    return false;
}

/* NULL stands for all folders that are a split. */
static bool in_folder(const gr_tree_entry *e, const char *folder)
{
    return folder ? gr_span_is(e->folder, folder) : gr_is_split_folder(e->folder);
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
    return gr_span_compare(*(const gr_span *)a, *(const gr_span *)b);
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
        if (in_folder(e, folder) && (!count || gr_span_compare(names[count - 1], e->name)))
            names[count++] = e->name;
    }
    qsort(names, count, sizeof(*names), compare_names);
    out->names = names;
    out->count = 0;
    for (size_t i = 0; i < count; i++)
        if (!i || gr_span_compare(names[i], names[out->count - 1]))
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
    size_t kept = 0, in_class = 0;
    int32_t label = -1;
    for (size_t i = 0; i < tree->count; i++) {
        in_class = tree->entries[i].label == label ? in_class + 1 : 1;
        label = tree->entries[i].label;
        if ((in_class % GR_HELD_OUT_EVERY == 0) == keep_held_out)
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
