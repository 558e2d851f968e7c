#include "run/folder.h"

#include "base/file.h"
#include "base/json.h"
#include "base/system.h"

#include <errno.h>

static graft_status lock_folder(graft_log *log, const char *path, intptr_t *lock)
{
    if (gr_folder_lock(path, lock) == 0)
        return GRAFT_OK;
    if (errno != EWOULDBLOCK)
        return gr_fail_errno(log, path, "cannot open");
    return gr_fail(log, GRAFT_ERR_ARGUMENT,
                   "%s: another run is writing there; wait for its end, or choose another `out`",
                   path);
}

/* The config.json of something else, such as a checkpoint's folder, is not written over. */
static graft_status check_config(graft_log *log, const gr_run_folder *f, const char *path)
{
    json_t *config = NULL;
    if (!gr_file_exists(f->config))
        return GRAFT_OK;
    bool ours = gr_json_read(NULL, f->config, &config) == GRAFT_OK &&
                json_object_get(config, "method") && json_object_get(config, "data");
    json_decref(config);
    return ours ? GRAFT_OK
                : gr_fail(log, GRAFT_ERR_ARGUMENT,
                          "%s: has a config.json that is not of a run; choose another `out`", path);
}

static graft_status check_vacant(graft_log *log, const gr_run_folder *f, const char *path)
{
    if (gr_file_exists(f->state))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: holds a run already; choose another `out`, or go on with `resume`",
                       path);
    return check_config(log, f, path);
}

graft_status gr_run_folder_open(graft_log *log, void *parent, const char *path, bool resume,
                                gr_run_folder *out)
{
    gr_run_folder f = {
        .path = gr_path_join(parent, path, ""),
        .config = gr_path_join(parent, path, "config.json"),
        .metrics = gr_path_join(parent, path, "metrics.jsonl"),
        .adapter = gr_path_join(parent, path, "adapter.safetensors"),
        .best = gr_path_join(parent, path, "best.safetensors"),
        .checkpoint = gr_path_join(parent, path, "checkpoint"),
        .state = gr_path_join(parent, path, "checkpoint/state.safetensors"),
    };
    if (!f.path || !f.config || !f.metrics || !f.adapter || !f.best || !f.checkpoint || !f.state)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", path);
    f.is_new = !gr_file_exists(path);
    GR_TRY(gr_make_directories(log, f.checkpoint));
    GR_TRY(lock_folder(log, path, &f.lock));
    graft_status status = resume ? GRAFT_OK : check_vacant(log, &f, path);
    if (status != GRAFT_OK) {
        gr_folder_remove(f.checkpoint); /* stays when there is something in it */
        gr_folder_unlock(f.lock);
        return status;
    }
    gr_file_clear_temporaries(f.path);
    gr_file_clear_temporaries(f.checkpoint);
    *out = f;
    return GRAFT_OK;
}

void gr_run_folder_close(gr_run_folder *f)
{
    gr_folder_unlock(f->lock);
    *f = (gr_run_folder){0};
}

void gr_run_folder_withdraw(const gr_run_folder *f)
{
    gr_path_remove(f->metrics);
    gr_path_remove(f->config);
    gr_folder_remove(f->checkpoint); /* stays when there is something in it */
    if (f->is_new)
        gr_folder_remove(f->path);
}
