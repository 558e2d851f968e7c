#include "data/tree.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/subset.h"

#include <stdlib.h>
#include <string.h>

static bool has_folder(const gr_tree *tree, gr_span folder)
{
    for (size_t i = 0; i < tree->count; i++)
        if (!tree->entries[i].directory && !gr_span_compare(tree->entries[i].folder, folder))
            return true;
    return false;
}

static bool has_role(const gr_tree *tree, gr_split_role role)
{
    for (size_t i = 0; i < tree->count; i++)
        if (!tree->entries[i].directory && tree->entries[i].role == role)
            return true;
    return false;
}

/* The folder with that role. */
static graft_status folder_with(graft_log *log, const gr_tree *tree, const char *title,
                                gr_split_role role, gr_span *found)
{
    *found = (gr_span){0};
    for (size_t i = 0; i < tree->count; i++) {
        const gr_tree_entry *e = &tree->entries[i];
        if (e->directory || e->role != role || !gr_span_compare(e->folder, *found))
            continue;
        if (found->length)
            return gr_fail(log, GRAFT_ERR_FORMAT,
                           "%s: '%.*s' and '%.*s' may be the same split; give one of them as the "
                           "split, or rename the other",
                           title, (int)found->length, found->at, (int)e->folder.length,
                           e->folder.at);
        *found = e->folder;
    }
    return GRAFT_OK;
}

graft_status gr_tree_folder(graft_log *log, const gr_tree *tree, const char *title,
                            const char *split, gr_span *folder)
{
    *folder = gr_span_of(split);
    gr_split_role role = gr_split_role_of(*folder);
    if (has_folder(tree, *folder))
        return GRAFT_OK;
    *folder = (gr_span){0};
    if (role == GR_SPLIT_NONE)
        return GRAFT_OK;
    GR_TRY(folder_with(log, tree, title, role, folder));
    if (folder->length || role == GR_SPLIT_TRAIN)
        return GRAFT_OK;
    role = role == GR_SPLIT_VAL ? GR_SPLIT_TEST : GR_SPLIT_VAL;
    return folder_with(log, tree, title, role, folder);
}

/* An empty folder stands for all that are a split. */
static bool in_folder(const gr_tree_entry *e, gr_span folder)
{
    return folder.length ? !gr_span_compare(e->folder, folder) : e->role != GR_SPLIT_NONE;
}

/* The class names of a folder. */
static bool list_classes(gr_tree *tree, gr_span folder, gr_span_set *out)
{
    *out = (gr_span_set){.spans = gr_alloc_array(tree, tree->count + 1, sizeof(gr_span))};
    if (!out->spans)
        return false;
    for (size_t i = 0; i < tree->count; i++) {
        const gr_tree_entry *e = &tree->entries[i];
        /* neighbours mostly share their class: a cheap first thinning before the sort */
        if (in_folder(e, folder) &&
            (!out->count || gr_span_compare(out->spans[out->count - 1], e->name)))
            out->spans[out->count++] = e->name;
    }
    gr_span_set_sort(out);
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

/* Drops what is not in the folder, labels the rest and sorts it. Directories stay out; *per_class
 * counts the images. */
static graft_status label_images(graft_log *log, gr_tree *tree, gr_span folder,
                                 const gr_span_set *classes, const char *title, size_t *per_class)
{
    size_t kept = 0;
    for (size_t i = 0; i < tree->count; i++) {
        gr_tree_entry *e = &tree->entries[i];
        if (e->directory || !in_folder(e, folder))
            continue;
        size_t label = gr_span_set_find(classes, e->name);
        if (label == classes->count)
            return gr_fail(log, GRAFT_ERR_FORMAT,
                           "%s: %s: class '%.*s' is not among the %zu classes of train", title,
                           e->path, (int)e->name.length, e->name.at, classes->count);
        if (e->size_bytes == 0)
            return gr_fail(log, GRAFT_ERR_FORMAT, "%s: %s: the image file is empty", title,
                           e->path);
        e->label = (int32_t)label;
        per_class[label]++;
        tree->entries[kept++] = *e;
    }
    tree->count = kept;
    if (kept)
        qsort(tree->entries, kept, sizeof(*tree->entries), compare_entries);
    return GRAFT_OK;
}

/* "; left out: .." where that may be the reason. */
static const char *and_left_out(gr_tree *tree)
{
    char *text = gr_left_out_text(tree, &tree->left_out);
    if (text && *text)
        text = gr_printf(tree, "; left out: %s", text);
    return text ? text : "";
}

static graft_status check_classes(graft_log *log, gr_tree *tree, const gr_span_set *classes,
                                  const char *title, const size_t *per_class)
{
    for (size_t c = 0; c < classes->count; c++)
        if (!per_class[c])
            return gr_fail(log, GRAFT_ERR_FORMAT,
                           "%s: class folder '%.*s' has no images that can be read; fill or remove "
                           "it%s",
                           title, (int)classes->spans[c].length, classes->spans[c].at,
                           and_left_out(tree));
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

static graft_status publish(graft_log *log, const gr_tree *tree, const gr_span_set *classes,
                            gr_dataset *d)
{
    d->count = tree->count;
    d->classes = (int)classes->count;
    d->left_out = tree->left_out;
    d->samples = gr_alloc_array(d, tree->count, sizeof(*d->samples));
    d->class_names = gr_alloc_array(d, classes->count, sizeof(*d->class_names));
    if (!d->samples || !d->class_names)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for %zu samples", d->title,
                       tree->count);
    for (size_t i = 0; i < tree->count; i++)
        d->samples[i] = (gr_sample){tree->entries[i].path, tree->entries[i].label};
    for (size_t c = 0; c < classes->count; c++) {
        d->class_names[c] =
            gr_printf(d, "%.*s", (int)classes->spans[c].length, classes->spans[c].at);
        if (!d->class_names[c])
            return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for class names", d->title);
    }
    return GRAFT_OK;
}

/* ---- A split ---------------------------------------------------------------------------- */

typedef struct choice {
    gr_span folder;       /* that the images are in; empty: all splits */
    gr_span class_folder; /* whose classes count; the same, or that of train */
    bool by_rule;  /* there are neither test nor validation images: every fifth is held out */
    bool held_out; /* and these are wanted */
} choice;

static graft_status choose(graft_log *log, gr_tree *tree, const char *split, const char *title,
                           choice *c)
{
    gr_span train;
    *c = (choice){0};
    if (!strcmp(split, "all"))
        return GRAFT_OK;
    GR_TRY(gr_tree_folder(log, tree, title, split, &c->folder));
    GR_TRY(gr_tree_folder(log, tree, title, "train", &train));
    gr_split_role role = gr_split_role_of(gr_span_of(split));
    bool evaluates = role == GR_SPLIT_TEST || role == GR_SPLIT_VAL;
    c->held_out = !c->folder.length && evaluates;
    if (c->held_out)
        c->folder = train;
    c->by_rule = !has_role(tree, GR_SPLIT_TEST) && !has_role(tree, GR_SPLIT_VAL) &&
                 c->folder.length && !gr_span_compare(c->folder, train);
    c->class_folder = train.length ? train : c->folder;
    if (c->folder.length)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_NOT_FOUND,
                   "%s: no images for split '%s'; expected <class>/<image> or %s/<class>/<image>%s",
                   title, split, c->held_out ? "train" : split, and_left_out(tree));
}

/* How many images each folder has. */
static graft_status count_parts(graft_log *log, const gr_tree *tree, gr_dataset *d)
{
    for (size_t i = 0; i < tree->count; i++) {
        const gr_tree_entry *e = &tree->entries[i];
        size_t k = 0;
        if (e->directory || e->role == GR_SPLIT_NONE)
            continue;
        while (k < d->part_count && !gr_span_is(e->folder, d->parts[k].name))
            k++;
        if (k == d->part_count) {
            gr_part *part = gr_push(d, (void **)&d->parts, &d->part_count, sizeof(*d->parts));
            if (!part || !(part->name = gr_printf(d, "%.*s", (int)e->folder.length, e->folder.at)))
                return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", d->title);
        }
        d->parts[k].images++;
    }
    return GRAFT_OK;
}

static void count_unplaced(gr_tree *tree, gr_span chosen)
{
    for (size_t i = 0; i < tree->count; i++) {
        const gr_tree_entry *e = &tree->entries[i];
        if (!e->directory && e->role == GR_SPLIT_NONE && (!chosen.length || !in_folder(e, chosen)))
            gr_left_out_unplaced(&tree->left_out, e->path);
    }
}

static graft_status describe(graft_log *log, const choice *c, gr_dataset *d)
{
    bool single = d->part_count == 1;
    d->part = c->folder.length ? gr_printf(d, "%.*s", (int)c->folder.length, c->folder.at) : "all";
    const char *rule =
        c->held_out ? "every fifth of each class" : "without every fifth of each class";
    if (!d->part)
        d->origin = NULL;
    else if (c->by_rule)
        d->origin = single ? gr_strdup(d, rule) : gr_printf(d, "%s/, %s", d->part, rule);
    else
        d->origin = c->folder.length ? gr_printf(d, "%s/", d->part) : "all images";
    return d->origin ? GRAFT_OK : gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", d->title);
}

graft_status gr_tree_select(graft_log *log, gr_tree *tree, const char *split, gr_dataset *d)
{
    choice c;
    gr_span_set classes;
    GR_TRY(count_parts(log, tree, d));
    count_unplaced(tree, gr_span_of(split));
    GR_TRY(choose(log, tree, split, d->title, &c));
    GR_TRY(describe(log, &c, d));
    if (!list_classes(tree, c.class_folder, &classes))
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for class names", d->title);
    size_t *per_class = gr_alloc_array(tree, classes.count + 1, sizeof(*per_class));
    if (!per_class)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for class names", d->title);
    GR_TRY(label_images(log, tree, c.folder, &classes, d->title, per_class));
    if (!gr_span_compare(c.folder, c.class_folder)) /* a test folder may lack a class */
        GR_TRY(check_classes(log, tree, &classes, d->title, per_class));
    if (c.by_rule)
        hold_out(tree, c.held_out);
    return publish(log, tree, &classes, d);
}
