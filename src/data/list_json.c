#include "data/list_read.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

typedef struct classes {
    int64_t *id; /* sorted */
    int count;
} classes;

/* Whole numbers, also when they are written as texts. */
static bool class_of(const json_t *value, int64_t *id)
{
    char *end;
    if (json_is_integer(value)) {
        *id = json_integer_value(value);
        return true;
    }
    if (!json_is_string(value))
        return false;
    *id = strtoll(json_string_value(value), &end, 10);
    return end != json_string_value(value) && !*end;
}

static graft_status read_class(graft_log *log, const char *path, const char *name,
                               const json_t *value, int64_t *id)
{
    if (class_of(value, id))
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_FORMAT, "%s: '%.120s': expected a whole number as its class",
                   path, name);
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static graft_status list_classes(graft_log *log, void *parent, const char *path, int limit,
                                 classes *out)
{
    json_t *root = NULL, *value;
    const char *name;
    size_t count = 0;
    GR_TRY(gr_json_read(log, path, &root));
    graft_status status = GRAFT_OK;
    out->id = gr_alloc_array(parent, json_object_size(root) + 1, sizeof(*out->id));
    if (!out->id)
        status = gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    json_object_foreach(root, name, value)
    {
        if (status == GRAFT_OK)
            status = read_class(log, path, name, value, &out->id[count++]);
    }
    json_decref(root);
    GR_TRY(status);
    qsort(out->id, count, sizeof(*out->id), compare_ids);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || out->id[i] != out->id[i - 1])
            out->id[out->count++] = out->id[i];
    if (out->count > limit)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: %d classes; expected at most %d", path,
                       out->count, limit);
    return GRAFT_OK;
}

static graft_status add_item(graft_log *log, void *parent, const char *path, const classes *c,
                             const char *name, const json_t *value, gr_image_list *out)
{
    int64_t id = 0;
    GR_TRY(read_class(log, path, name, value, &id));
    const int64_t *found = bsearch(&id, c->id, (size_t)c->count, sizeof(id), compare_ids);
    if (!found)
        return gr_fail(log, GRAFT_ERR_FORMAT,
                       "%s: '%.120s': class %lld is not among those of the training list", path,
                       name, (long long)id);
    const char *copy = gr_strdup(parent, name);
    if (!copy)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    out->lines[out->count] = (uint32_t)(out->count + 1);
    out->samples[out->count++] = (gr_sample){copy, (int32_t)(found - c->id)};
    return GRAFT_OK;
}

graft_status gr_list_read_json(graft_log *log, void *parent, const char *path,
                               const char *train_path, int limit, gr_image_list *out)
{
    classes c = {0};
    json_t *root = NULL, *value;
    const char *name;
    *out = (gr_image_list){0};
    GR_TRY(list_classes(log, parent, train_path, limit, &c));
    GR_TRY(gr_json_read(log, path, &root));
    graft_status status = GRAFT_OK;
    out->classes = c.count;
    out->ids = c.id;
    out->samples = gr_alloc_array(parent, json_object_size(root) + 1, sizeof(*out->samples));
    out->lines = gr_alloc_array(parent, json_object_size(root) + 1, sizeof(*out->lines));
    if (!out->samples || !out->lines)
        status = gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    json_object_foreach(root, name, value)
    {
        if (status == GRAFT_OK)
            status = add_item(log, parent, path, &c, name, value, out);
    }
    json_decref(root);
    return status;
}
