#include "base/system.h"

#include <dlfcn.h>
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
