/* Buffers: memory, and how the host writes and reads it. */
#include "backends/vulkan/vulkan.h"

#include "base/mem.h"

#include <string.h>

#define STAGING_BYTES (8u << 20)

#define HOST_FLAGS (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)
#define KNOWN_FLAGS                                                                                \
    (HOST_FLAGS | VK_MEMORY_PROPERTY_HOST_CACHED_BIT | VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT)

static bool is_host(VkMemoryPropertyFlags flags)
{
    return (flags & HOST_FLAGS) == HOST_FLAGS;
}

/* How well a memory type serves; negative: not at all. Device memory that the host can reach is
 * worth having only in the main heap: elsewhere it is a small window into it. */
static int rate_type(const gr_vk_device *vk, uint32_t index, gr_memory memory)
{
    const VkPhysicalDeviceMemoryProperties *all = &vk->physical.memory;
    VkMemoryPropertyFlags flags = all->memoryTypes[index].propertyFlags;
    bool local = flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    if (flags & ~(VkMemoryPropertyFlags)KNOWN_FLAGS)
        return -1; /* protected, lazy, or in need of a feature */
    if (memory == GR_MEMORY_HOST)
        return is_host(flags) ? 2 * !!(flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT) + local : -1;
    if (!local)
        return -1;
    uint64_t heap = all->memoryHeaps[all->memoryTypes[index].heapIndex].size;
    int cached = !!(flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
    return 4 * (heap == vk->base.info.memory_bytes) + (is_host(flags) ? 2 + cached : 0);
}

static int best_type(const gr_vk_device *vk, uint32_t allowed, gr_memory memory)
{
    int best = -1, best_rate = -1;
    for (uint32_t i = 0; i < vk->physical.memory.memoryTypeCount; i++) {
        int rate = allowed & 1u << i ? rate_type(vk, i, memory) : -1;
        if (rate > best_rate) {
            best = (int)i;
            best_rate = rate;
        }
    }
    return best;
}

static graft_status fail_memory(gr_vk_device *vk, uint64_t size, const char *why)
{
    return gr_fail(vk->base.log, GRAFT_ERR_DEVICE_MEMORY,
                   "%s: no room for a buffer of %.1f MiB beside the %.1f MiB in use, of %.1f MiB: "
                   "%s",
                   vk->base.info.id, (double)size / 0x1p20,
                   (double)vk->base.allocated_bytes / 0x1p20,
                   (double)vk->base.caps.memory_bytes / 0x1p20, why);
}

/* Tries the memory types from the best one down. */
static graft_status allocate(gr_vk_device *vk, gr_buffer *buffer, gr_memory memory)
{
    if (vk->allocations >= vk->physical.properties.limits.maxMemoryAllocationCount)
        return fail_memory(vk, buffer->size,
                           "the driver allows no more allocations; use fewer, larger buffers");
    VkMemoryRequirements needs;
    vk->fn.GetBufferMemoryRequirements(vk->device, buffer->buffer, &needs);
    uint32_t allowed = needs.memoryTypeBits;
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    int type;
    while ((type = best_type(vk, allowed, memory)) >= 0) {
        VkMemoryAllocateInfo info = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
            .allocationSize = needs.size,
            .memoryTypeIndex = (uint32_t)type,
        };
        result = vk->fn.AllocateMemory(vk->device, &info, NULL, &buffer->memory);
        if (result != VK_ERROR_OUT_OF_DEVICE_MEMORY)
            break;
        allowed &= ~(1u << type);
    }
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_TOO_MANY_OBJECTS ||
        result == VK_ERROR_OUT_OF_HOST_MEMORY)
        return fail_memory(vk, buffer->size,
                           "vkAllocateMemory failed; use a smaller batch or memory budget");
    GR_TRY(gr_vk_check(vk->base.log, result, "vkAllocateMemory"));
    vk->allocations++;
    GR_VK(vk, BindBufferMemory, vk->device, buffer->buffer, buffer->memory, 0);

    VkMemoryPropertyFlags flags = vk->physical.memory.memoryTypes[type].propertyFlags;
    buffer->cached = flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    if (is_host(flags) && (memory == GR_MEMORY_HOST || vk->base.caps.mapping))
        GR_VK(vk, MapMemory, vk->device, buffer->memory, 0, VK_WHOLE_SIZE, 0, &buffer->mapped);
    return GRAFT_OK;
}

static graft_status create_buffer(gr_vk_device *vk, gr_buffer *buffer, gr_memory memory)
{
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = buffer->size,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                 VK_BUFFER_USAGE_TRANSFER_DST_BIT,
        .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
    };
    VkResult result = vk->fn.CreateBuffer(vk->device, &info, NULL, &buffer->buffer);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
        return fail_memory(vk, buffer->size,
                           "vkCreateBuffer failed; use a smaller batch or memory budget");
    GR_TRY(gr_vk_check(vk->base.log, result, "vkCreateBuffer"));
    return allocate(vk, buffer, memory);
}

graft_status gr_vk_buffer_create(gr_device *device, uint64_t size, gr_memory memory,
                                 gr_buffer **out)
{
    gr_vk_device *vk = gr_vk(device);
    *out = NULL;
    gr_buffer *buffer = gr_alloc(vk, sizeof(*buffer));
    if (!buffer)
        return gr_fail(device->log, GRAFT_ERR_MEMORY, "%s: no memory for a buffer's record",
                       device->info.id);
    buffer->size = size;
    graft_status status = create_buffer(vk, buffer, memory);
    if (status == GRAFT_OK)
        *out = buffer;
    else
        gr_vk_buffer_destroy(device, buffer);
    return status;
}

void gr_vk_buffer_destroy(gr_device *device, gr_buffer *buffer)
{
    gr_vk_device *vk = gr_vk(device);
    if (!buffer)
        return;
    gr_vk_drain(vk);
    if (!buffer->borrowed)
        vk->fn.DestroyBuffer(vk->device, buffer->buffer, NULL);
    if (buffer->memory) {
        vk->fn.FreeMemory(vk->device, buffer->memory, NULL); /* unmaps it too */
        vk->allocations--;
    }
    gr_free(buffer);
}

/* Copies on the device, after all earlier work, and waits. */
static graft_status copy_now(gr_vk_device *vk, const gr_buffer *from, const gr_buffer *to,
                             VkBufferCopy region)
{
    VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    GR_VK(vk, ResetCommandPool, vk->device, vk->transfer_pool, 0);
    GR_VK(vk, BeginCommandBuffer, vk->transfer, &begin);
    gr_vk_barrier(vk, vk->transfer);
    vk->fn.CmdCopyBuffer(vk->transfer, from->buffer, to->buffer, 1, &region);
    gr_vk_barrier_to_host(vk, vk->transfer);
    GR_VK(vk, EndCommandBuffer, vk->transfer);
    GR_TRY(gr_vk_submit(vk, &vk->transfer, 1));
    return gr_vk_wait(vk);
}

static graft_status create_transfer_pool(gr_vk_device *vk)
{
    VkCommandPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
        .queueFamilyIndex = vk->physical.queue_family,
    };
    GR_VK(vk, CreateCommandPool, vk->device, &info, NULL, &vk->transfer_pool);
    return GRAFT_OK;
}

static graft_status create_transfer(gr_vk_device *vk)
{
    VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = vk->transfer_pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    GR_VK(vk, AllocateCommandBuffers, vk->device, &info, &vk->transfer);
    return GRAFT_OK;
}

/* Made when first needed: many devices map all their memory. */
static graft_status need_staging(gr_vk_device *vk)
{
    if (!vk->transfer_pool)
        GR_TRY(create_transfer_pool(vk));
    if (!vk->transfer)
        GR_TRY(create_transfer(vk));
    if (!vk->staging)
        GR_TRY(gr_vk_buffer_create(&vk->base, STAGING_BYTES, GR_MEMORY_HOST, &vk->staging));
    return GRAFT_OK;
}

static uint64_t chunk_size(uint64_t left)
{
    return left < STAGING_BYTES ? left : STAGING_BYTES;
}

graft_status gr_vk_buffer_write(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                const void *data, uint64_t size)
{
    gr_vk_device *vk = gr_vk(device);
    if (buffer->mapped) {
        GR_TRY(gr_vk_wait(vk));
        memcpy((char *)buffer->mapped + offset, data, size);
        return GRAFT_OK;
    }
    GR_TRY(need_staging(vk));
    for (uint64_t done = 0, chunk; done < size; done += chunk) {
        chunk = chunk_size(size - done);
        memcpy(vk->staging->mapped, (const char *)data + done, chunk);
        VkBufferCopy region = {.dstOffset = offset + done, .size = chunk};
        GR_TRY(copy_now(vk, vk->staging, buffer, region));
    }
    return GRAFT_OK;
}

/* Host memory is coherent: submitting makes it visible. */
graft_status gr_vk_buffer_write_now(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                    const void *data, uint64_t size)
{
    if (!buffer->mapped)
        return gr_vk_buffer_write(device, buffer, offset, data, size);
    memcpy((char *)buffer->mapped + offset, data, size);
    return GRAFT_OK;
}

graft_status gr_vk_buffer_read(gr_device *device, gr_buffer *buffer, uint64_t offset, void *data,
                               uint64_t size)
{
    gr_vk_device *vk = gr_vk(device);
    /* Reading write-combined memory is so slow that a copy to cached memory pays. */
    if (buffer->mapped && (buffer->cached || buffer == vk->staging)) {
        GR_TRY(gr_vk_wait(vk));
        memcpy(data, (const char *)buffer->mapped + offset, size);
        return GRAFT_OK;
    }
    GR_TRY(need_staging(vk));
    for (uint64_t done = 0, chunk; done < size; done += chunk) {
        chunk = chunk_size(size - done);
        VkBufferCopy region = {.srcOffset = offset + done, .size = chunk};
        GR_TRY(copy_now(vk, buffer, vk->staging, region));
        memcpy((char *)data + done, vk->staging->mapped, chunk);
    }
    return GRAFT_OK;
}
