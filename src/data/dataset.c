#include "data/dataset.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/system.h"
#include "data/list_find.h"
#include "data/source.h"
#include "data/subset.h"

#include <errno.h>
#include <string.h>

typedef graft_status (*open_function)(graft_log *log, const char *spec,
                                      const gr_dataset_params *params, gr_dataset **out);

static graft_status pick_source(graft_log *log, const char *spec, const char *split,
                                open_function *open)
{
    gr_path_info info;
    if (!strncmp(spec, GR_DSPRITES_PREFIX, strlen(GR_DSPRITES_PREFIX)))
        *open = gr_dsprites_open;
    else if (!gr_path_get_info(spec, &info))
        return gr_fail(log, errno == ENOENT ? GRAFT_ERR_NOT_FOUND : GRAFT_ERR_IO,
                       "%s: %s; expected a folder, a .tar file, dsprites:location or "
                       "dsprites:orientation",
                       spec, strerror(errno));
    else if (info.kind != GR_PATH_FOLDER)
        *open = gr_tar_open;
    else if (gr_list_probe(spec, split))
        *open = gr_file_list_open;
    else
        *open = gr_tar_probe(spec) ? gr_tar_open : gr_image_folder_open;
    return GRAFT_OK;
}

/* Files that keep the names could not be written, or would lose them. */
static graft_status check_names(graft_log *log, const gr_dataset *d)
{
    for (int c = 0; d->class_names && c < d->classes; c++)
        if (!gr_is_utf8(d->class_names[c]))
            return gr_fail(log, GRAFT_ERR_FORMAT,
                           "%s: the name of class %d, '%s', is not UTF-8; rename it", d->title, c,
                           d->class_names[c]);
    return GRAFT_OK;
}

static graft_status check(graft_log *log, const gr_dataset *d, const gr_dataset_params *params)
{
    if (d->count == 0)
        return gr_fail(log, GRAFT_ERR_NOT_FOUND, "%s: no images in split '%s'", d->title,
                       params->split);
    if (d->count > UINT32_MAX)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED, "%s: %zu images; at most %u are supported",
                       d->title, d->count, UINT32_MAX);
    if (params->classes && d->classes > params->classes)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: %d classes; expected at most %d", d->title,
                       d->classes, params->classes);
    gr_log(log, GRAFT_LOG_DEBUG, "%s: split '%s' has %zu images of %d classes", d->title,
           params->split, d->count, d->classes);
    return check_names(log, d);
}

/* Opens a split; train80 and val20 are parts of train, unless the data has lists of that name. */
static graft_status open_part(graft_log *log, const char *spec, const gr_dataset_params *params,
                              gr_dataset **out)
{
    gr_dataset_params p = *params;
    open_function open = NULL;
    bool rest = !strcmp(p.split, "train80"), held_out = !strcmp(p.split, "val20");
    char *own = gr_printf(NULL, "%s.txt", p.split);
    if (own && (rest || held_out) && !gr_list_exists(spec, own))
        p.split = "train";
    else
        rest = held_out = false;
    gr_free(own);
    GR_TRY(pick_source(log, spec, p.split, &open));
    GR_TRY(open(log, spec, &p, out));
    (*out)->decode = p.decode;
    if (rest || held_out)
        GR_TRY(gr_subset_hold_out(log, out, held_out));
    return p.shots && !(*out)->drawn ? gr_subset_draw(log, out, p.shots, p.seed) : GRAFT_OK;
}

graft_status gr_dataset_open(graft_log *log, const char *spec, const gr_dataset_params *params,
                             gr_dataset **out)
{
    *out = NULL;
    gr_dataset_params p = params ? *params : (gr_dataset_params){0};
    if (!p.split)
        p.split = "train";
    if (!*p.split || strchr(p.split, '/'))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "split '%s': expected a plain name", p.split);
    if (p.shots < 0)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "%d shots: expected 0, all images, or more",
                       p.shots);
    gr_dataset *dataset = NULL;
    GR_TRY(open_part(log, spec, &p, &dataset));
    graft_status status = check(log, dataset, &p);
    if (status == GRAFT_OK)
        *out = dataset;
    else
        gr_dataset_close(&dataset);
    return status;
}

void gr_dataset_close(gr_dataset **dataset)
{
    if (!dataset || !*dataset)
        return;
    if ((*dataset)->source->close)
        (*dataset)->source->close(*dataset);
    gr_free(*dataset);
    *dataset = NULL;
}

size_t gr_dataset_count(const gr_dataset *dataset)
{
    return dataset->count;
}

int gr_dataset_classes(const gr_dataset *dataset)
{
    return dataset->classes;
}

const char *gr_dataset_class_name(const gr_dataset *dataset, int label)
{
    bool named = dataset->class_names && label >= 0 && label < dataset->classes;
    return named ? dataset->class_names[label] : NULL;
}

const char *gr_dataset_name(const gr_dataset *dataset, size_t index)
{
    return index < dataset->count ? dataset->samples[index].name : NULL;
}

int gr_dataset_label(const gr_dataset *dataset, size_t index)
{
    return index < dataset->count ? dataset->samples[index].label : -1;
}

graft_status gr_dataset_image(graft_log *log, const gr_dataset *dataset, size_t index,
                              gr_image *out)
{
    *out = (gr_image){0};
    if (index >= dataset->count)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: image %zu; expected 0 to %zu", dataset->title,
                       index, dataset->count - 1);
    return dataset->source->image(log, dataset, index, out);
}

graft_status gr_dataset_probe(graft_log *log, const gr_dataset *dataset, size_t index)
{
    gr_image_head head;
    GR_TRY(dataset->source->head(log, dataset, index, &head));
    graft_status status = GRAFT_OK;
    if (head.name && !gr_codec_of(head.bytes, head.size_bytes))
        status = gr_codec_refuse(log, head.name, head.bytes, head.size_bytes);
    gr_free(head.name);
    return status;
}
