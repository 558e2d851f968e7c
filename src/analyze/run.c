#include "analyze/run.h"

#include "base/json.h"
#include "base/mem.h"
#include "weights/load.h"

#include <stdio.h>
#include <string.h>

static graft_status read_config(graft_log *log, void *room, gr_analyzed_run *run)
{
    char *path = gr_path_join(room, run->path, "config.json");
    if (!path)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", run->path);
    if (!gr_file_exists(path))
        return gr_fail(log, GRAFT_ERR_NOT_FOUND,
                       "%s: no run folder: it has no config.json; give the `out` of a training",
                       run->path);
    return gr_json_read(log, path, &run->config);
}

/* Whether there was memory. A step goes to the lists of steps, an evaluation to that of
 * evaluations, as it is. */
static bool add_line(json_t *metrics, json_t *line)
{
    static const char *const of_step[] = {"step", "epoch", "loss", "lr"};
    bool added = true;
    if (json_object_get(line, "accuracy"))
        return json_array_append(json_object_get(metrics, "evaluations"), line) == 0;
    for (int i = 0; i < 4; i++) {
        json_t *value = json_object_get(line, of_step[i]);
        json_t *list = json_object_get(json_object_get(metrics, "steps"), of_step[i]);
        added = added && json_array_append(list, value ? value : json_null()) == 0;
    }
    return added;
}

static graft_status read_metrics(graft_log *log, void *room, gr_analyzed_run *run)
{
    char *path = gr_path_join(room, run->path, "metrics.jsonl"), *text = NULL;
    run->metrics = json_pack("{s:{s:[],s:[],s:[],s:[]},s:[]}", "steps", "step", "epoch", "loss",
                             "lr", "evaluations");
    if (!path || !run->metrics)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", run->path);
    GR_TRY(gr_file_read(log, room, path, &text, NULL));
    for (int number = 1; *text; number++) {
        char *end = strchr(text, '\n'), source[600];
        if (!end) /* being written */
            break;
        snprintf(source, sizeof(source), "%s: entry %d", path, number);
        json_t *line;
        GR_TRY(gr_json_parse(log, source, text, (size_t)(end - text), &line));
        bool added = add_line(run->metrics, line);
        json_decref(line);
        if (!added)
            return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", source);
        text = end + 1;
    }
    return GRAFT_OK;
}

static graft_status read_adapter(graft_log *log, void *room, gr_analyzed_run *run)
{
    char *path = gr_path_join(room, run->path, "adapter.safetensors");
    if (!path)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", run->path);
    if (!gr_file_exists(path))
        return GRAFT_OK;
    GR_TRY(gr_tensors_load(log, path, &run->adapter));
    return gr_adapter_info_read(log, run->adapter, &run->info);
}

graft_status gr_analyzed_run_open(graft_log *log, const char *path, gr_analyzed_run *out)
{
    *out = (gr_analyzed_run){.path = path};
    void *room = gr_alloc(NULL, 1);
    graft_status status =
        room ? GRAFT_OK : gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", path);
    if (status == GRAFT_OK)
        status = read_config(log, room, out);
    if (status == GRAFT_OK)
        status = read_metrics(log, room, out);
    if (status == GRAFT_OK)
        status = read_adapter(log, room, out);
    gr_free(room);
    return status;
}

void gr_analyzed_run_release(gr_analyzed_run *run)
{
    gr_adapter_info_release(&run->info);
    gr_tensors_destroy(&run->adapter);
    json_decref(run->config);
    json_decref(run->metrics);
    *run = (gr_analyzed_run){0};
}
