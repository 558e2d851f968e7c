#include "train/run_folder.h"

#include "base/file.h"

#include <unistd.h>

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
    if (!resume && gr_file_exists(f.state))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: holds a run already; choose another --out, or go on with --resume",
                       path);
    f.is_new = !gr_file_exists(path);
    GR_TRY(gr_make_directories(log, f.checkpoint));
    gr_file_clear_temporaries(f.path);
    gr_file_clear_temporaries(f.checkpoint);
    *out = f;
    return GRAFT_OK;
}

void gr_run_folder_withdraw(const gr_run_folder *f)
{
    unlink(f->metrics);
    unlink(f->config);
    rmdir(f->checkpoint); /* stays when there is something in it */
    if (f->is_new)
        rmdir(f->path);
}
