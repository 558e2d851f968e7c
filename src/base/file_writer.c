#include "base/file.h"

#include "base/mem.h"
#include "base/system.h"

#include <errno.h>
#include <stdio.h>

struct gr_file_writer {
    graft_log *log;
    char *path;      /* the target, symbolic links resolved */
    char *temporary; /* NULL once the file has been renamed or removed */
    int fd;          /* -1 once closed */
    graft_status status;
};

static void drop_temporary(gr_file_writer *w)
{
    if (w->fd >= 0)
        gr_fd_close(w->fd);
    if (w->temporary)
        gr_path_remove(w->temporary);
    w->fd = -1;
    w->temporary = NULL;
}

static graft_status fail(gr_file_writer *w, const char *what)
{
    w->status = gr_fail_errno(w->log, w->path, what);
    drop_temporary(w);
    return w->status;
}

static graft_status resolve_target(gr_file_writer *w, const char *path)
{
    w->path = gr_path_real(w, path);
    if (!w->path)
        w->path = gr_strdup(w, path);
    if (!w->path)
        return gr_fail(w->log, GRAFT_ERR_MEMORY, "%s: no memory to write it", path);
    gr_path_info info;
    if (gr_path_get_info(w->path, &info) && info.kind != GR_PATH_FILE)
        return gr_fail(w->log, GRAFT_ERR_IO, "%s: exists and is not a regular file", path);
    return GRAFT_OK;
}

/* Process and attempt: who is writing, and which of its files. */
#define TEMPORARY_NAME ".graft-%ld-%d.tmp"

/* mkstemp() would make the file private to its owner; this way the umask decides. */
static graft_status create_temporary(gr_file_writer *w)
{
    char *directory = gr_path_directory(w, w->path);
    for (int attempt = 0; directory && attempt < 1000; attempt++) {
        char *name = gr_printf(w, "%s/" TEMPORARY_NAME, directory, gr_process_id(), attempt);
        if (!name)
            return gr_fail(w->log, GRAFT_ERR_MEMORY, "%s: no memory to write it", w->path);
        w->fd = gr_fd_create(name);
        if (w->fd >= 0) {
            w->temporary = name;
            return GRAFT_OK;
        }
        if (errno != EEXIST)
            return gr_fail_errno(w->log, w->path, "cannot create a temporary file beside it");
        gr_free(name);
    }
    return gr_fail(w->log, GRAFT_ERR_IO, "%s: no name left for a temporary file beside it",
                   w->path);
}

graft_status gr_file_writer_open(graft_log *log, const char *path, gr_file_writer **writer)
{
    *writer = NULL;
    gr_file_writer *w = gr_alloc(NULL, sizeof(*w));
    if (!w)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory to write it", path);
    w->log = log;
    w->fd = -1;
    graft_status status = resolve_target(w, path);
    if (status == GRAFT_OK)
        status = create_temporary(w);
    if (status != GRAFT_OK)
        gr_free(w);
    else
        *writer = w;
    return status;
}

graft_status gr_file_writer_write(gr_file_writer *w, const void *data, size_t size_bytes)
{
    const char *bytes = data;
    while (w->status == GRAFT_OK && size_bytes > 0) {
        ptrdiff_t written = gr_fd_write(w->fd, bytes, size_bytes);
        if (written < 0)
            return fail(w, "cannot write");
        bytes += written;
        size_bytes -= (size_t)written;
    }
    return w->status;
}

/* Makes the rename itself durable. */
static graft_status sync_directory(gr_file_writer *w)
{
    char *directory = gr_path_directory(w, w->path);
    if (!directory || gr_folder_sync(directory))
        return GRAFT_OK;
    return gr_fail_errno(w->log, directory, "cannot sync the directory");
}

static graft_status commit(gr_file_writer *w)
{
    GR_TRY(w->status);
    if (!gr_fd_sync(w->fd))
        return fail(w, "cannot sync");
    int fd = w->fd;
    w->fd = -1;
    if (!gr_fd_close(fd))
        return fail(w, "cannot close");
    if (!gr_path_replace(w->temporary, w->path))
        return fail(w, "cannot rename the temporary file to it");
    w->temporary = NULL;
    return sync_directory(w);
}

graft_status gr_file_writer_commit(gr_file_writer **writer)
{
    graft_status status = commit(*writer);
    gr_file_writer_cancel(writer);
    return status;
}

void gr_file_writer_cancel(gr_file_writer **writer)
{
    if (!writer || !*writer)
        return;
    drop_temporary(*writer);
    gr_free(*writer);
    *writer = NULL;
}

/* Whether the name is that of a temporary file whose process is gone. */
static bool is_abandoned(const char *name)
{
    long process;
    int attempt, length = 0;
    return sscanf(name, TEMPORARY_NAME "%n", &process, &attempt, &length) == 2 && length > 0 &&
           name[length] == '\0' && gr_process_is_gone(process);
}

void gr_file_clear_temporaries(const char *directory)
{
    gr_folder *folder = gr_folder_open(directory);
    if (!folder)
        return;
    for (const char *name; (name = gr_folder_next(folder));) {
        char *path = is_abandoned(name) ? gr_path_join(NULL, directory, name) : NULL;
        if (path)
            gr_path_remove(path);
        gr_free(path);
    }
    gr_folder_close(folder);
}

graft_status gr_file_write(graft_log *log, const char *path, const void *data, size_t size_bytes)
{
    gr_file_writer *writer;
    GR_TRY(gr_file_writer_open(log, path, &writer));
    gr_file_writer_write(writer, data, size_bytes);
    return gr_file_writer_commit(&writer);
}
