#include "data/relabel.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/source.h"

#include <string.h>

static bool is_named(const char *const *names, int count, int index, const char *name)
{
    return index < count && names[index] && strcmp(names[index], name) == 0;
}

static bool is_unnamed(const char *const *names, int count, int index)
{
    return index < count && (!names[index] || !*names[index]);
}

/* -1: no such name. */
static int label_of(const char *const *names, int count, int own, const char *name)
{
    if (!name || !*name || is_named(names, count, own, name))
        return own;
    for (int i = 0; i < count; i++)
        if (is_named(names, count, i, name))
            return i;
    return is_unnamed(names, count, own) ? own : -1;
}

graft_status gr_dataset_relabel(graft_log *log, gr_dataset *d, const char *const *names, int count)
{
    if (!d->class_names)
        return GRAFT_OK;
    int32_t *labels = gr_alloc_array(d, (size_t)d->classes + 1, sizeof(*labels));
    if (!labels)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for class names", d->title);
    for (int c = 0; c < d->classes; c++)
        labels[c] = label_of(names, count, c, d->class_names[c]);
    for (size_t i = 0; i < d->count; i++) {
        int32_t own = d->samples[i].label;
        if (labels[own] < 0)
            return gr_fail(log, GRAFT_ERR_FORMAT,
                           "%s: class '%s' is none of the model's %d classes (%s, ..); rename it, "
                           "or give the data that the model is for",
                           d->title, d->class_names[own], count, names[0] ? names[0] : "");
        d->samples[i].label = labels[own];
    }
    d->classes = count;
    d->class_names = NULL; /* they were in the order of the old labels */
    return GRAFT_OK;
}
