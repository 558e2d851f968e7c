#include "base/system.h"

#include "base/mem.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

void gr_mutex_lock(gr_mutex *mutex)
{
    pthread_mutex_lock(&mutex->lock);
}

void gr_mutex_unlock(gr_mutex *mutex)
{
    pthread_mutex_unlock(&mutex->lock);
}

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
    char *path = realpath(strchr(info.dli_fname, '/') ? info.dli_fname : "/proc/self/exe", NULL);
    char *slash = path ? strrchr(path, '/') : NULL;
    if (slash)
        *slash = '\0';
    char *folder = slash ? gr_strdup(parent, path) : NULL;
    free(path);
    return folder;
}
