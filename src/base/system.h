/* What the operating system gives: the only header of graft behind which POSIX and Windows differ.
 * Implemented by system_posix.c and system_windows.c.
 *
 * Thread-safety: safe, unless said otherwise.
 */
#ifndef GR_BASE_SYSTEM_H
#define GR_BASE_SYSTEM_H

#ifndef _WIN32
#include <pthread.h>
#endif

/* A lock; GR_MUTEX_INIT is an open one that need not be destroyed. Not recursive. */
#ifdef _WIN32
typedef struct gr_mutex {
    void *lock; /* SRWLOCK */
} gr_mutex;
#define GR_MUTEX_INIT                                                                              \
    {                                                                                              \
        0                                                                                          \
    }
#else
typedef struct gr_mutex {
    pthread_mutex_t lock;
} gr_mutex;
#define GR_MUTEX_INIT                                                                              \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER                                                                  \
    }
#endif

void gr_mutex_lock(gr_mutex *mutex);
void gr_mutex_unlock(gr_mutex *mutex);

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

#endif
