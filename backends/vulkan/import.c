/* An application's device: taken over for use, not for keeps. */
#include "backends/vulkan/import.h"

#include "backends/vulkan/vulkan.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static graft_status refuse(graft_log *log, const char *what)
{
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "vulkan:app: %s", what);
}

static graft_status check_params(graft_log *log, const graft_vulkan_params *p)
{
    if (!p->get_instance_proc_addr)
        return refuse(log, "`get_instance_proc_addr` is NULL");
    if (!p->instance || !p->physical_device || !p->device)
        return refuse(log, "`instance`, `physical_device` or `device` is NULL");
    if (!p->lock != !p->unlock)
        return refuse(log, "one of `lock` and `unlock` is NULL; expected both or neither");
    if (p->extension_count > 0 && !p->extensions)
        return refuse(log, "`extensions` is NULL");
    if (p->api_version < VK_API_VERSION_1_1)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "vulkan:app: the instance was made for Vulkan %u.%u (`api_version`); "
                       "make it for 1.1 or later",
                       VK_API_VERSION_MAJOR(p->api_version), VK_API_VERSION_MINOR(p->api_version));
    return GRAFT_OK;
}

static bool has_extension(const graft_vulkan_params *p, const char *name)
{
    for (int i = 0; i < p->extension_count; i++)
        if (p->extensions[i] && strcmp(p->extensions[i], name) == 0)
            return true;
    return false;
}

/* Whether the application enabled timeline semaphores, by either of the two structs. */
static bool has_timelines(const graft_vulkan_params *p)
{
    bool enabled = false;
    for (const VkBaseInStructure *s = (const void *)p->features; s; s = s->pNext) {
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES)
            enabled |= ((const VkPhysicalDeviceTimelineSemaphoreFeatures *)s)->timelineSemaphore;
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES)
            enabled |= ((const VkPhysicalDeviceVulkan12Features *)s)->timelineSemaphore;
    }
    return enabled && (p->api_version >= VK_API_VERSION_1_2 ||
                       has_extension(p, VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME));
}

static graft_status import(gr_vk_device *vk, const graft_vulkan_params *p)
{
    graft_log *log = vk->base.log;
    GR_TRY(check_params(log, p));
    GR_TRY(gr_vk_load_global(log, p->get_instance_proc_addr, &vk->fn));
    GR_TRY(gr_vk_load_instance(log, p->instance, &vk->fn));
    GR_TRY(gr_vk_physical_take(log, &vk->fn, p->instance, p->physical_device, p->queue_family,
                               &vk->physical));
    gr_vk_physical_info(&vk->physical, 0, &vk->base.info);
    snprintf(vk->base.info.id, sizeof(vk->base.info.id), "vulkan:app");
    gr_vk_physical_caps(&vk->physical, &vk->base.caps);
    vk->base.caps.fft_library = false; /* it would call another loader than the application's */
    GR_TRY(gr_vk_load_device(log, p->device, &vk->fn));
    vk->device = p->device;
    vk->fn.GetDeviceQueue(vk->device, p->queue_family, p->queue_index, &vk->queue);
    if (!vk->queue)
        return refuse(log, "the device has no queue `queue_index` of `queue_family`");
    vk->lock = p->lock;
    vk->unlock = p->unlock;
    vk->user = p->user;
    vk->timelines = has_timelines(p);
    return gr_vk_cache_open(vk);
}

graft_status gr_vk_import(graft_log *log, const graft_vulkan_params *params, const char *cache_dir,
                          gr_device **out)
{
    *out = NULL;
    gr_vk_device *vk = gr_alloc(NULL, sizeof(*vk));
    if (!vk)
        return gr_fail(log, GRAFT_ERR_MEMORY, "vulkan:app: no memory for a device");
    vk->base.backend = &gr_backend_vulkan;
    vk->base.log = log;
    vk->imported = true;
    snprintf(vk->base.cache_dir, sizeof(vk->base.cache_dir), "%s", cache_dir);
    graft_status status = import(vk, params);
    if (status == GRAFT_OK)
        *out = &vk->base;
    else
        gr_backend_vulkan.device_destroy(&vk->base);
    return status;
}

bool gr_vk_is_imported(const gr_device *device)
{
    return device->backend == &gr_backend_vulkan && ((const gr_vk_device *)device)->imported;
}

graft_status gr_vk_buffer_wrap(gr_device *device, const graft_vulkan_range *range, gr_buffer **out)
{
    const VkBufferUsageFlags needed = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                      VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                      VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    *out = NULL;
    if (!range->buffer)
        return refuse(device->log, "`buffer` is NULL");
    if ((range->usage & needed) != needed)
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                       "vulkan:app: a buffer of usage 0x%x; expected storage, transfer source and "
                       "transfer destination (0x%x) in it",
                       range->usage, needed);
    /* its size is not to be asked for, but what memory it takes is, which is hardly more */
    VkMemoryRequirements takes;
    gr_vk(device)->fn.GetBufferMemoryRequirements(gr_vk(device)->device, range->buffer, &takes);
    if (range->offset_bytes + range->size_bytes > takes.size)
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                       "vulkan:app: a range up to byte %llu of a buffer that takes %llu",
                       (unsigned long long)(range->offset_bytes + range->size_bytes),
                       (unsigned long long)takes.size);
    gr_buffer *buffer = gr_alloc(gr_vk(device), sizeof(*buffer));
    if (!buffer)
        return gr_fail(device->log, GRAFT_ERR_MEMORY,
                       "vulkan:app: no memory for a buffer's record");
    buffer->buffer = range->buffer;
    buffer->borrowed = true;
    buffer->size = range->offset_bytes + range->size_bytes;
    *out = buffer;
    return GRAFT_OK;
}

enum { MAX_SEMAPHORES = 16 };

static graft_status check_semaphores(const gr_vk_device *vk, const graft_vulkan_semaphore *list,
                                     int count)
{
    if (count < 0 || count > MAX_SEMAPHORES)
        return gr_fail(vk->base.log, GRAFT_ERR_ARGUMENT,
                       "vulkan:app: %d semaphores at once; expected at most %d", count,
                       MAX_SEMAPHORES);
    for (int i = 0; i < count; i++) {
        if (!list[i].semaphore)
            return refuse(vk->base.log, "a semaphore is NULL");
        if (list[i].value && !vk->timelines)
            return gr_fail(vk->base.log, GRAFT_ERR_UNSUPPORTED,
                           "vulkan:app: a timeline semaphore, but `features` has no "
                           "timelineSemaphore; enable it, or pass binary semaphores (value 0)");
    }
    return GRAFT_OK;
}

/* A batch without command buffers: its waits hold back all later batches of the queue, and its
 * signals come after all earlier ones. */
graft_status gr_vk_semaphores(gr_device *device, const graft_vulkan_semaphore *waits,
                              const graft_vulkan_semaphore *signals, int count)
{
    gr_vk_device *vk = gr_vk(device);
    const graft_vulkan_semaphore *list = waits ? waits : signals;
    GR_TRY(check_semaphores(vk, list, count));
    VkSemaphore handles[MAX_SEMAPHORES];
    uint64_t values[MAX_SEMAPHORES];
    VkPipelineStageFlags stages[MAX_SEMAPHORES];
    bool timeline = false;
    for (int i = 0; i < count; i++) {
        handles[i] = list[i].semaphore;
        values[i] = list[i].value; /* ignored for binary ones */
        stages[i] = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
        timeline |= list[i].value > 0;
    }
    uint32_t wait_count = waits ? (uint32_t)count : 0, signal_count = (uint32_t)count - wait_count;
    VkTimelineSemaphoreSubmitInfo counters = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .waitSemaphoreValueCount = wait_count,
        .pWaitSemaphoreValues = values,
        .signalSemaphoreValueCount = signal_count,
        .pSignalSemaphoreValues = values,
    };
    VkSubmitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = timeline ? &counters : NULL,
        .waitSemaphoreCount = wait_count,
        .pWaitSemaphores = handles,
        .pWaitDstStageMask = stages,
        .signalSemaphoreCount = signal_count,
        .pSignalSemaphores = handles,
    };
    return count ? gr_vk_submit_batch(vk, &info) : GRAFT_OK;
}
