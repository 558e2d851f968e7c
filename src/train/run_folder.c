#include "train/run_folder.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* The folder itself is locked, so that no file is left over; a file system without locks has none
 * to offer. */
static graft_status lock_folder(graft_log *log, const char *path, int *lock)
{
    *lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return gr_fail_errno(log, path, "cannot open");
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return GRAFT_OK;
    close(*lock);
    return gr_fail(log, GRAFT_ERR_ARGUMENT,
                   "%s: another run is writing there; wait for its end, or choose another --out",
                   path);
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
    if (!resume && gr_file_exists(f.state)) {
        close(f.lock);
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: holds a run already; choose another --out, or go on with --resume",
                       path);
    }
    gr_file_clear_temporaries(f.path);
    gr_file_clear_temporaries(f.checkpoint);
    *out = f;
    return GRAFT_OK;
}

void gr_run_folder_close(gr_run_folder *f)
{
    close(f->lock);
    *f = (gr_run_folder){0};
}

void gr_run_folder_withdraw(const gr_run_folder *f)
{
    unlink(f->metrics);
    unlink(f->config);
    rmdir(f->checkpoint); /* stays when there is something in it */
    if (f->is_new)
        rmdir(f->path);
}
