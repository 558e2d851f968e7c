/* The ImageFolder tree inside an uncompressed tar archive, or inside train.tar, val.tar and
 * test.tar of one folder. The archives are mapped, not read: only headers are touched when opening.
 */
#include "data/source.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/tar_links.h"
#include "data/tar_scan.h"
#include "data/tree.h"

#include <string.h>

enum { MAX_ARCHIVES = 3 };

typedef struct archive {
    const char *path;
    gr_mapping mapping;
} archive;

typedef struct tar {
    gr_dataset base;
    archive archives[MAX_ARCHIVES];
    uint32_t archive_count;
    size_t links; /* of the latest archive */
    gr_tree *tree;
} tar;

bool gr_tar_probe(const char *directory)
{
    char *path = gr_printf(NULL, "%s/train.tar", directory);
    bool found = path && gr_file_exists(path);
    gr_free(path);
    return found;
}

static graft_status add_member(void *user, const gr_tar_member *member)
{
    tar *d = user;
    if (member->link) {
        d->links++;
        return GRAFT_OK;
    }
    gr_tree_entry entry = {
        .path = member->path,
        .directory = member->directory,
        .archive = d->archive_count - 1,
        .offset = member->offset,
        .size_bytes = member->size_bytes,
    };
    return gr_tree_add(d->tree, &entry) ? GRAFT_OK : GRAFT_ERR_MEMORY;
}

/* The images that links lead to. */
static graft_status add_links(graft_log *log, tar *d, const archive *a)
{
    size_t broken = 0;
    if (!d->links)
        return GRAFT_OK;
    d->links = 0;
    GR_TRY(
        gr_tar_links(log, a->path, a->mapping.data, a->mapping.size_bytes, add_member, d, &broken));
    d->tree->left_out.links += broken;
    return GRAFT_OK;
}

/* Takes `path`, a child of d or NULL. */
static graft_status add_archive(graft_log *log, tar *d, const char *path, const char *folder)
{
    if (!path)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", d->base.title);
    archive *a = &d->archives[d->archive_count++];
    a->path = path;
    GR_TRY(gr_file_map(log, path, &a->mapping));
    if (!a->mapping.data)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: the archive is empty", path);
    size_t first = d->tree->count;
    GR_TRY(gr_tar_scan(log, path, a->mapping.data, a->mapping.size_bytes, add_member, d));
    GR_TRY(add_links(log, d, a));
    return gr_tree_group(log, d->tree, first, path, folder);
}

static graft_status open_archives(graft_log *log, tar *d, const char *spec)
{
    static const char *const folders[MAX_ARCHIVES] = {"train", "val", "test"};
    if (!gr_file_is_directory(spec))
        return add_archive(log, d, gr_strdup(d, spec), "train");
    for (int i = 0; i < MAX_ARCHIVES; i++) {
        char *path = gr_printf(d, "%s/%s.tar", spec, folders[i]);
        if (!path || gr_file_exists(path))
            GR_TRY(add_archive(log, d, path, folders[i]));
    }
    return GRAFT_OK;
}

static graft_status tar_image(graft_log *log, const gr_dataset *dataset, size_t index,
                              gr_image *out)
{
    const tar *d = (const tar *)dataset;
    const gr_tree_entry *e = &d->tree->entries[index];
    const archive *a = &d->archives[e->archive];
    char *culprit = gr_printf(NULL, "%s: %s", a->path, e->path);
    if (!culprit)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", a->path);
    const uint8_t *bytes = (const uint8_t *)a->mapping.data + e->offset;
    graft_status status =
        gr_image_decode(log, culprit, bytes, (size_t)e->size_bytes, &dataset->decode, out);
    gr_free(culprit);
    return status;
}

static graft_status tar_head(graft_log *log, const gr_dataset *dataset, size_t index,
                             gr_image_head *out)
{
    const tar *d = (const tar *)dataset;
    const gr_tree_entry *e = &d->tree->entries[index];
    const archive *a = &d->archives[e->archive];
    out->name = gr_printf(NULL, "%s: %s", a->path, e->path);
    out->size_bytes = e->size_bytes < GR_CODEC_HEAD ? (size_t)e->size_bytes : GR_CODEC_HEAD;
    memcpy(out->bytes, (const uint8_t *)a->mapping.data + e->offset, out->size_bytes);
    return out->name ? GRAFT_OK : gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", a->path);
}

static void tar_close(gr_dataset *dataset)
{
    tar *d = (tar *)dataset;
    for (uint32_t i = 0; i < d->archive_count; i++)
        gr_file_unmap(&d->archives[i].mapping);
}

static const gr_source source = {.image = tar_image, .head = tar_head, .close = tar_close};

graft_status gr_tar_open(graft_log *log, const char *spec, const gr_dataset_params *params,
                         gr_dataset **out)
{
    tar *d = gr_alloc(NULL, sizeof(*d));
    if (!d)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", spec);
    d->base.source = &source;
    d->base.title = gr_strdup(d, spec);
    d->tree = gr_alloc(d, sizeof(*d->tree));
    graft_status status = GRAFT_ERR_MEMORY;
    if (d->base.title && d->tree)
        status = open_archives(log, d, spec);
    if (status == GRAFT_OK)
        status = gr_tree_select(log, d->tree, params->split, &d->base);
    gr_dataset *dataset = &d->base;
    if (status == GRAFT_OK)
        *out = dataset;
    else
        gr_dataset_close(&dataset);
    return status;
}
