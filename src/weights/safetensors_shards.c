#include "weights/safetensors.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/system.h"

#include <string.h>

/* An index may come from anywhere: it must not lead out of its directory. */
static graft_status check_map(graft_log *log, const char *path, json_t *map)
{
    if (!json_is_object(map) || json_object_size(map) == 0)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: expected a weight_map with tensors", path);
    const char *name;
    json_t *file;
    json_object_foreach(map, name, file)
    {
        const char *text = json_string_value(file);
        if (!text || !*text || strchr(text, '/') || text[0] == '.')
            return gr_fail(log, GRAFT_ERR_FORMAT, "%s: tensor %s: %s is not a plain file name",
                           path, name, text ? text : "its entry");
    }
    return GRAFT_OK;
}

/* Reads one shard and checks that it holds what the map promises. */
static graft_status read_shard(graft_log *log, const char *index_path, const char *file,
                               json_t *map, gr_tensors *tensors)
{
    char *directory = gr_path_directory(NULL, index_path);
    char *path = directory ? gr_path_join(directory, directory, file) : NULL;
    graft_status status = path ? gr_safetensors_read(log, path, tensors)
                               : gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", file);
    gr_free(directory);
    const char *name;
    json_t *value;
    json_object_foreach(map, name, value)
    {
        bool here = strcmp(json_string_value(value), file) == 0;
        if (status == GRAFT_OK && here && !gr_tensors_find(tensors, name))
            status = gr_fail(log, GRAFT_ERR_NOT_FOUND, "%s: tensor %s is not in %s as promised",
                             index_path, name, file);
    }
    return status;
}

static graft_status read_shards(graft_log *log, const char *path, json_t *map, gr_tensors *tensors)
{
    json_t *done = json_object(); /* used as a set of file names */
    if (!done)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    graft_status status = GRAFT_OK;
    const char *name;
    json_t *value;
    json_object_foreach(map, name, value)
    {
        const char *file = json_string_value(value);
        if (status != GRAFT_OK || json_object_get(done, file))
            continue;
        status = read_shard(log, path, file, map, tensors);
        if (json_object_set_new(done, file, json_true()) < 0 && status == GRAFT_OK)
            status = gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    }
    json_decref(done);
    return status;
}

graft_status gr_safetensors_read_sharded(graft_log *log, const char *path, gr_tensors *tensors)
{
    json_t *index;
    GR_TRY(gr_json_read(log, path, &index));
    json_t *map = json_object_get(index, "weight_map");
    graft_status status = check_map(log, path, map);
    if (status == GRAFT_OK)
        status = read_shards(log, path, map, tensors);
    json_decref(index);
    return status;
}

/* The only .safetensors file of a directory, an allocation of `parent`. */
static graft_status find_single(graft_log *log, void *parent, const char *path, char **found)
{
    gr_folder *folder = gr_folder_open(path);
    if (!folder)
        return gr_fail_errno(log, path, "cannot open the directory");
    graft_status status = GRAFT_OK;
    *found = NULL;
    for (const char *name; status == GRAFT_OK && (name = gr_folder_next(folder));) {
        if (name[0] == '.' || !gr_path_has_suffix(name, ".safetensors"))
            continue;
        if (*found)
            status = gr_fail(log, GRAFT_ERR_FORMAT,
                             "%s: holds several .safetensors files and no index; name one of them",
                             path);
        else if (!(*found = gr_path_join(parent, path, name)))
            status = gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    }
    gr_folder_close(folder);
    if (status == GRAFT_OK && !*found)
        status = gr_fail(log, GRAFT_ERR_NOT_FOUND, "%s: holds no .safetensors file", path);
    return status;
}

graft_status gr_safetensors_read_directory(graft_log *log, const char *path, gr_tensors *tensors)
{
    void *scratch = gr_alloc(NULL, 1);
    char *index = gr_path_join(scratch, path, "model.safetensors.index.json");
    char *single = gr_path_join(scratch, path, "model.safetensors");
    graft_status status = GRAFT_OK;
    if (!scratch || !index || !single)
        status = gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    else if (gr_file_exists(index))
        status = gr_safetensors_read_sharded(log, index, tensors);
    else {
        if (!gr_file_exists(single))
            status = find_single(log, scratch, path, &single);
        if (status == GRAFT_OK)
            status = gr_safetensors_read(log, single, tensors);
    }
    gr_free(scratch);
    return status;
}
