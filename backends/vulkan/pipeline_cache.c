/* The driver's pipeline cache, kept on disk: one entry for each device and driver version. */
#include "backends/vulkan/vulkan.h"

#include "backends/cache.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define CACHE_NAME "vulkan"

typedef struct cache_key {
    char text[128];
} cache_key;

static cache_key make_key(const gr_vk_device *vk)
{
    const VkPhysicalDeviceProperties *p = &vk->physical.properties;
    cache_key key;
    int used = snprintf(key.text, sizeof(key.text), "vulkan %08x %08x %08x ", p->vendorID,
                        p->deviceID, p->driverVersion);
    for (uint32_t i = 0; i < VK_UUID_SIZE; i++)
        used += snprintf(key.text + used, sizeof(key.text) - (size_t)used, "%02x",
                         p->pipelineCacheUUID[i]);
    return key;
}

/* Drivers have crashed on data that is not theirs; so they never see any. */
static bool is_ours(const gr_vk_device *vk, const void *data, size_t size)
{
    const VkPhysicalDeviceProperties *p = &vk->physical.properties;
    VkPipelineCacheHeaderVersionOne header;
    if (size < sizeof(header))
        return false;
    memcpy(&header, data, sizeof(header));
    return header.headerSize >= sizeof(header) && header.headerSize <= size &&
           header.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE &&
           header.vendorID == p->vendorID && header.deviceID == p->deviceID &&
           !memcmp(header.pipelineCacheUUID, p->pipelineCacheUUID, VK_UUID_SIZE);
}

graft_status gr_vk_cache_open(gr_vk_device *vk)
{
    graft_log *log = vk->base.log;
    cache_key key = make_key(vk);
    void *data = NULL;
    size_t size = 0;
    if (!gr_cache_load(log, vk, vk->base.cache_dir, CACHE_NAME, key.text, &data, &size) ||
        !is_ours(vk, data, size))
        size = 0;
    VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = size,
        .pInitialData = size ? data : NULL,
    };
    VkResult result = vk->fn.CreatePipelineCache(vk->device, &info, NULL, &vk->cache);
    if (result != VK_SUCCESS && size > 0) {
        gr_log(log, GRAFT_LOG_WARN, "%s: the driver refuses its cached pipelines; starting anew",
               vk->base.info.id);
        size = info.initialDataSize = 0;
        info.pInitialData = NULL;
        result = vk->fn.CreatePipelineCache(vk->device, &info, NULL, &vk->cache);
    }
    vk->cached_bytes = size;
    gr_free(data);
    return gr_vk_check(log, result, "vkCreatePipelineCache");
}

void gr_vk_cache_save(gr_vk_device *vk)
{
    size_t size = 0;
    if (!vk->base.cache_dir[0] ||
        vk->fn.GetPipelineCacheData(vk->device, vk->cache, &size, NULL) != VK_SUCCESS ||
        size <= vk->cached_bytes)
        return;
    cache_key key = make_key(vk);
    void *data = gr_alloc(NULL, size);
    bool saved =
        data && vk->fn.GetPipelineCacheData(vk->device, vk->cache, &size, data) == VK_SUCCESS &&
        gr_cache_store(NULL, vk->base.cache_dir, CACHE_NAME, key.text, data, size) == GRAFT_OK;
    if (!saved)
        gr_log(vk->base.log, GRAFT_LOG_WARN, "%s: the compiled pipelines cannot be stored in %s",
               vk->base.info.id, vk->base.cache_dir);
    vk->cached_bytes = size; /* whether stored or not: no second warning for the same data */
    gr_free(data);
}
