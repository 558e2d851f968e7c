/* The VTAB-1k layout: a folder with lists, each line "path label". The label is what follows the
 * last blank, so paths may hold blanks. DIR/classes.txt, if there, names the classes: line n is
 * the name of label n, optionally "id<TAB>name". */
#include "data/source.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* More would be a mistake in the list, and a head of gigabytes. */
enum { MAX_CLASSES = 1 << 20 };

typedef struct file_list {
    gr_dataset base;
    const char *directory;
    uint32_t *lines; /* [count], from 1 */
} file_list;

/* A list while it is parsed. */
typedef struct list {
    graft_log *log;
    const char *path; /* of the list itself */
    int limit;        /* labels must be below */
    int max_label;
} list;

static bool exists(const char *directory, const char *name, const char *suffix)
{
    char *path = gr_printf(NULL, "%s/%s%s", directory, name, suffix);
    struct stat info;
    bool found = path && !stat(path, &info) && S_ISREG(info.st_mode);
    gr_free(path);
    return found;
}

bool gr_file_list_probe(const char *directory, const char *split)
{
    static const char *const known[] = {"train800val200", "train800", "val200",
                                        "train",          "val",      "test"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (exists(directory, known[i], ".txt"))
            return true;
    return exists(directory, split, ".txt");
}

/* The file name, without ".txt", of a split's list. */
static const char *list_name(const char *directory, const char *split)
{
    if (!strcmp(split, "train") && exists(directory, "train800val200", ".txt"))
        return "train800val200";
    if (!strcmp(split, "val") && exists(directory, "val200", ".txt"))
        return "val200";
    return split;
}

static graft_status parse_label(const list *l, size_t number, const char *text, int32_t *label)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end)
        return gr_fail(l->log, GRAFT_ERR_FORMAT,
                       "%s:%zu: label '%.40s' is not a number; expected \"path label\"", l->path,
                       number, text);
    if (errno || value < 0 || value >= l->limit)
        return gr_fail(l->log, GRAFT_ERR_FORMAT, "%s:%zu: label %.40s; expected 0 to %d", l->path,
                       number, text, l->limit - 1);
    *label = (int32_t)value;
    return GRAFT_OK;
}

/* Cuts the line in two; the path stays in `line`. */
static graft_status parse_line(list *l, size_t number, char *line, int32_t *label)
{
    char *blank = strrchr(line, ' ');
    char *tab = strrchr(line, '\t');
    char *cut = !blank || (tab && tab > blank) ? tab : blank;
    if (!cut || cut == line)
        return gr_fail(l->log, GRAFT_ERR_FORMAT,
                       "%s:%zu: '%.80s' has no label; expected \"path "
                       "label\"",
                       l->path, number, line);
    *cut = '\0';
    GR_TRY(parse_label(l, number, cut + 1, label));
    while (cut > line && isblank((unsigned char)cut[-1]))
        *--cut = '\0';
    if (*label > l->max_label)
        l->max_label = *label;
    return GRAFT_OK;
}

static char *image_path(const file_list *d, const char *name)
{
    return name[0] == '/' ? gr_strdup(NULL, name) : gr_printf(NULL, "%s/%s", d->directory, name);
}

/* Found out now rather than an hour into the training. */
static graft_status check_image(const file_list *d, const list *l, size_t number, const char *name)
{
    char *path = image_path(d, name);
    if (!path)
        return gr_fail(l->log, GRAFT_ERR_MEMORY, "%s: no memory", l->path);
    graft_status status = GRAFT_OK;
    struct stat info;
    if (stat(path, &info))
        status = gr_fail(l->log, errno == ENOENT ? GRAFT_ERR_NOT_FOUND : GRAFT_ERR_IO,
                         "%s:%zu: %s: %s", l->path, number, name, strerror(errno));
    else if (!S_ISREG(info.st_mode))
        status = gr_fail(l->log, GRAFT_ERR_IO, "%s:%zu: %s: not a file", l->path, number, name);
    else if (info.st_size == 0)
        status = gr_fail(l->log, GRAFT_ERR_FORMAT, "%s:%zu: %s: the image file is empty", l->path,
                         number, name);
    gr_free(path);
    return status;
}

/* Fills the samples of d, or with d NULL only looks at the labels. */
static graft_status parse_list(file_list *d, list *l, gr_text *text)
{
    if (d) {
        d->base.samples = gr_alloc_array(d, text->count, sizeof(*d->base.samples));
        d->lines = gr_alloc_array(d, text->count, sizeof(*d->lines));
        if (!d->base.samples || !d->lines)
            return gr_fail(l->log, GRAFT_ERR_MEMORY, "%s: no memory", l->path);
    }
    for (size_t i = 0; i < text->count; i++) {
        char *line = text->lines[i];
        int32_t label = 0;
        if (!*line)
            continue;
        GR_TRY(parse_line(l, i + 1, line, &label));
        if (!d)
            continue;
        GR_TRY(check_image(d, l, i + 1, line));
        d->lines[d->base.count] = (uint32_t)(i + 1);
        d->base.samples[d->base.count++] = (gr_sample){line, label};
    }
    return GRAFT_OK;
}

/* Reads DIR/name.txt; with `keep` its lines become the samples. */
static graft_status read_list(graft_log *log, file_list *d, const char *name, bool keep, int limit,
                              int *max_label)
{
    gr_text *text = NULL;
    list l = {.log = log, .limit = limit, .max_label = *max_label};
    l.path = gr_printf(d, "%s/%s.txt", d->directory, name);
    if (!l.path)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", d->directory);
    GR_TRY(gr_text_read(log, d, l.path, &text));
    GR_TRY(parse_list(keep ? d : NULL, &l, text));
    *max_label = l.max_label;
    if (keep)
        d->base.title = l.path;
    else
        gr_free(text);
    return GRAFT_OK;
}

static graft_status read_class_names(graft_log *log, file_list *d)
{
    gr_text *text = NULL;
    const char *path = gr_printf(d, "%s/classes.txt", d->directory);
    if (!path)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", d->directory);
    GR_TRY(gr_text_read(log, d, path, &text));
    d->base.class_names = gr_alloc_array(d, text->count, sizeof(*d->base.class_names));
    if (!d->base.class_names)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    for (size_t i = 0; i < text->count && i < MAX_CLASSES; i++) {
        const char *tab = strchr(text->lines[i], '\t');
        d->base.class_names[d->base.classes++] = tab ? tab + 1 : text->lines[i];
    }
    return GRAFT_OK;
}

static graft_status open_lists(graft_log *log, file_list *d, const gr_dataset_params *params)
{
    const char *name = list_name(d->directory, params->split);
    const char *train = list_name(d->directory, "train");
    int max_label = -1;
    if (exists(d->directory, "classes", ".txt"))
        GR_TRY(read_class_names(log, d));
    int limit = d->base.classes ? d->base.classes : MAX_CLASSES;
    if (params->classes && params->classes < limit)
        limit = params->classes;
    GR_TRY(read_list(log, d, name, true, limit, &max_label));
    /* The rarest classes may be missing from one list; the training list has them all. */
    if (!d->base.classes && strcmp(name, train) && exists(d->directory, train, ".txt"))
        GR_TRY(read_list(log, d, train, false, limit, &max_label));
    if (!d->base.classes)
        d->base.classes = max_label + 1;
    return GRAFT_OK;
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
        status = gr_image_load(log, path, culprit, out);
    else
        gr_fail(log, status, "%s: no memory", name);
    gr_free(culprit);
    gr_free(path);
    return status;
}

static const gr_source source = {.image = list_image};

graft_status gr_file_list_open(graft_log *log, const char *spec, const gr_dataset_params *params,
                               gr_dataset **out)
{
    file_list *d = gr_alloc(NULL, sizeof(*d));
    if (!d)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", spec);
    d->base.source = &source;
    d->directory = gr_strdup(d, spec);
    graft_status status = d->directory ? open_lists(log, d, params) : GRAFT_ERR_MEMORY;
    if (status == GRAFT_OK)
        *out = &d->base;
    else
        gr_free(d);
    return status;
}
