/* Filling the table of functions. */
#include "backends/vulkan/functions.h"

#include "base/log.h"
#include "base/system.h"

#ifdef _WIN32
#define LOADER "vulkan-1.dll"
#elif defined(__ANDROID__)
#define LOADER "libvulkan.so"
#else
#define LOADER "libvulkan.so.1"
#endif

const char *const gr_vk_loader_name = LOADER;

PFN_vkGetInstanceProcAddr gr_vk_loader_open(void)
{
    void *library = gr_shared_library_open(LOADER);
    return library ? (PFN_vkGetInstanceProcAddr)gr_shared_library_function(library,
                                                                           "vkGetInstanceProcAddr")
                   : NULL;
}

static graft_status missing(graft_log *log, const char *name)
{
    return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                   "vulkan: the loader or driver has no %s; Vulkan 1.1 is needed", name);
}

/* A member of the table from `get(handle)`, which does not fail but for a NULL. */
#define LOAD(get, handle, member)                                                                  \
    do {                                                                                           \
        fn->member = (PFN_vk##member)get(handle, "vk" #member);                                    \
        if (!fn->member)                                                                           \
            return missing(log, "vk" #member);                                                     \
    } while (0);
#define LOAD_GLOBAL(member)   LOAD(get, NULL, member)
#define LOAD_INSTANCE(member) LOAD(fn->GetInstanceProcAddr, instance, member)
#define LOAD_DEVICE(member)   LOAD(fn->GetDeviceProcAddr, device, member)

graft_status gr_vk_load_global(graft_log *log, PFN_vkGetInstanceProcAddr get, gr_vk_functions *fn)
{
    *fn = (gr_vk_functions){.GetInstanceProcAddr = get};
    GR_VK_GLOBAL_FUNCTIONS(LOAD_GLOBAL)
    return GRAFT_OK;
}

graft_status gr_vk_load_instance(graft_log *log, VkInstance instance, gr_vk_functions *fn)
{
    GR_VK_INSTANCE_FUNCTIONS(LOAD_INSTANCE)
    return GRAFT_OK;
}

/* Straight from the driver: a call less at each command than through the loader. */
graft_status gr_vk_load_device(graft_log *log, VkDevice device, gr_vk_functions *fn)
{
    GR_VK_DEVICE_FUNCTIONS(LOAD_DEVICE)
    return GRAFT_OK;
}
