/* The Vulkan functions that graft calls. Nothing is linked: the loader is opened when a device is
 * first asked for, and each gr_vk_device has a table of its own, filled from one
 * vkGetInstanceProcAddr: that of the system's loader, or an application's. */
#ifndef GR_VULKAN_FUNCTIONS_H
#define GR_VULKAN_FUNCTIONS_H

#include <graft/log.h>

#ifndef GR_VULKAN_PROTOTYPES /* vkfft.c calls the loader by name */
#define VK_NO_PROTOTYPES
#endif
#include <vulkan/vulkan.h>

#define GR_VK_GLOBAL_FUNCTIONS(F)                                                                  \
    F(CreateInstance)                                                                              \
    F(EnumerateInstanceExtensionProperties)                                                        \
    F(EnumerateInstanceVersion)

#define GR_VK_INSTANCE_FUNCTIONS(F)                                                                \
    F(CreateDevice)                                                                                \
    F(DestroyInstance)                                                                             \
    F(EnumerateDeviceExtensionProperties)                                                          \
    F(EnumeratePhysicalDevices)                                                                    \
    F(GetDeviceProcAddr)                                                                           \
    F(GetPhysicalDeviceMemoryProperties)                                                           \
    F(GetPhysicalDeviceProperties)                                                                 \
    F(GetPhysicalDeviceProperties2)                                                                \
    F(GetPhysicalDeviceQueueFamilyProperties)

#define GR_VK_DEVICE_FUNCTIONS(F)                                                                  \
    F(AllocateCommandBuffers)                                                                      \
    F(AllocateDescriptorSets)                                                                      \
    F(AllocateMemory)                                                                              \
    F(BeginCommandBuffer)                                                                          \
    F(BindBufferMemory)                                                                            \
    F(CmdBindDescriptorSets)                                                                       \
    F(CmdBindPipeline)                                                                             \
    F(CmdCopyBuffer)                                                                               \
    F(CmdCopyImageToBuffer)                                                                        \
    F(CmdDispatch)                                                                                 \
    F(CmdFillBuffer)                                                                               \
    F(CmdUpdateBuffer)                                                                             \
    F(CmdPipelineBarrier)                                                                          \
    F(CmdPushConstants)                                                                            \
    F(CmdResetQueryPool)                                                                           \
    F(CmdWriteTimestamp)                                                                           \
    F(CreateBuffer)                                                                                \
    F(CreateCommandPool)                                                                           \
    F(CreateComputePipelines)                                                                      \
    F(CreateDescriptorPool)                                                                        \
    F(CreateDescriptorSetLayout)                                                                   \
    F(CreateFence)                                                                                 \
    F(CreatePipelineCache)                                                                         \
    F(CreatePipelineLayout)                                                                        \
    F(CreateQueryPool)                                                                             \
    F(CreateShaderModule)                                                                          \
    F(DestroyBuffer)                                                                               \
    F(DestroyCommandPool)                                                                          \
    F(DestroyDescriptorPool)                                                                       \
    F(DestroyDescriptorSetLayout)                                                                  \
    F(DestroyDevice)                                                                               \
    F(DestroyFence)                                                                                \
    F(DestroyPipeline)                                                                             \
    F(DestroyPipelineCache)                                                                        \
    F(DestroyPipelineLayout)                                                                       \
    F(DestroyQueryPool)                                                                            \
    F(DestroyShaderModule)                                                                         \
    F(EndCommandBuffer)                                                                            \
    F(FreeMemory)                                                                                  \
    F(GetBufferMemoryRequirements)                                                                 \
    F(GetDeviceQueue)                                                                              \
    F(GetPipelineCacheData)                                                                        \
    F(GetQueryPoolResults)                                                                         \
    F(MapMemory)                                                                                   \
    F(QueueSubmit)                                                                                 \
    F(QueueWaitIdle)                                                                               \
    F(ResetCommandPool)                                                                            \
    F(ResetFences)                                                                                 \
    F(UpdateDescriptorSets)                                                                        \
    F(WaitForFences)

/* Without their prefix: vk->fn.QueueSubmit(...). */
typedef struct gr_vk_functions {
    PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
#define GR_VK_MEMBER(name) PFN_vk##name name;
    GR_VK_GLOBAL_FUNCTIONS(GR_VK_MEMBER)
    GR_VK_INSTANCE_FUNCTIONS(GR_VK_MEMBER)
    GR_VK_DEVICE_FUNCTIONS(GR_VK_MEMBER)
#undef GR_VK_MEMBER
} gr_vk_functions;

/* The name of the system's loader library. */
extern const char *const gr_vk_loader_name;

/* Opens the system's loader. NULL: there is none. */
PFN_vkGetInstanceProcAddr gr_vk_loader_open(void);

/* Each fills its part of the table, with the parts above it filled before; GRAFT_ERR_UNSUPPORTED
 * names a function that is missing. */
graft_status gr_vk_load_global(graft_log *log, PFN_vkGetInstanceProcAddr get, gr_vk_functions *fn);
graft_status gr_vk_load_instance(graft_log *log, VkInstance instance, gr_vk_functions *fn);
graft_status gr_vk_load_device(graft_log *log, VkDevice device, gr_vk_functions *fn);

#endif
