#include "train/checkpoint.h"

#include "weights/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Gradients are not kept: the next step makes them anew. */
static const struct {
    gr_param_plane plane;
    const char *prefix;
} saved_planes[] = {
    {GR_PLANE_VALUE, "value."},
    {GR_PLANE_MOMENT1, "moment1."},
    {GR_PLANE_MOMENT2, "moment2."},
    {GR_PLANE_AVERAGE, "average."},
};

enum { SAVED_PLANES = sizeof(saved_planes) / sizeof(saved_planes[0]) };

static bool has_plane(const gr_params *params, int saved)
{
    return params->planes & GR_PLANE_BIT(saved_planes[saved].plane);
}

/* The plane and parameter of a tensor name of a checkpoint. */
static const gr_param *find_saved(const gr_params *params, const char *name, gr_param_plane *plane)
{
    for (int i = 0; i < SAVED_PLANES; i++) {
        size_t length = strlen(saved_planes[i].prefix);
        *plane = saved_planes[i].plane;
        if (has_plane(params, i) && strncmp(name, saved_planes[i].prefix, length) == 0)
            return gr_params_find(params, name + length);
    }
    return NULL;
}

/* What the fetch callbacks of the writer are given. */
typedef struct source {
    graft_log *log;
    const gr_params *params;
} source;

/* Reads values that must be numbers: the update after the last loss may have broken them. */
static graft_status read_value(const source *s, const gr_param *param, float *values)
{
    GR_TRY(gr_params_read(s->params, param, GR_PLANE_VALUE, values));
    for (uint64_t i = 0; i < param->bytes / sizeof(*values); i++)
        if (!isfinite(values[i]))
            return gr_fail(s->log, GRAFT_ERR_NUMERIC,
                           "%s became %s: lower `lr`, or look at the data; the last checkpoint is "
                           "kept",
                           param->name, isnan(values[i]) ? "NaN" : "infinite");
    return GRAFT_OK;
}

static graft_status fetch_saved(void *user, const gr_tensor *tensor, void *data)
{
    const source *s = user;
    gr_param_plane plane;
    const gr_param *param = find_saved(s->params, tensor->name, &plane);
    if (!param)
        return gr_fail(s->log, GRAFT_ERR_NOT_FOUND, "%s: no such parameter", tensor->name);
    return plane == GR_PLANE_VALUE ? read_value(s, param, data)
                                   : gr_params_read(s->params, param, plane, data);
}

static graft_status list_saved(graft_log *log, gr_tensors *file, const gr_params *params)
{
    char name[300];
    for (int i = 0; i < SAVED_PLANES; i++)
        for (size_t p = 0; p < params->count && has_plane(params, i); p++) {
            const gr_param *param = &params->items[p];
            snprintf(name, sizeof(name), "%s%s", saved_planes[i].prefix, param->name);
            GR_TRY(gr_tensors_add(log, file, name, GR_F32, param->shape, NULL));
        }
    return GRAFT_OK;
}

graft_status gr_planes_write(graft_log *log, const char *path, const graft_writer *writer,
                             const gr_params *params, gr_tensors *file)
{
    source from = {log, params};
    gr_safetensors_params how = {
        .fetch = fetch_saved, .user = &from, .checksum = true, .writer = writer};
    GR_TRY(list_saved(log, file, params));
    return gr_safetensors_write(log, path, file, &how);
}

/* Checks all of a file before the first value changes. */
static graft_status check_saved(graft_log *log, const char *path, const gr_tensors *file,
                                const gr_params *params)
{
    size_t expected = 0;
    gr_param_plane plane;
    for (int i = 0; i < SAVED_PLANES; i++)
        expected += has_plane(params, i) ? params->count : 0;
    if (gr_tensors_count(file) != expected)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: %zu tensors, expected %zu", path,
                       gr_tensors_count(file), expected);
    for (size_t i = 0; i < expected; i++) {
        const gr_tensor *t = gr_tensors_at(file, i);
        const gr_param *param = find_saved(params, t->name, &plane);
        if (!param || t->dtype != GR_F32 || !gr_shape_equal(&t->shape, &param->shape))
            return gr_fail(log, GRAFT_ERR_FORMAT, "%s: unexpected tensor %s", path, t->name);
    }
    return GRAFT_OK;
}

graft_status gr_planes_load(graft_log *log, const char *path, const gr_tensors *file,
                            const gr_params *params)
{
    GR_TRY(check_saved(log, path, file, params));
    for (size_t i = 0; i < gr_tensors_count(file); i++) {
        const gr_tensor *t = gr_tensors_at(file, i);
        gr_param_plane plane;
        const gr_param *param = find_saved(params, t->name, &plane);
        GR_TRY(gr_params_write(params, param, plane, t->data));
    }
    return GRAFT_OK;
}

static graft_status fetch_value(void *user, const gr_tensor *tensor, void *data)
{
    const source *s = user;
    const gr_param *param = gr_params_find(s->params, tensor->name);
    return param ? read_value(s, param, data)
                 : gr_fail(s->log, GRAFT_ERR_NOT_FOUND, "%s: no such parameter", tensor->name);
}

graft_status gr_params_save(graft_log *log, const char *path, const graft_writer *writer,
                            const gr_params *params, const gr_tensors *header)
{
    gr_tensors *file = gr_tensors_create();
    if (!file)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", path);
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < gr_tensors_metadata_count(header) && status == GRAFT_OK; i++) {
        const char *key, *value;
        gr_tensors_metadata_at(header, i, &key, &value);
        status = gr_tensors_set_metadata(log, file, key, value);
    }
    for (size_t i = 0; i < params->count && status == GRAFT_OK; i++)
        status =
            gr_tensors_add(log, file, params->items[i].name, GR_F32, params->items[i].shape, NULL);
    for (size_t i = 0; i < gr_tensors_count(header) && status == GRAFT_OK; i++) {
        const gr_tensor *t = gr_tensors_at(header, i);
        status = gr_tensors_add(log, file, t->name, t->dtype, t->shape, t->data);
    }
    source from = {log, params};
    gr_safetensors_params how = {
        .sorted = true, .fetch = fetch_value, .user = &from, .checksum = true, .writer = writer};
    if (status == GRAFT_OK)
        status = gr_safetensors_write(log, path, file, &how);
    gr_tensors_destroy(&file);
    return status;
}
