#include "base/file.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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
        close(w->fd);
    if (w->temporary)
        unlink(w->temporary);
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
    char *real = realpath(path, NULL);
    w->path = gr_strdup(w, real ? real : path);
    free(real);
    if (!w->path)
        return gr_fail(w->log, GRAFT_ERR_MEMORY, "%s: no memory to write it", path);
    struct stat info;
    if (stat(w->path, &info) == 0 && !S_ISREG(info.st_mode))
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
        char *name = gr_printf(w, "%s/" TEMPORARY_NAME, directory, (long)getpid(), attempt);
        if (!name)
            return gr_fail(w->log, GRAFT_ERR_MEMORY, "%s: no memory to write it", w->path);
        w->fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
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
        ssize_t written = write(w->fd, bytes, size_bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail(w, "cannot write");
        bytes += written;
        size_bytes -= (size_t)written;
    }
    return w->status;
}

/* Makes the rename itself durable. Some file systems cannot sync a directory: not an error. */
static graft_status sync_directory(gr_file_writer *w)
{
    char *directory = gr_path_directory(w, w->path);
    int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0)
        return GRAFT_OK;
    graft_status status = GRAFT_OK;
    if (fsync(fd) < 0 && errno == EIO)
        status = gr_fail_errno(w->log, directory, "cannot sync the directory");
    close(fd);
    return status;
}

static graft_status commit(gr_file_writer *w)
{
    GR_TRY(w->status);
    if (fsync(w->fd) < 0)
        return fail(w, "cannot sync");
    int fd = w->fd;
    w->fd = -1;
    if (close(fd) < 0)
        return fail(w, "cannot close");
    if (rename(w->temporary, w->path) < 0)
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
           name[length] == '\0' && process > 0 && kill((pid_t)process, 0) < 0 && errno == ESRCH;
}

void gr_file_clear_temporaries(const char *directory)
{
    DIR *d = opendir(directory);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));)
        if (is_abandoned(e->d_name))
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

graft_status gr_file_write(graft_log *log, const char *path, const void *data, size_t size_bytes)
{
    gr_file_writer *writer;
    GR_TRY(gr_file_writer_open(log, path, &writer));
    gr_file_writer_write(writer, data, size_bytes);
    return gr_file_writer_commit(&writer);
}
