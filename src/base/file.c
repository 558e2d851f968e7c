#include "base/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

graft_status gr_fail_errno(graft_log *log, const char *path, const char *what)
{
    return gr_fail(log, GRAFT_ERR_IO, "%s: %s: %s", path, what, strerror(errno));
}

static graft_status open_for_reading(graft_log *log, const char *path, int flags, int *fd,
                                     struct stat *info)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (*fd < 0)
        return gr_fail_errno(log, path, "cannot open");
    graft_status status = GRAFT_OK;
    if (fstat(*fd, info) < 0)
        status = gr_fail_errno(log, path, "cannot stat");
    else if (S_ISDIR(info->st_mode))
        status = gr_fail(log, GRAFT_ERR_IO, "%s: expected a file, found a directory", path);
    if (status != GRAFT_OK)
        close(*fd);
    return status;
}

graft_status gr_file_map(graft_log *log, const char *path, gr_mapping *mapping)
{
    *mapping = (gr_mapping){0};
    int fd;
    struct stat info;
    /* O_NONBLOCK: a pipe without a writer must not hang, it is refused below. */
    GR_TRY(open_for_reading(log, path, O_NONBLOCK, &fd, &info));
    graft_status status = GRAFT_OK;
    if (!S_ISREG(info.st_mode)) {
        status = gr_fail(log, GRAFT_ERR_IO, "%s: expected a regular file", path);
    } else if (info.st_size > 0) {
        size_t size = (size_t)info.st_size;
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            status = gr_fail_errno(log, path, "cannot map");
        else
            *mapping = (gr_mapping){data, size};
    }
    close(fd);
    return status;
}

void gr_file_unmap(gr_mapping *mapping)
{
    if (mapping->data)
        munmap((void *)(uintptr_t)mapping->data, mapping->size_bytes);
    *mapping = (gr_mapping){0};
}

/* The size is only a hint: pipes and /proc files report none, and a file may grow meanwhile. */
static graft_status read_to_end(graft_log *log, void *parent, const char *path, int fd,
                                size_t size_hint, char **data, size_t *size_bytes)
{
    size_t capacity = size_hint + 1, used = 0;
    char *buffer = gr_alloc(parent, capacity + 1);
    while (buffer) {
        ssize_t got = read(fd, buffer + used, capacity - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            graft_status status = gr_fail_errno(log, path, "cannot read");
            gr_free(buffer);
            return status;
        }
        if (got == 0) {
            buffer[used] = '\0';
            *data = buffer;
            *size_bytes = used;
            return GRAFT_OK;
        }
        used += (size_t)got;
        if (used == capacity) {
            capacity = 2 * capacity + 4096;
            char *grown = gr_realloc(parent, buffer, capacity + 1);
            if (!grown)
                gr_free(buffer);
            buffer = grown;
        }
    }
    return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory to read it", path);
}

graft_status gr_file_read(graft_log *log, void *parent, const char *path, char **data,
                          size_t *size_bytes)
{
    *data = NULL;
    int fd;
    struct stat info;
    GR_TRY(open_for_reading(log, path, 0, &fd, &info));
    size_t hint = S_ISREG(info.st_mode) && info.st_size > 0 ? (size_t)info.st_size : 0;
    size_t size = 0;
    graft_status status = read_to_end(log, parent, path, fd, hint, data, &size);
    close(fd);
    if (size_bytes)
        *size_bytes = size;
    return status;
}

bool gr_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool gr_file_is_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool gr_file_is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

graft_status gr_make_directories(graft_log *log, const char *path)
{
    char *partial = gr_strdup(NULL, path);
    if (!partial)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for the path", path);
    graft_status status = GRAFT_OK;
    for (char *end = partial; *end && status == GRAFT_OK;) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        char separator = *end;
        *end = '\0';
        if (mkdir(partial, 0777) < 0) {
            int error = errno;
            bool exists = gr_file_is_directory(partial);
            errno = error;
            if (!exists)
                status = gr_fail_errno(log, partial, "cannot create the directory");
        }
        *end = separator;
    }
    gr_free(partial);
    return status;
}

char *gr_path_join(void *parent, const char *directory, const char *name)
{
    size_t length = strlen(directory);
    if (length == 0 || name[0] == '/')
        return gr_strdup(parent, name);
    return gr_printf(parent, "%s%s%s", directory, directory[length - 1] == '/' ? "" : "/", name);
}

char *gr_path_directory(void *parent, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return gr_strdup(parent, ".");
    int length = slash == path ? 1 : (int)(slash - path);
    return gr_printf(parent, "%.*s", length, path);
}

bool gr_path_has_suffix(const char *path, const char *suffix)
{
    size_t length = strlen(path), tail = strlen(suffix);
    return length >= tail && strcmp(path + length - tail, suffix) == 0;
}
