/* Devices: listing, opening and closing; the table of the backend. */
#include "backends/vulkan/vulkan.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* The loader, an instance and the devices; none, with the reason in `why`, when
 * one is missing. */
static int list_devices(gr_vk_functions *fn, VkInstance *instance, gr_vk_physical **list,
                        char why[GR_WHY_BYTES])
{
    PFN_vkGetInstanceProcAddr get = gr_vk_loader_open();
    int count = 0;
    bool debug = false;
    if (!get)
        snprintf(why, GR_WHY_BYTES,
                 "no %s here: install the Vulkan loader and a driver (Debian: libvulkan1 and "
                 "mesa-vulkan-drivers)",
                 gr_vk_loader_name);
    else if (gr_vk_load_global(NULL, get, fn) != GRAFT_OK)
        snprintf(why, GR_WHY_BYTES, "%s is older than Vulkan 1.1: install a newer loader",
                 gr_vk_loader_name);
    else if (gr_vk_instance_create(NULL, fn, &debug, instance) != GRAFT_OK)
        snprintf(why, GR_WHY_BYTES, "%s finds no driver: install one (Debian: mesa-vulkan-drivers)",
                 gr_vk_loader_name);
    else if (gr_vk_physical_list(NULL, NULL, fn, *instance, list, &count) != GRAFT_OK)
        snprintf(why, GR_WHY_BYTES, "the devices of %s cannot be listed", gr_vk_loader_name);
    else if (count == 0)
        snprintf(why, GR_WHY_BYTES, "the drivers have no device of Vulkan 1.1 that computes");
    return count;
}

static int enumerate(graft_log *log, graft_device_info *infos, int max, char why[GR_WHY_BYTES])
{
    gr_vk_functions fn;
    VkInstance instance = VK_NULL_HANDLE;
    gr_vk_physical *list = NULL;
    int count = list_devices(&fn, &instance, &list, why);
    for (int i = 0; i < count && i < max; i++)
        gr_vk_physical_info(&list[i], i, &infos[i]);
    gr_free(list);
    if (instance)
        fn.DestroyInstance(instance, NULL);
    return count;
}

static graft_status choose_physical(gr_vk_device *vk, int index)
{
    graft_log *log = vk->base.log;
    gr_vk_physical *list;
    int count;
    GR_TRY(gr_vk_physical_list(log, vk, &vk->fn, vk->instance, &list, &count));
    if (index < 0 || index >= count)
        return gr_fail(log, GRAFT_ERR_NO_DEVICE,
                       "vulkan:%d: no such device; Vulkan devices here: %d", index, count);
    vk->physical = list[index];
    gr_free(list);
    gr_vk_physical_info(&vk->physical, index, &vk->base.info);
    gr_vk_physical_caps(&vk->physical, &vk->base.caps);
    return GRAFT_OK;
}

static graft_status create_device(gr_vk_device *vk)
{
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = vk->physical.queue_family,
        .queueCount = 1,
        .pQueuePriorities = (const float[]){0.5f},
    };
    VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
    };
    GR_VK(vk, CreateDevice, vk->physical.handle, &info, NULL, &vk->device);
    GR_TRY(gr_vk_load_device(vk->base.log, vk->device, &vk->fn));
    vk->fn.GetDeviceQueue(vk->device, vk->physical.queue_family, 0, &vk->queue);
    return GRAFT_OK;
}

static graft_status open_device(gr_vk_device *vk, int index)
{
    graft_log *log = vk->base.log;
    bool debug = gr_log_enabled(log, GRAFT_LOG_DEBUG);
    PFN_vkGetInstanceProcAddr get = gr_vk_loader_open();
    if (!get)
        return gr_fail(log, GRAFT_ERR_NO_DEVICE, "vulkan:%d: no %s here", index, gr_vk_loader_name);
    GR_TRY(gr_vk_load_global(log, get, &vk->fn));
    GR_TRY(gr_vk_instance_create(log, &vk->fn, &debug, &vk->instance));
    GR_TRY(choose_physical(vk, index));
    GR_TRY(create_device(vk));
    GR_TRY(gr_vk_cache_open(vk));
    if (debug) {
        vk->begin_label = (PFN_vkCmdBeginDebugUtilsLabelEXT)vk->fn.GetInstanceProcAddr(
            vk->instance, "vkCmdBeginDebugUtilsLabelEXT");
        vk->end_label = (PFN_vkCmdEndDebugUtilsLabelEXT)vk->fn.GetInstanceProcAddr(
            vk->instance, "vkCmdEndDebugUtilsLabelEXT");
    }
    gr_log(log, GRAFT_LOG_INFO, "%s: %s, %s", vk->base.info.id, vk->base.info.name,
           vk->base.info.driver);
    return GRAFT_OK;
}

/* Also closes what open_device() left half open. A device whose functions are not all there has
 * nothing on it. */
static void device_destroy(gr_device *device)
{
    gr_vk_device *vk = gr_vk(device);
    bool loaded = vk->fn.WaitForFences; /* the last one */
    if (vk->device && loaded) {
        gr_vk_drain(vk);
        if (vk->staging)
            gr_vk_buffer_destroy(device, vk->staging);
        for (int i = 0; i <= GR_MAX_BINDINGS; i++) {
            vk->fn.DestroyPipelineLayout(vk->device, vk->layout[i], NULL);
            vk->fn.DestroyDescriptorSetLayout(vk->device, vk->set_layout[i], NULL);
        }
        vk->fn.DestroyPipelineCache(vk->device, vk->cache, NULL);
        vk->fn.DestroyCommandPool(vk->device, vk->transfer_pool, NULL);
        vk->fn.DestroyCommandPool(vk->device, vk->copy_pool, NULL);
        vk->fn.DestroyFence(vk->device, vk->fence, NULL);
        if (!vk->imported)
            vk->fn.DestroyDevice(vk->device, NULL);
    }
    if (vk->instance && !vk->imported)
        vk->fn.DestroyInstance(vk->instance, NULL);
    gr_free(vk);
}

static graft_status device_create(graft_log *log, int index, const char *cache_dir, gr_device **out)
{
    *out = NULL;
    gr_vk_device *vk = gr_alloc(NULL, sizeof(*vk));
    if (!vk)
        return gr_fail(log, GRAFT_ERR_MEMORY, "vulkan: no memory for a device");
    vk->base.backend = &gr_backend_vulkan;
    vk->base.log = log;
    if (cache_dir && strlen(cache_dir) < sizeof(vk->base.cache_dir))
        strcpy(vk->base.cache_dir, cache_dir);
    else if (cache_dir)
        gr_log(log, GRAFT_LOG_WARN, "%s: the path is too long; pipelines are not cached",
               cache_dir);
    graft_status status = open_device(vk, index);
    if (status == GRAFT_OK)
        *out = &vk->base;
    else
        device_destroy(&vk->base);
    return status;
}

static graft_status device_wait(gr_device *device)
{
    return gr_vk_wait(gr_vk(device));
}

const gr_backend gr_backend_vulkan = {
    .name = "vulkan",
    .enumerate = enumerate,
    .device_create = device_create,
    .device_destroy = device_destroy,
    .buffer_create = gr_vk_buffer_create,
    .buffer_destroy = gr_vk_buffer_destroy,
    .buffer_write = gr_vk_buffer_write,
    .buffer_write_now = gr_vk_buffer_write_now,
    .buffer_read = gr_vk_buffer_read,
    .pipelines_create = gr_vk_pipelines_create,
    .pipeline_destroy = gr_vk_pipeline_destroy,
    .list_create = gr_vk_list_create,
    .list_destroy = gr_vk_list_destroy,
    .submit = gr_vk_list_submit,
    .wait = device_wait,
    .list_times = gr_vk_list_times,
    .library_create = gr_vk_library_create,
    .library_destroy = gr_vk_library_destroy,
};
