/* Folders with lists of their images: VTAB-1k, few-shot and FGVC sets as the papers' codes keep
 * them, see list_find.h. DIR/classes.txt, if there, names the classes, see names_file.h. */
#include "data/source.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/system.h"
#include "data/list_find.h"
#include "data/list_read.h"
#include "data/names_file.h"
#include "data/span.h"

#include <errno.h>
#include <string.h>

/* More would be a mistake in the list, and a head of gigabytes. */
enum { MAX_CLASSES = 1 << 17 };

typedef struct file_list {
    gr_dataset base;
    const char *directory;
    const char *images; /* the folder that the paths are relative to */
    uint32_t *lines;    /* [count], see gr_image_list */
} file_list;

static char *image_path(const file_list *d, const char *name)
{
    return name[0] == '/' ? gr_strdup(NULL, name) : gr_printf(NULL, "%s/%s", d->images, name);
}

/* Whether the path leaves the folder that it is relative to. */
static bool leads_outside(const char *path)
{
    int depth = 0;
    if (*path == '/')
        return true;
    for (gr_span c = gr_take_component(&path); c.length && depth >= 0; c = gr_take_component(&path))
        depth += gr_span_is(c, "..") ? -1 : !gr_span_is(c, ".");
    return depth < 0;
}

/* Found out now rather than an hour into the training. */
static graft_status check_image(graft_log *log, file_list *d, size_t index)
{
    const char *name = d->base.samples[index].name, *list = d->base.title;
    char *path = image_path(d, name);
    if (!path)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", list);
    graft_status status = GRAFT_OK;
    gr_path_info info;
    if (!gr_path_get_info(path, &info))
        status = gr_fail(log, errno == ENOENT ? GRAFT_ERR_NOT_FOUND : GRAFT_ERR_IO, "%s:%u: %s: %s",
                         list, d->lines[index], name, strerror(errno));
    else if (info.kind != GR_PATH_FILE)
        status = gr_fail(log, GRAFT_ERR_IO, "%s:%u: %s: not a file", list, d->lines[index], name);
    else if (info.size_bytes == 0)
        status = gr_fail(log, GRAFT_ERR_FORMAT, "%s:%u: %s: the image file is empty", list,
                         d->lines[index], name);
    gr_free(path);
    d->base.outside += leads_outside(name);
    return status;
}

/* The folder that has the first image; the last candidate when none has. */
static graft_status find_images(graft_log *log, file_list *d, const gr_list_place *place)
{
    const char *first = d->base.count ? d->base.samples[0].name : "";
    for (const char *const *folder = place->folders; *folder; folder++) {
        char *images =
            **folder ? gr_printf(d, "%s/%s", d->directory, *folder) : gr_strdup(d, d->directory);
        if (!images)
            return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", d->directory);
        d->images = images;
        if (gr_list_exists(images, first))
            break;
    }
    return GRAFT_OK;
}

static graft_status read_class_names(graft_log *log, file_list *d, gr_names_file *names)
{
    *names = (gr_names_file){0};
    if (!gr_list_exists(d->directory, "classes.txt"))
        return GRAFT_OK;
    const char *path = gr_printf(d, "%s/classes.txt", d->directory);
    if (!path)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", d->directory);
    GR_TRY(gr_names_file_read(log, d, path, names));
    if (names->count > MAX_CLASSES)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: %zu names; at most %d classes are supported",
                       path, names->count, MAX_CLASSES);
    return GRAFT_OK;
}

static graft_status read_list(graft_log *log, file_list *d, const gr_list_place *place,
                              const char *train_path, int limit, gr_image_list *out)
{
    if (place->format == GR_LIST_JSON)
        return gr_list_read_json(log, d, place->path, train_path, limit, out);
    return gr_list_read_text(log, d, place->path, limit, out);
}

/* The rarest classes may be missing from one list; the training list has them all. */
static graft_status count_classes(graft_log *log, file_list *d, const gr_list_place *train,
                                  const gr_image_list *own, int limit)
{
    gr_image_list all = {0};
    d->base.classes = own->classes;
    if (train->format == GR_LIST_JSON || !strcmp(train->path, d->base.title) ||
        !gr_file_exists(train->path))
        return GRAFT_OK;
    GR_TRY(gr_list_read_text(log, d, train->path, limit, &all));
    if (all.classes > d->base.classes)
        d->base.classes = all.classes;
    return GRAFT_OK;
}

static graft_status name_classes(graft_log *log, file_list *d, const gr_names_file *names,
                                 const gr_image_list *list)
{
    bool by_id;
    d->base.class_names = gr_names_file_match(d, names, list, &d->base.classes, &by_id);
    if (!d->base.class_names)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for class names", d->directory);
    if (by_id)
        d->base.note = "classes.txt names them by their numbers";
    return GRAFT_OK;
}

static graft_status open_lists(graft_log *log, file_list *d, const gr_dataset_params *params)
{
    gr_list_place place, train;
    gr_image_list list = {0};
    gr_names_file names;
    if (!gr_list_find(d, d->directory, params->split, params->shots, params->seed, &place) ||
        !gr_list_find(d, d->directory, "train", 0, 0, &train))
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", d->directory);
    GR_TRY(read_class_names(log, d, &names));
    int limit = names.count ? (int)names.count : MAX_CLASSES;
    if (params->classes && params->classes < limit)
        limit = params->classes;
    GR_TRY(read_list(log, d, &place, train.path, limit, &list));
    d->base.title = place.path;
    d->base.origin = place.path + strlen(d->directory) + 1;
    d->base.drawn = place.of_shots;
    d->base.count = list.count;
    d->base.samples = list.samples;
    d->lines = list.lines;
    GR_TRY(find_images(log, d, &place));
    for (size_t i = 0; i < d->base.count; i++)
        GR_TRY(check_image(log, d, i));
    return names.count ? name_classes(log, d, &names, &list)
                       : count_classes(log, d, &train, &list, limit);
}

static graft_status list_image(graft_log *log, const gr_dataset *dataset, size_t index,
                               gr_image *out)
{
    const file_list *d = (const file_list *)dataset;
    const char *name = dataset->samples[index].name;
    graft_status status = GRAFT_ERR_MEMORY;
    char *path = image_path(d, name);
    char *culprit = gr_printf(NULL, "%s:%u: %s", dataset->title, d->lines[index], name);
    if (path && culprit)
        status = gr_image_load(log, path, culprit, &dataset->decode, out);
    else
        gr_fail(log, status, "%s: no memory", name);
    gr_free(culprit);
    gr_free(path);
    return status;
}

static graft_status list_head(graft_log *log, const gr_dataset *dataset, size_t index,
                              gr_image_head *out)
{
    const file_list *d = (const file_list *)dataset;
    const char *name = dataset->samples[index].name;
    graft_status status = GRAFT_ERR_MEMORY;
    char *path = image_path(d, name);
    out->name = gr_printf(NULL, "%s:%u: %s", dataset->title, d->lines[index], name);
    if (path && out->name)
        status = gr_file_read_head(log, path, out->bytes, GR_CODEC_HEAD, &out->size_bytes);
    else
        gr_fail(log, status, "%s: no memory", name);
    if (status != GRAFT_OK)
        gr_free(out->name);
    gr_free(path);
    return status;
}

static const gr_source source = {.image = list_image, .head = list_head};

graft_status gr_file_list_open(graft_log *log, const char *spec, const gr_dataset_params *params,
                               gr_dataset **out)
{
    file_list *d = gr_alloc(NULL, sizeof(*d));
    if (!d)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", spec);
    d->base.source = &source;
    d->directory = gr_strdup(d, spec);
    graft_status status = d->directory ? open_lists(log, d, params)
                                       : gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", spec);
    if (status == GRAFT_OK)
        *out = &d->base;
    else
        gr_free(d);
    return status;
}
