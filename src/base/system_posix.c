/* base/system.h for POSIX systems: Linux, Android, macOS. */
#include "base/system.h"

#include "base/mem.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Time and machine */

double gr_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double gr_wall_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int gr_processor_count(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}

uint64_t gr_physical_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
}

/* Threads */

void gr_mutex_init(gr_mutex *mutex)
{
    pthread_mutex_init(&mutex->lock, NULL);
}

void gr_mutex_lock(gr_mutex *mutex)
{
    pthread_mutex_lock(&mutex->lock);
}

void gr_mutex_unlock(gr_mutex *mutex)
{
    pthread_mutex_unlock(&mutex->lock);
}

void gr_condition_init(gr_condition *condition)
{
    pthread_cond_init(&condition->variable, NULL);
}

void gr_condition_wait(gr_condition *condition, gr_mutex *mutex)
{
    pthread_cond_wait(&condition->variable, &mutex->lock);
}

void gr_condition_signal(gr_condition *condition)
{
    pthread_cond_signal(&condition->variable);
}

void gr_condition_broadcast(gr_condition *condition)
{
    pthread_cond_broadcast(&condition->variable);
}

typedef struct start {
    void (*run)(void *argument);
    void *argument;
} start;

static void *run_start(void *argument)
{
    start s = *(start *)argument;
    free(argument);
    s.run(s.argument);
    return NULL;
}

bool gr_thread_start(gr_thread *thread, void (*run)(void *argument), void *argument)
{
    start *s = malloc(sizeof(*s));
    if (!s)
        return false;
    *s = (start){run, argument};
    int error = pthread_create(&thread->handle, NULL, run_start, s);
    if (error) {
        free(s);
        errno = error;
    }
    return error == 0;
}

void gr_thread_join(gr_thread *thread)
{
    pthread_join(thread->handle, NULL);
}

/* Shared libraries */

void *gr_shared_library_open(const char *name)
{
    return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

gr_function gr_shared_library_function(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    gr_function function;
    memcpy(&function, &symbol, sizeof(function)); /* as POSIX means it; ISO C has no cast */
    return function;
}

const void *gr_shared_library_data(void *library, const char *name)
{
    return dlsym(library, name);
}

char *gr_own_folder(void *parent)
{
    static const char here;
    Dl_info info;
    if (!dladdr(&here, &info) || !info.dli_fname)
        return NULL;
    /* A program is known by the name that it was called by, without a folder where PATH found it.
     */
    char *path =
        gr_path_real(parent, strchr(info.dli_fname, '/') ? info.dli_fname : "/proc/self/exe");
    char *slash = path ? strrchr(path, '/') : NULL;
    if (slash)
        *slash = '\0';
    return path;
}

/* Files and folders */

static void fill_info(const struct stat *s, gr_path_info *info)
{
    *info = (gr_path_info){
        .kind = S_ISREG(s->st_mode)   ? GR_PATH_FILE
                : S_ISDIR(s->st_mode) ? GR_PATH_FOLDER
                                      : GR_PATH_OTHER,
        .size_bytes = s->st_size > 0 ? (uint64_t)s->st_size : 0,
        .volume = (uint64_t)s->st_dev,
        .number = (uint64_t)s->st_ino,
    };
}

bool gr_path_get_info(const char *path, gr_path_info *info)
{
    struct stat s;
    if (stat(path, &s) < 0)
        return false;
    fill_info(&s, info);
    return true;
}

char *gr_path_real(void *parent, const char *path)
{
    char *real = realpath(path, NULL);
    char *copy = real ? gr_strdup(parent, real) : NULL;
    free(real);
    return copy;
}

int gr_fd_open(const char *path, bool wait)
{
    return open(path, O_RDONLY | O_CLOEXEC | (wait ? 0 : O_NONBLOCK));
}

int gr_fd_create(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

bool gr_fd_get_info(int fd, gr_path_info *info)
{
    struct stat s;
    if (fstat(fd, &s) < 0)
        return false;
    fill_info(&s, info);
    return true;
}

ptrdiff_t gr_fd_read(int fd, void *data, size_t size_bytes)
{
    ssize_t got;
    do
        got = read(fd, data, size_bytes);
    while (got < 0 && errno == EINTR);
    return got;
}

ptrdiff_t gr_fd_write(int fd, const void *data, size_t size_bytes)
{
    ssize_t written;
    do
        written = write(fd, data, size_bytes);
    while (written < 0 && errno == EINTR);
    return written;
}

bool gr_fd_sync(int fd)
{
    return fsync(fd) == 0;
}

bool gr_fd_truncate(int fd, uint64_t size_bytes)
{
    return ftruncate(fd, (off_t)size_bytes) == 0;
}

bool gr_fd_close(int fd)
{
    return close(fd) == 0;
}

const void *gr_fd_map(int fd, size_t size_bytes)
{
    void *data = mmap(NULL, size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    return data == MAP_FAILED ? NULL : data;
}

void gr_unmap(const void *data, size_t size_bytes)
{
    munmap((void *)(uintptr_t)data, size_bytes);
}

/* Of the whole pages in a range. */
static void advise(const void *data, size_t size_bytes, int advice)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = ((uintptr_t)data + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)data + size_bytes) / page * page;
    if (begin < end)
        madvise((void *)begin, end - begin, advice);
}

void gr_release_mapped(const void *data, size_t size_bytes)
{
    advise(data, size_bytes, MADV_DONTNEED);
}

void gr_advise_huge_pages(void *data, size_t size_bytes)
{
#ifdef MADV_HUGEPAGE
    advise(data, size_bytes, MADV_HUGEPAGE);
#else
    (void)data, (void)size_bytes;
#endif
}

bool gr_path_replace(const char *from, const char *to)
{
    return rename(from, to) == 0;
}

bool gr_folder_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool failed = fd >= 0 && fsync(fd) < 0 && errno == EIO;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return !failed;
}

bool gr_path_remove(const char *path)
{
    return unlink(path) == 0;
}

bool gr_folder_create(const char *path)
{
    return mkdir(path, 0777) == 0;
}

bool gr_folder_remove(const char *path)
{
    return rmdir(path) == 0;
}

/* The folder itself is locked, so that no file is left over; a file system without locks has none
 * to offer. */
int gr_folder_lock(const char *path, intptr_t *lock)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *lock = fd;
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0;
    close(fd);
    errno = EWOULDBLOCK;
    return -1;
}

void gr_folder_unlock(intptr_t lock)
{
    close((int)lock);
}

/* Processes */

long gr_process_id(void)
{
    return (long)getpid();
}

bool gr_process_is_gone(long id)
{
    return id > 0 && kill((pid_t)id, 0) < 0 && errno == ESRCH;
}
