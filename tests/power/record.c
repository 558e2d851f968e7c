/* Preloaded into a process: before each call that a loss of power is about (fsync, rename, unlink,
 * mkdir), a copy of the folder POWER_FOLDER goes to POWER_RECORD/N, a list of its inodes to
 * POWER_RECORD/N.list, and the call to POWER_RECORD/calls. One thread makes such calls. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);
int rename(const char *from, const char *to);
int unlink(const char *path);
int mkdir(const char *path, mode_t mode);

static int calls;

/* Paths below the folder are shown relative to it. */
static void note(const char *call, const char *path, const char *to)
{
    const char *folder = getenv("POWER_FOLDER"), *record = getenv("POWER_RECORD");
    char line[4096];
    size_t length = folder ? strlen(folder) : 0;
    if (!folder || !record || strncmp(path, folder, length) != 0)
        return;
    snprintf(line, sizeof(line),
             "unset LD_PRELOAD; cp -a '%s' '%s/%d' && find '%s' -printf '%%i %%y %%P\\n' > "
             "'%s/%d.list' && printf '%%s\\t%%s\\t%%s\\n' '%s' '%s' '%s' >> '%s/calls'",
             folder, record, calls, folder, record, calls, call,
             path[length] ? path + length + 1 : "", *to ? to + length + 1 : "", record);
    if (access(folder, F_OK) != 0) /* it is about to be made */
        return;
    calls++;
    if (system(line) != 0)
        abort();
}

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static void note_fd(int fd)
{
    char link[64], path[4096] = "";
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length > 0)
        note("fsync", path, "");
}

int fsync(int fd)
{
    int (*next)(int) = (int (*)(int))real("fsync");
    note_fd(fd);
    return next(fd);
}

int fdatasync(int fd)
{
    int (*next)(int) = (int (*)(int))real("fdatasync");
    note_fd(fd);
    return next(fd);
}

int rename(const char *from, const char *to)
{
    int (*next)(const char *, const char *) = (int (*)(const char *, const char *))real("rename");
    note("rename", from, to);
    return next(from, to);
}

int unlink(const char *path)
{
    int (*next)(const char *) = (int (*)(const char *))real("unlink");
    note("unlink", path, "");
    return next(path);
}

int mkdir(const char *path, mode_t mode)
{
    int (*next)(const char *, mode_t) = (int (*)(const char *, mode_t))real("mkdir");
    note("mkdir", path, "");
    return next(path, mode);
}
