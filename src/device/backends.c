#include "device/backends.h"

const gr_backend *const gr_backends[] = {
#ifdef GRAFT_HAVE_OPENCL
    &gr_backend_opencl,
#endif
#ifdef GRAFT_HAVE_VULKAN
    &gr_backend_vulkan,
#endif
#ifdef GRAFT_HAVE_REFERENCE
    &gr_backend_reference,
#endif
    &gr_backend_null,      NULL,
};

const int gr_listed_backends = 0
#ifdef GRAFT_HAVE_OPENCL
                               + 1
#endif
#ifdef GRAFT_HAVE_VULKAN
                               + 1
#endif
    ;
