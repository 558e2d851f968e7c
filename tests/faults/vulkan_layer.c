/* A Vulkan layer that makes a driver fail or misbehave, see fault.h: VK_LAYER_PATH=this folder,
 * VK_INSTANCE_LAYERS=VK_LAYER_GRAFT_faults. For one device at a time. */
#include "fault.h"

#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#define DEVICE_FUNCTIONS(F)                                                                        \
    F(AllocateMemory)                                                                              \
    F(CmdBindPipeline)                                                                             \
    F(CmdCopyBuffer)                                                                               \
    F(CmdDispatch)                                                                                 \
    F(CreateComputePipelines)                                                                      \
    F(QueueSubmit)                                                                                 \
    F(WaitForFences)

static PFN_vkGetInstanceProcAddr next_instance_function;
static PFN_vkGetDeviceProcAddr next_device_function;
static VkInstance instance_of_all;
static struct {
#define MEMBER(name) PFN_vk##name name;
    DEVICE_FUNCTIONS(MEMBER)
#undef MEMBER
} next;

static int allocations, submissions, waits, dispatches, copies, pipelines;
static bool lost;
static VkPipeline wrong, bound;

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice device,
                                                      const VkMemoryAllocateInfo *info,
                                                      const VkAllocationCallbacks *callbacks,
                                                      VkDeviceMemory *memory)
{
    return fault_is_due("memory", &allocations)
               ? VK_ERROR_OUT_OF_DEVICE_MEMORY
               : next.AllocateMemory(device, info, callbacks, memory);
}

static VKAPI_ATTR VkResult VKAPI_CALL queue_submit(VkQueue queue, uint32_t count,
                                                   const VkSubmitInfo *batches, VkFence fence)
{
    if (count) {
        lost |= fault_is_due("lost", &submissions);
        if (fault_is_due("drop", &submissions))
            count = 0;
    }
    return lost ? VK_ERROR_DEVICE_LOST : next.QueueSubmit(queue, count, batches, fence);
}

static VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(VkDevice device, uint32_t count,
                                                      const VkFence *fences, VkBool32 all,
                                                      uint64_t timeout)
{
    VkResult result = next.WaitForFences(device, count, fences, all, timeout);
    if (lost)
        return VK_ERROR_DEVICE_LOST;
    return fault_is_due("wait", &waits) ? VK_TIMEOUT : result;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_pipelines(VkDevice device, VkPipelineCache cache,
                                                       uint32_t count,
                                                       const VkComputePipelineCreateInfo *infos,
                                                       const VkAllocationCallbacks *callbacks,
                                                       VkPipeline *out)
{
    VkResult result = next.CreateComputePipelines(device, cache, count, infos, callbacks, out);
    for (uint32_t i = 0; i < count && result == VK_SUCCESS; i++)
        if (fault_is_due("wrong", &pipelines))
            wrong = out[i];
    return result;
}

static VKAPI_ATTR void VKAPI_CALL bind_pipeline(VkCommandBuffer commands, VkPipelineBindPoint point,
                                                VkPipeline pipeline)
{
    bound = pipeline;
    next.CmdBindPipeline(commands, point, pipeline);
}

static VKAPI_ATTR void VKAPI_CALL dispatch(VkCommandBuffer commands, uint32_t x, uint32_t y,
                                           uint32_t z)
{
    unsigned grid[3] = {x, y, z};
    if (fault_is_due("skip", &dispatches))
        return;
    if (wrong && bound == wrong && !fault_halve(grid))
        return;
    next.CmdDispatch(commands, grid[0], grid[1], grid[2]);
}

static VKAPI_ATTR void VKAPI_CALL copy_buffer(VkCommandBuffer commands, VkBuffer from, VkBuffer to,
                                              uint32_t count, const VkBufferCopy *regions)
{
    if (!fault_is_due("stale", &copies))
        next.CmdCopyBuffer(commands, from, to, count, regions);
}

static void lie(VkPhysicalDeviceLimits *limits)
{
    if (!fault_is("limits"))
        return;
    limits->maxComputeWorkGroupInvocations *= 8;
    limits->maxComputeSharedMemorySize *= 8;
    limits->maxStorageBufferRange = UINT32_MAX;
    for (int axis = 0; axis < 3; axis++)
        limits->maxComputeWorkGroupSize[axis] *= 8;
}

static VKAPI_ATTR void VKAPI_CALL get_properties(VkPhysicalDevice device,
                                                 VkPhysicalDeviceProperties *properties)
{
    ((PFN_vkGetPhysicalDeviceProperties)next_instance_function(
        instance_of_all, "vkGetPhysicalDeviceProperties"))(device, properties);
    lie(&properties->limits);
}

static VKAPI_ATTR void VKAPI_CALL get_properties2(VkPhysicalDevice device,
                                                  VkPhysicalDeviceProperties2 *properties)
{
    ((PFN_vkGetPhysicalDeviceProperties2)next_instance_function(
        instance_of_all, "vkGetPhysicalDeviceProperties2"))(device, properties);
    lie(&properties->properties.limits);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *info,
                                                      const VkAllocationCallbacks *callbacks,
                                                      VkInstance *instance)
{
    VkLayerInstanceCreateInfo *chain = (VkLayerInstanceCreateInfo *)info->pNext;
    while (chain->sType != VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO ||
           chain->function != VK_LAYER_LINK_INFO)
        chain = (VkLayerInstanceCreateInfo *)chain->pNext;
    next_instance_function = chain->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    chain->u.pLayerInfo = chain->u.pLayerInfo->pNext;
    PFN_vkCreateInstance create =
        (PFN_vkCreateInstance)next_instance_function(NULL, "vkCreateInstance");
    VkResult result = create(info, callbacks, instance);
    instance_of_all = *instance;
    return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical,
                                                    const VkDeviceCreateInfo *info,
                                                    const VkAllocationCallbacks *callbacks,
                                                    VkDevice *device)
{
    VkLayerDeviceCreateInfo *chain = (VkLayerDeviceCreateInfo *)info->pNext;
    while (chain->sType != VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO ||
           chain->function != VK_LAYER_LINK_INFO)
        chain = (VkLayerDeviceCreateInfo *)chain->pNext;
    next_device_function = chain->u.pLayerInfo->pfnNextGetDeviceProcAddr;
    PFN_vkGetInstanceProcAddr get = chain->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    chain->u.pLayerInfo = chain->u.pLayerInfo->pNext;
    VkResult result = ((PFN_vkCreateDevice)get(instance_of_all, "vkCreateDevice"))(
        physical, info, callbacks, device);
    if (result != VK_SUCCESS)
        return result;
#define LOAD(name) next.name = (PFN_vk##name)next_device_function(*device, "vk" #name);
    DEVICE_FUNCTIONS(LOAD)
#undef LOAD
    return result;
}

static PFN_vkVoidFunction own_device_function(const char *name)
{
    static const struct {
        const char *name;
        PFN_vkVoidFunction function;
    } own[] = {
        {"vkAllocateMemory", (PFN_vkVoidFunction)allocate_memory},
        {"vkQueueSubmit", (PFN_vkVoidFunction)queue_submit},
        {"vkWaitForFences", (PFN_vkVoidFunction)wait_for_fences},
        {"vkCreateComputePipelines", (PFN_vkVoidFunction)create_pipelines},
        {"vkCmdBindPipeline", (PFN_vkVoidFunction)bind_pipeline},
        {"vkCmdDispatch", (PFN_vkVoidFunction)dispatch},
        {"vkCmdCopyBuffer", (PFN_vkVoidFunction)copy_buffer},
    };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(own[i].name, name) == 0)
            return own[i].function;
    return NULL;
}

FAULT_EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vkGetDeviceProcAddr(VkDevice device,
                                                                          const char *name);

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vkGetDeviceProcAddr(VkDevice device, const char *name)
{
    PFN_vkVoidFunction function = own_device_function(name);
    if (strcmp(name, "vkGetDeviceProcAddr") == 0)
        function = (PFN_vkVoidFunction)vkGetDeviceProcAddr;
    return function ? function : next_device_function(device, name);
}

FAULT_EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vkGetInstanceProcAddr(VkInstance instance,
                                                                            const char *name);

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vkGetInstanceProcAddr(VkInstance instance,
                                                               const char *name)
{
    static const struct {
        const char *name;
        PFN_vkVoidFunction function;
    } own[] = {
        {"vkGetInstanceProcAddr", (PFN_vkVoidFunction)vkGetInstanceProcAddr},
        {"vkGetDeviceProcAddr", (PFN_vkVoidFunction)vkGetDeviceProcAddr},
        {"vkCreateInstance", (PFN_vkVoidFunction)create_instance},
        {"vkCreateDevice", (PFN_vkVoidFunction)create_device},
        {"vkGetPhysicalDeviceProperties", (PFN_vkVoidFunction)get_properties},
        {"vkGetPhysicalDeviceProperties2", (PFN_vkVoidFunction)get_properties2},
    };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(own[i].name, name) == 0)
            return own[i].function;
    PFN_vkVoidFunction function = own_device_function(name);
    return function ? function : next_instance_function(instance, name);
}
