/* The instance and the physical devices: which there are, what they are, what they can do. */
#include "backends/vulkan/vulkan.h"

#include "backends/classes.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool has_extension(const VkExtensionProperties *list, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(list[i].extensionName, name))
            return true;
    return false;
}

static bool instance_has(const gr_vk_functions *fn, const char *name)
{
    uint32_t count = 0;
    if (fn->EnumerateInstanceExtensionProperties(NULL, &count, NULL) != VK_SUCCESS)
        return false;
    VkExtensionProperties *list = gr_alloc_array(NULL, count, sizeof(*list));
    bool found = list &&
                 fn->EnumerateInstanceExtensionProperties(NULL, &count, list) == VK_SUCCESS &&
                 has_extension(list, count, name);
    gr_free(list);
    return found;
}

static bool device_has(const gr_vk_functions *fn, VkPhysicalDevice handle, const char *name)
{
    uint32_t count = 0;
    if (fn->EnumerateDeviceExtensionProperties(handle, NULL, &count, NULL) != VK_SUCCESS)
        return false;
    VkExtensionProperties *list = gr_alloc_array(NULL, count, sizeof(*list));
    bool found = list &&
                 fn->EnumerateDeviceExtensionProperties(handle, NULL, &count, list) == VK_SUCCESS &&
                 has_extension(list, count, name);
    gr_free(list);
    return found;
}

graft_status gr_vk_instance_create(graft_log *log, gr_vk_functions *fn, bool *debug,
                                   VkInstance *out)
{
    *out = VK_NULL_HANDLE;
    uint32_t version = VK_API_VERSION_1_0;
    GR_TRY(gr_vk_check(log, fn->EnumerateInstanceVersion(&version), "vkEnumerateInstanceVersion"));
    if (version < VK_API_VERSION_1_1)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED, "vulkan: the loader is version 1.0; 1.1 needed");
    *debug = *debug && instance_has(fn, VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "graft",
        .pEngineName = "graft",
        .apiVersion = VK_API_VERSION_1_1,
    };
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pApplicationInfo = &application,
        .enabledExtensionCount = *debug ? 1 : 0,
        .ppEnabledExtensionNames = (const char *const[]){VK_EXT_DEBUG_UTILS_EXTENSION_NAME},
    };
    GR_TRY(gr_vk_check(log, fn->CreateInstance(&info, NULL, out), "vkCreateInstance"));
    graft_status status = gr_vk_load_instance(log, *out, fn);
    if (status != GRAFT_OK)
        *out = VK_NULL_HANDLE; /* nothing is known that could destroy it */
    return status;
}

static void describe_driver(gr_vk_physical *p, const VkPhysicalDeviceDriverProperties *driver)
{
    uint32_t version = p->properties.driverVersion;
    if (driver->driverName[0])
        snprintf(p->driver, sizeof(p->driver), "%.60s%s%.60s", driver->driverName,
                 driver->driverInfo[0] ? " " : "", driver->driverInfo);
    else /* how a driver packs its version is its own affair */
        snprintf(p->driver, sizeof(p->driver), "Vulkan %u.%u, driver version 0x%08x",
                 VK_API_VERSION_MAJOR(p->properties.apiVersion),
                 VK_API_VERSION_MINOR(p->properties.apiVersion), version);
}

static void read_properties(const gr_vk_functions *fn, gr_vk_physical *p)
{
    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
    };
    bool told = device_has(fn, p->handle, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME);
    VkPhysicalDeviceIDProperties id = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
        .pNext = told ? &driver : NULL,
    };
    p->subgroup.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES;
    p->subgroup.pNext = &id;
    p->maintenance3.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES;
    p->maintenance3.pNext = &p->subgroup;
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &p->maintenance3,
    };
    fn->GetPhysicalDeviceProperties2(p->handle, &properties);
    p->maintenance3.pNext = p->subgroup.pNext = NULL;
    p->properties = properties.properties;
    memcpy(p->uuid, id.deviceUUID, sizeof(p->uuid));
    describe_driver(p, &driver);
    fn->GetPhysicalDeviceMemoryProperties(p->handle, &p->memory);
}

/* Chooses the queue: one for compute only where there is one, because it neither starves a
 * desktop nor falls under the short watchdog of graphics work. */
static bool choose_queue(const gr_vk_functions *fn, gr_vk_physical *p)
{
    VkQueueFamilyProperties families[16];
    uint32_t count = 16;
    bool found = false;
    fn->GetPhysicalDeviceQueueFamilyProperties(p->handle, &count, families);
    for (uint32_t i = 0; i < count; i++) {
        VkQueueFlags flags = families[i].queueFlags;
        bool compute_only = !(flags & VK_QUEUE_GRAPHICS_BIT);
        if (!(flags & VK_QUEUE_COMPUTE_BIT) || (found && !compute_only))
            continue;
        p->queue_family = i;
        p->timestamp_bits = families[i].timestampValidBits;
        found = true;
        if (compute_only)
            break;
    }
    return found;
}

/* Two manifests of one driver, or two drivers for one device. */
static bool is_listed(const gr_vk_physical *list, int count, const gr_vk_physical *p)
{
    static const uint8_t unknown[VK_UUID_SIZE];
    if (!memcmp(p->uuid, unknown, VK_UUID_SIZE))
        return false;
    for (int i = 0; i < count; i++)
        if (!memcmp(list[i].uuid, p->uuid, VK_UUID_SIZE))
            return true;
    return false;
}

static bool is_usable(graft_log *log, const gr_vk_functions *fn, gr_vk_physical *p,
                      const gr_vk_physical *list, int count)
{
    fn->GetPhysicalDeviceProperties(p->handle, &p->properties);
    if (p->properties.apiVersion < VK_API_VERSION_1_1) {
        gr_log(log, GRAFT_LOG_INFO, "vulkan: %s is left out: Vulkan 1.0, needed 1.1",
               p->properties.deviceName);
        return false;
    }
    read_properties(fn, p);
    return !is_listed(list, count, p) && choose_queue(fn, p);
}

graft_status gr_vk_physical_list(graft_log *log, void *parent, const gr_vk_functions *fn,
                                 VkInstance instance, gr_vk_physical **out, int *count)
{
    VkPhysicalDevice handles[64];
    uint32_t handle_count = 64;
    *count = 0;
    VkResult result = fn->EnumeratePhysicalDevices(instance, &handle_count, handles);
    if (result != VK_INCOMPLETE)
        GR_TRY(gr_vk_check(log, result, "vkEnumeratePhysicalDevices"));
    gr_vk_physical *list = gr_alloc_array(parent, handle_count, sizeof(*list));
    if (!list)
        return gr_fail(log, GRAFT_ERR_MEMORY, "vulkan: no memory to list the devices");
    for (uint32_t i = 0; i < handle_count; i++) {
        gr_vk_physical *p = &list[*count];
        *p = (gr_vk_physical){.handle = handles[i]};
        if (is_usable(log, fn, p, list, *count))
            ++*count;
    }
    *out = list;
    return GRAFT_OK;
}

static bool is_of_instance(const gr_vk_functions *fn, VkInstance instance, VkPhysicalDevice handle)
{
    VkPhysicalDevice handles[64];
    uint32_t count = 64;
    bool found = false;
    VkResult result = fn->EnumeratePhysicalDevices(instance, &count, handles);
    for (uint32_t i = 0; i < count && (result == VK_SUCCESS || result == VK_INCOMPLETE); i++)
        found |= handles[i] == handle;
    return found;
}

graft_status gr_vk_physical_take(graft_log *log, const gr_vk_functions *fn, VkInstance instance,
                                 VkPhysicalDevice handle, uint32_t queue_family,
                                 gr_vk_physical *out)
{
    *out = (gr_vk_physical){.handle = handle, .queue_family = queue_family};
    if (!is_of_instance(fn, instance, handle))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "vulkan:app: `physical_device` is none of the instance's");
    fn->GetPhysicalDeviceProperties(handle, &out->properties);
    if (out->properties.apiVersion < VK_API_VERSION_1_1)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED, "vulkan:app: %s has Vulkan 1.0; 1.1 needed",
                       out->properties.deviceName);
    VkQueueFamilyProperties families[16];
    uint32_t count = 16;
    fn->GetPhysicalDeviceQueueFamilyProperties(handle, &count, families);
    if (queue_family >= count || !(families[queue_family].queueFlags & VK_QUEUE_COMPUTE_BIT))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "vulkan:app: `queue_family` %u of %u cannot compute; pass one that can",
                       queue_family, count);
    out->timestamp_bits = families[queue_family].timestampValidBits;
    read_properties(fn, out);
    return GRAFT_OK;
}

static uint64_t largest_device_heap(const VkPhysicalDeviceMemoryProperties *memory)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < memory->memoryHeapCount; i++)
        if (memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT &&
            memory->memoryHeaps[i].size > size)
            size = memory->memoryHeaps[i].size;
    return size;
}

static graft_device_type device_type(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return GRAFT_DEVICE_CPU;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return GRAFT_DEVICE_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return GRAFT_DEVICE_DISCRETE;
    default:
        return GRAFT_DEVICE_VIRTUAL;
    }
}

void gr_vk_physical_info(const gr_vk_physical *physical, int index, graft_device_info *info)
{
    *info = (graft_device_info){0};
    snprintf(info->id, sizeof(info->id), "vulkan:%d", index);
    snprintf(info->name, sizeof(info->name), "%.*s", (int)sizeof(info->name) - 1,
             physical->properties.deviceName);
    snprintf(info->driver, sizeof(info->driver), "%s", physical->driver);
    info->type = device_type(physical->properties.deviceType);
    info->memory_bytes = largest_device_heap(&physical->memory);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void gr_vk_physical_caps(const gr_vk_physical *physical, gr_caps *caps)
{
    const VkPhysicalDeviceLimits *limits = &physical->properties.limits;
    uint64_t heap = largest_device_heap(&physical->memory);
    uint64_t align = limits->minStorageBufferOffsetAlignment;
    *caps = (gr_caps){
        .device_class = gr_class_of_vulkan(physical->properties.vendorID,
                                           device_type(physical->properties.deviceType)),
        .max_workgroup = (uint32_t)min_u64(limits->maxComputeWorkGroupInvocations,
                                           limits->maxComputeWorkGroupSize[0]),
        .shared_bytes = limits->maxComputeSharedMemorySize,
        .max_binding_bytes = limits->maxStorageBufferRange & ~3u,
        .max_buffer_bytes = min_u64(physical->maintenance3.maxMemoryAllocationSize, heap) & ~3ull,
        .memory_bytes = heap,
        .offset_align = align > 16 ? (uint32_t)align : 16, /* kernels read vec4 */
        /* a driver without hardware may report a period of infinity */
        .timestamps = physical->timestamp_bits > 0 && isfinite(limits->timestampPeriod) &&
                      limits->timestampPeriod > 0,
        .mapping = true,
        .executes = true,
        .fft_library = true,
    };
    memcpy(caps->max_groups, limits->maxComputeWorkGroupCount, sizeof(caps->max_groups));
}
