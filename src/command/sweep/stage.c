#include "command/sweep/stage.h"

#include "command/sweep/child.h"
#include "command/sweep/folder.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PATH = 4096 };

typedef struct paths {
    char settings[MAX_PATH], state[MAX_PATH], log[MAX_PATH], adapter[MAX_PATH];
    char output[MAX_PATH], part[MAX_PATH]; /* the result, and while it is written */
} paths;

static const json_t *target_of(const sweep_run *run, int stage)
{
    return json_array_get(run->data->evaluate, (size_t)(stage - 1));
}

static bool find_paths(const sweep_run *run, int stage, paths *p)
{
    char output[200] = "result.json", part[210];
    if (stage > 0)
        snprintf(output, sizeof(output), "evaluate-%.120s.json",
                 sweep_target_text(target_of(run, stage), "name"));
    snprintf(part, sizeof(part), "%s.part", output);
    return sweep_run_path(run, "settings.json", p->settings, MAX_PATH) &&
           sweep_run_path(run, "checkpoint/state.safetensors", p->state, MAX_PATH) &&
           sweep_run_path(run, "log.txt", p->log, MAX_PATH) &&
           sweep_run_path(run, "adapter.safetensors", p->adapter, MAX_PATH) &&
           sweep_run_path(run, output, p->output, MAX_PATH) &&
           sweep_run_path(run, part, p->part, MAX_PATH);
}

int sweep_stage_count(const sweep_run *run)
{
    return 1 + (run->candidate ? 0 : (int)json_array_size(run->data->evaluate));
}

/* One that cannot be read, such as an empty one after a power failure, is made again. */
static bool is_kept(const char *output)
{
    json_t *result = json_load_file(output, 0, NULL);
    json_decref(result);
    return result != NULL;
}

int sweep_stage_next(const sweep_run *run, int from)
{
    int stage = from;
    for (; stage < sweep_stage_count(run); stage++) {
        paths p;
        bool missing = stage > 0 && sweep_target_missing(target_of(run, stage));
        if (!missing && (!find_paths(run, stage, &p) || !is_kept(p.output)))
            break;
    }
    return stage;
}

static graft_status start_training(cli *c, const sweep_run *run, const paths *p, const char *device,
                                   bool accept, pid_t *pid)
{
    const char *resume = access(p->state, F_OK) == 0 ? "--resume" : NULL;
    const char *first = resume ? resume : accept ? "--accept-changes" : NULL;
    const char *second = resume && accept ? "--accept-changes" : NULL;
    const char *arguments[] = {"train", "--config", p->settings, "--out", run->folder, "--device",
                               device,  "--json",   first,       second,  NULL};
    if (json_dump_file(run->settings, p->settings, JSON_INDENT(2)) != 0)
        return cli_fail(c, GRAFT_ERR_IO, "%s: cannot be written", p->settings);
    return sweep_child_start(c, arguments, p->part, p->log, pid);
}

static graft_status start_test(cli *c, const sweep_run *run, const json_t *target, const paths *p,
                               const char *device, pid_t *pid)
{
    const char *split = sweep_target_text(target, "split");
    const char *data = sweep_target_text(target, "data");
    const char *backbone = json_string_value(json_object_get(run->settings, "backbone"));
    bool whole = !backbone; /* trained from scratch: its file is the model */
    const char *arguments[] = {
        "eval",
        "--backbone",
        whole ? p->adapter : backbone,
        "--data",
        data,
        "--split",
        *split ? split : graft_data_foreign_test(data),
        "--device",
        device,
        "--json",
        whole ? NULL : "--adapter",
        p->adapter,
        NULL,
    };
    return sweep_child_start(c, arguments, p->part, p->log, pid);
}

graft_status sweep_stage_start(cli *c, const sweep_plan *plan, const sweep_run *run, int stage,
                               const char *device, pid_t *pid)
{
    paths p;
    if (!find_paths(run, stage, &p))
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s: the path is too long", run->folder);
    CLI_TRY(sweep_make_folder(c, run->folder));
    return stage == 0 ? start_training(c, run, &p, device, plan->accept_changes, pid)
                      : start_test(c, run, target_of(run, stage), &p, device, pid);
}

bool sweep_stage_keep(const sweep_run *run, int stage)
{
    paths p;
    return find_paths(run, stage, &p) && rename(p.part, p.output) == 0;
}
