/* A folder tree on disk: <class>/<image>, or <split>/<class>/<image>. Folders below a class belong
 * to it; symbolic links are followed. */
#include "data/source.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/system.h"
#include "data/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A link that leads back up would go on for ever. */
enum { MAX_DEPTH = 12 };

typedef struct image_folder {
    gr_dataset base;
    gr_tree *tree;
} image_folder;

static graft_status scan(graft_log *log, image_folder *d, const char *inner, int depth);

/* Adds DIR/inner, and when it is a folder all below it. */
static graft_status scan_entry(graft_log *log, image_folder *d, const char *inner, int depth)
{
    gr_path_info info;
    char *path = gr_printf(NULL, "%s/%s", d->base.title, inner);
    bool found = path && gr_path_get_info(path, &info);
    graft_status status = GRAFT_OK;
    if (!path)
        status = gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", d->base.title);
    else if (!found)
        status = gr_fail(log, GRAFT_ERR_IO, "%s: %s", path, strerror(errno));
    gr_free(path);
    GR_TRY(status);
    bool directory = info.kind == GR_PATH_FOLDER;
    if (!directory && info.kind != GR_PATH_FILE) {
        d->tree->left_out.special++;
        return GRAFT_OK;
    }
    gr_tree_entry entry = {.path = inner, .directory = directory, .size_bytes = info.size_bytes};
    if (!gr_tree_add(d->tree, &entry))
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", d->base.title);
    return directory ? scan(log, d, inner, depth + 1) : GRAFT_OK;
}

static graft_status scan_open(graft_log *log, image_folder *d, const char *inner, int depth,
                              gr_folder *folder)
{
    for (const char *name; (name = gr_folder_next(folder));) {
        if (name[0] == '.') {
            d->tree->left_out.hidden++;
            continue;
        }
        char *below = *inner ? gr_printf(NULL, "%s/%s", inner, name) : gr_strdup(NULL, name);
        graft_status status = below ? scan_entry(log, d, below, depth) : GRAFT_ERR_MEMORY;
        gr_free(below);
        GR_TRY(status);
    }
    return errno == 0
               ? GRAFT_OK
               : gr_fail(log, GRAFT_ERR_IO, "%s/%s: %s", d->base.title, inner, strerror(errno));
}

static graft_status scan(graft_log *log, image_folder *d, const char *inner, int depth)
{
    if (depth > MAX_DEPTH)
        return gr_fail(log, GRAFT_ERR_FORMAT,
                       "%s/%s: more than %d folders deep (a link that "
                       "leads back?)",
                       d->base.title, inner, MAX_DEPTH);
    char *path = gr_printf(NULL, "%s/%s", d->base.title, inner);
    gr_folder *folder = path ? gr_folder_open(path) : NULL;
    graft_status status;
    if (folder)
        status = scan_open(log, d, inner, depth, folder);
    else
        status = gr_fail(log, path ? GRAFT_ERR_IO : GRAFT_ERR_MEMORY, "%s/%s: %s", d->base.title,
                         inner, strerror(errno));
    if (folder)
        gr_folder_close(folder);
    gr_free(path);
    return status;
}

static graft_status open_folder(graft_log *log, image_folder *d, const char *split)
{
    GR_TRY(scan(log, d, "", 0));
    GR_TRY(gr_tree_group(log, d->tree, 0, d->base.title, "train"));
    return gr_tree_select(log, d->tree, split, &d->base);
}

static graft_status folder_image(graft_log *log, const gr_dataset *dataset, size_t index,
                                 gr_image *out)
{
    char *path = gr_printf(NULL, "%s/%s", dataset->title, dataset->samples[index].name);
    if (!path)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", dataset->title);
    graft_status status = gr_image_load(log, path, path, &dataset->decode, out);
    gr_free(path);
    return status;
}

static graft_status folder_head(graft_log *log, const gr_dataset *dataset, size_t index,
                                gr_image_head *out)
{
    out->name = gr_printf(NULL, "%s/%s", dataset->title, dataset->samples[index].name);
    if (!out->name)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", dataset->title);
    graft_status status =
        gr_file_read_head(log, out->name, out->bytes, GR_CODEC_HEAD, &out->size_bytes);
    if (status != GRAFT_OK)
        gr_free(out->name);
    return status;
}

static const gr_source source = {.image = folder_image, .head = folder_head};

static image_folder *create(const char *spec)
{
    image_folder *d = gr_alloc(NULL, sizeof(*d));
    if (!d)
        return NULL;
    d->base.source = &source;
    d->base.title = gr_strdup(d, spec);
    d->tree = gr_alloc(d, sizeof(*d->tree));
    if (d->base.title && d->tree)
        return d;
    gr_free(d);
    return NULL;
}

unsigned gr_image_folder_roles(const char *spec)
{
    image_folder *d = create(spec);
    unsigned roles = 0;
    if (d && scan(NULL, d, "", 0) == GRAFT_OK &&
        gr_tree_group(NULL, d->tree, 0, spec, "train") == GRAFT_OK)
        for (size_t i = 0; i < d->tree->count; i++)
            if (!d->tree->entries[i].directory)
                roles |= 1u << d->tree->entries[i].role;
    gr_free(d);
    return roles;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static graft_status list_images(graft_log *log, const image_folder *d, void *parent,
                                const char ***paths, size_t *count)
{
    const char *folder = d->base.title;
    char *left_out = gr_left_out_text(parent, &d->tree->left_out);
    *paths = gr_alloc_array(parent, d->tree->count + 1, sizeof(**paths));
    bool fits = left_out && *paths;
    for (size_t i = 0; fits && i < d->tree->count; i++)
        if (!d->tree->entries[i].directory) {
            (*paths)[*count] = gr_path_join(parent, folder, d->tree->entries[i].path);
            fits = (*paths)[(*count)++] != NULL;
        }
    if (!fits)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", folder);
    if (!*count)
        return gr_fail(log, GRAFT_ERR_NOT_FOUND, "%s: no images in it%s%s", folder,
                       *left_out ? "; left out: " : "", left_out);
    qsort(*paths, *count, sizeof(**paths), compare_paths);
    if (*left_out)
        gr_log(log, GRAFT_LOG_INFO, "%s: %zu images; left out: %s", folder, *count, left_out);
    return GRAFT_OK;
}

graft_status gr_image_folder_list(graft_log *log, void *parent, const char *folder,
                                  const char ***paths, size_t *count)
{
    image_folder *d = create(folder);
    *count = 0;
    if (!d)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", folder);
    graft_status status = scan(log, d, "", 0);
    if (status == GRAFT_OK)
        status = list_images(log, d, parent, paths, count);
    gr_free(d);
    return status;
}

graft_status gr_image_folder_open(graft_log *log, const char *spec, const gr_dataset_params *params,
                                  gr_dataset **out)
{
    image_folder *d = create(spec);
    if (!d)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", spec);
    graft_status status = open_folder(log, d, params->split);
    if (status == GRAFT_OK)
        *out = &d->base;
    else
        gr_free(d);
    return status;
}
