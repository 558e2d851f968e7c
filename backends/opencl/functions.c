/* Filling the table of functions. */
#include "backends/opencl/functions.h"

#include "base/system.h"

#include <stddef.h>

#ifdef _WIN32
#define LOADER "OpenCL.dll"
#elif defined(__ANDROID__)
#define LOADER "libOpenCL.so" /* the vendor's own library */
#else
#define LOADER "libOpenCL.so.1"
#endif

const char *const gr_opencl_loader_name = LOADER;

bool gr_opencl_load(gr_opencl_functions *cl)
{
    void *library = gr_shared_library_open(LOADER);
    if (!library)
        return false;
#define LOAD(name)                                                                                 \
    cl->name = (__typeof__(cl->name))gr_shared_library_function(library, "cl" #name);              \
    if (!cl->name)                                                                                 \
        return false;
    GR_OPENCL_FUNCTIONS(LOAD)
#undef LOAD
    return true;
}
