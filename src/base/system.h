/* What the operating system gives, and C does not. All that is POSIX in the library stands in
 * system_posix.c, all that is Windows in system_windows.c, what both have in system_folder.c;
 * nothing else includes their headers.
 *
 * Functions that return bool or a pointer set errno when they fail. Paths are as the C library of
 * the system takes them. Thread-safety: safe, unless said otherwise.
 */
#ifndef GR_BASE_SYSTEM_H
#define GR_BASE_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef _WIN32
#include <pthread.h>
#endif

/* Time and machine */

/* Seconds since some moment in the past; never goes back. */
double gr_seconds(void);

/* Seconds since 1970, UTC. */
double gr_wall_seconds(void);

/* How many threads run at once; at least 1. */
int gr_processor_count(void);

/* Bytes of memory that the machine has; 0: unknown. */
uint64_t gr_physical_memory(void);

/* Threads. Locks and conditions need not be destroyed. */

#ifdef _WIN32
typedef struct gr_mutex {
    void *lock; /* SRWLOCK */
} gr_mutex;
typedef struct gr_condition {
    void *variable; /* CONDITION_VARIABLE */
} gr_condition;
typedef struct gr_thread {
    void *handle;
} gr_thread;
#define GR_MUTEX_INIT                                                                              \
    {                                                                                              \
        0                                                                                          \
    }
#else
typedef struct gr_mutex {
    pthread_mutex_t lock;
} gr_mutex;
typedef struct gr_condition {
    pthread_cond_t variable;
} gr_condition;
typedef struct gr_thread {
    pthread_t handle;
} gr_thread;
#define GR_MUTEX_INIT                                                                              \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER                                                                  \
    }
#endif

void gr_mutex_init(gr_mutex *mutex);
void gr_mutex_lock(gr_mutex *mutex); /* not recursive */
void gr_mutex_unlock(gr_mutex *mutex);

void gr_condition_init(gr_condition *condition);
/* Unlocks the mutex while it waits; may end without a signal. */
void gr_condition_wait(gr_condition *condition, gr_mutex *mutex);
void gr_condition_signal(gr_condition *condition); /* wakes one */
void gr_condition_broadcast(gr_condition *condition);

/* Runs run(argument); false: no more threads. */
bool gr_thread_start(gr_thread *thread, void (*run)(void *argument), void *argument);
void gr_thread_join(gr_thread *thread);

/* Shared libraries */

/* A function of a shared library; to be cast to its real type. */
typedef void (*gr_function)(void);

/* Opens a shared library by its name ("libvulkan.so.1") or path, as the system looks for it. It
 * stays loaded as long as the process: drivers do not survive being unloaded. NULL when it cannot
 * be opened. */
void *gr_shared_library_open(const char *name);

/* NULL when the library has no such function, or no such constant. */
gr_function gr_shared_library_function(void *library, const char *name);
const void *gr_shared_library_data(void *library, const char *name);

/* The file name of a shared library of ours: a format of one string. */
#ifdef _WIN32
#define GR_SHARED_LIBRARY_NAME "graft-%s.dll"
#else
#define GR_SHARED_LIBRARY_NAME "libgraft-%s.so"
#endif

/* The folder of the file, libgraft or a program, that holds this code, as an allocation of
 * `parent`. NULL: unknown, or no memory. */
char *gr_own_folder(void *parent);

/* Files and folders */

typedef enum gr_path_kind {
    GR_PATH_FILE,
    GR_PATH_FOLDER,
    GR_PATH_OTHER, /* a pipe, a device */
} gr_path_kind;

typedef struct gr_path_info {
    gr_path_kind kind;
    uint64_t size_bytes;
    uint64_t volume, number; /* together they name a file, by whatever path; 0, 0: unknown */
} gr_path_info;

/* Symbolic links are followed. */
bool gr_path_get_info(const char *path, gr_path_info *info);

/* The path without symbolic links, an allocation of `parent`. NULL: nothing is there, no memory. */
char *gr_path_real(void *parent, const char *path);

/* Open files: descriptors of the C library, that child processes do not get. -1: failed. */
int gr_fd_open(const char *path, bool wait); /* for reading; wait: for the other end of a pipe */
int gr_fd_create(const char *path); /* for writing; fails with EEXIST when something is there */
bool gr_fd_get_info(int fd, gr_path_info *info);
ptrdiff_t gr_fd_read(int fd, void *data, size_t size_bytes); /* how many; 0: the end; -1 */
ptrdiff_t gr_fd_write(int fd, const void *data, size_t size_bytes);
bool gr_fd_sync(int fd); /* until what was written would survive a loss of power */
bool gr_fd_truncate(int fd, uint64_t size_bytes);
bool gr_fd_close(int fd);
/* The whole file, read-only; NULL: failed. size_bytes > 0. */
const void *gr_fd_map(int fd, size_t size_bytes);
void gr_unmap(const void *data, size_t size_bytes);

/* Gives up pages of a mapping for now: what is read of them again comes from the file. */
void gr_release_mapped(const void *data, size_t size_bytes);

/* Asks for large pages under the whole ones of a range: the processor looks up fewer addresses.
 * A hint: it may change nothing. */
void gr_advise_huge_pages(void *data, size_t size_bytes);

/* Gives `from` the name `to`, in place of what has it. */
bool gr_path_replace(const char *from, const char *to);
/* Makes names in a folder survive a loss of power; true where a file system cannot. */
bool gr_folder_sync(const char *path);
bool gr_path_remove(const char *path);
bool gr_folder_create(const char *path);
bool gr_folder_remove(const char *path); /* an empty one */

/* The names in a folder, but "." and "..", in no order. gr_folder_next() returns NULL at the end,
 * with errno 0, and when it fails. Thread-safety: one thread at a time for each. */
typedef struct gr_folder gr_folder;
gr_folder *gr_folder_open(const char *path);
const char *gr_folder_next(gr_folder *folder); /* valid until the next call */
void gr_folder_close(gr_folder *folder);

/* Locks a folder against other processes; released by gr_folder_unlock(), or with the process.
 * 0: *taken, where the file system has locks; -1: failed, with errno EWOULDBLOCK when another one
 * has it. */
int gr_folder_lock(const char *path, intptr_t *lock);
void gr_folder_unlock(intptr_t lock);

/* Processes */
long gr_process_id(void);
bool gr_process_is_gone(long id); /* false also when that cannot be told */

#endif
