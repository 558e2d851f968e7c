#include "base/file.h"

#include "base/mem.h"
#include "base/system.h"

#include <errno.h>
#include <string.h>

graft_status gr_fail_errno(graft_log *log, const char *path, const char *what)
{
    return gr_fail(log, GRAFT_ERR_IO, "%s: %s: %s", path, what, strerror(errno));
}

static graft_status open_for_reading(graft_log *log, const char *path, int *fd, gr_path_info *info)
{
    /* A pipe without a writer must not hang: it is refused below. */
    *fd = gr_fd_open(path, false);
    if (*fd < 0)
        return gr_fail_errno(log, path, "cannot open");
    graft_status status = GRAFT_OK;
    if (!gr_fd_get_info(*fd, info))
        status = gr_fail_errno(log, path, "cannot stat");
    else if (info->kind == GR_PATH_FOLDER)
        status = gr_fail(log, GRAFT_ERR_IO, "%s: expected a file, found a directory", path);
    else if (info->kind != GR_PATH_FILE) /* devices and pipes may have no end */
        status = gr_fail(log, GRAFT_ERR_IO, "%s: expected a regular file", path);
    if (status != GRAFT_OK)
        gr_fd_close(*fd);
    return status;
}

graft_status gr_file_map(graft_log *log, const char *path, gr_mapping *mapping)
{
    *mapping = (gr_mapping){0};
    int fd;
    gr_path_info info;
    GR_TRY(open_for_reading(log, path, &fd, &info));
    graft_status status = GRAFT_OK;
    if (info.size_bytes > 0) {
        size_t size = (size_t)info.size_bytes;
        const void *data = gr_fd_map(fd, size);
        if (!data)
            status = gr_fail_errno(log, path, "cannot map");
        else
            *mapping = (gr_mapping){data, size};
    }
    gr_fd_close(fd);
    return status;
}

void gr_file_unmap(gr_mapping *mapping)
{
    if (mapping->data)
        gr_unmap(mapping->data, mapping->size_bytes);
    *mapping = (gr_mapping){0};
}

/* Of what is read whole: texts and images. Larger ones are holes, or no such files. */
#define MAX_READ_BYTES ((uint64_t)1 << 30)

/* The size is only a hint: files of /proc report none, and a file may grow meanwhile. */
static graft_status read_to_end(graft_log *log, void *parent, const char *path, int fd,
                                size_t size_hint, char **data, size_t *size_bytes)
{
    size_t capacity = size_hint + 1, used = 0;
    char *buffer = gr_alloc(parent, capacity + 1);
    while (buffer) {
        ptrdiff_t got = gr_fd_read(fd, buffer + used, capacity - used);
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
    gr_path_info info;
    GR_TRY(open_for_reading(log, path, &fd, &info));
    size_t hint = (size_t)info.size_bytes;
    size_t size = 0;
    graft_status status = GRAFT_ERR_FORMAT;
    if (info.size_bytes > MAX_READ_BYTES)
        gr_fail(log, status, "%s: %llu bytes; files of at most 1 GiB are read whole", path,
                (unsigned long long)info.size_bytes);
    else
        status = read_to_end(log, parent, path, fd, hint, data, &size);
    gr_fd_close(fd);
    if (size_bytes)
        *size_bytes = size;
    return status;
}

graft_status gr_file_read_head(graft_log *log, const char *path, void *bytes, size_t room,
                               size_t *size_bytes)
{
    int fd;
    gr_path_info info;
    *size_bytes = 0;
    GR_TRY(open_for_reading(log, path, &fd, &info));
    ptrdiff_t got;
    do
        got = gr_fd_read(fd, (char *)bytes + *size_bytes, room - *size_bytes);
    while (got > 0 && (*size_bytes += (size_t)got) < room);
    graft_status status = got < 0 ? gr_fail_errno(log, path, "cannot read") : GRAFT_OK;
    gr_fd_close(fd);
    return status;
}

bool gr_file_exists(const char *path)
{
    gr_path_info info;
    return gr_path_get_info(path, &info);
}

bool gr_file_is_same(const char *a, const char *b)
{
    gr_path_info x, y;
    return gr_path_get_info(a, &x) && gr_path_get_info(b, &y) && x.volume == y.volume &&
           x.number == y.number;
}

bool gr_file_is_directory(const char *path)
{
    gr_path_info info;
    return gr_path_get_info(path, &info) && info.kind == GR_PATH_FOLDER;
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
        if (!gr_folder_create(partial)) {
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
