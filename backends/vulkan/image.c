/* Images of an application: their pixels, copied on the device. */
#include "backends/vulkan/import.h"

#include "backends/vulkan/vulkan.h"

static const VkPipelineStageFlags EVERY_STAGE = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
static const VkAccessFlags EVERY_ACCESS = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;

/* Copies read an image in one of two layouts. */
static VkImageLayout copy_layout(VkImageLayout layout)
{
    return layout == VK_IMAGE_LAYOUT_GENERAL ? layout : VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
}

/* All earlier commands happen before all later ones, and the image changes its layout in between.
 */
static void transition(gr_vk_device *vk, VkCommandBuffer commands, const graft_vulkan_image *image,
                       VkImageLayout from, VkImageLayout to)
{
    VkMemoryBarrier memory = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = EVERY_ACCESS,
        .dstAccessMask = EVERY_ACCESS,
    };
    VkImageMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
        .srcAccessMask = EVERY_ACCESS,
        .dstAccessMask = EVERY_ACCESS,
        .oldLayout = from,
        .newLayout = to,
        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .image = image->image,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, image->level, 1, image->layer, 1},
    };
    vk->fn.CmdPipelineBarrier(commands, EVERY_STAGE, EVERY_STAGE, 0, 1, &memory, 0, NULL, 1,
                              &barrier);
}

static void record(gr_vk_device *vk, VkCommandBuffer commands, const graft_vulkan_image *image,
                   const gr_buffer *buffer, uint64_t offset)
{
    VkImageLayout layout = copy_layout(image->layout);
    VkBufferImageCopy region = {
        .bufferOffset = offset,
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, image->level, image->layer, 1},
        .imageExtent = {image->width, image->height, 1},
    };
    transition(vk, commands, image, image->layout, layout);
    vk->fn.CmdCopyImageToBuffer(commands, image->image, layout, buffer->buffer, 1, &region);
    transition(vk, commands, image, layout, image->layout);
}

static graft_status need_copies(gr_vk_device *vk)
{
    if (vk->copies[0])
        return GRAFT_OK;
    VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags =
            VK_COMMAND_POOL_CREATE_TRANSIENT_BIT | VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = vk->physical.queue_family,
    };
    if (!vk->copy_pool)
        GR_VK(vk, CreateCommandPool, vk->device, &pool, NULL, &vk->copy_pool);
    VkCommandBufferAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = vk->copy_pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = GR_VK_COPIES,
    };
    GR_VK(vk, AllocateCommandBuffers, vk->device, &allocate, vk->copies);
    return GRAFT_OK;
}

/* Beginning a command buffer anew needs its last run to be over: with all of them in use, waits. */
static graft_status submit_copy(gr_vk_device *vk, const graft_vulkan_image *image,
                                const gr_buffer *buffer, uint64_t offset)
{
    VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    GR_TRY(need_copies(vk));
    if (vk->copies_used == GR_VK_COPIES)
        GR_TRY(gr_vk_wait(vk));
    VkCommandBuffer commands = vk->copies[vk->copies_used];
    GR_VK(vk, BeginCommandBuffer, commands, &begin);
    record(vk, commands, image, buffer, offset);
    GR_VK(vk, EndCommandBuffer, commands);
    vk->copies_used++;
    return gr_vk_submit(vk, &commands, 1);
}

graft_status gr_vk_copy_image(gr_device *device, const graft_vulkan_image *image, gr_buffer *buffer,
                              uint64_t offset, VkCommandBuffer commands)
{
    gr_vk_device *vk = gr_vk(device);
    if (!commands)
        return submit_copy(vk, image, buffer, offset);
    record(vk, commands, image, buffer, offset);
    return GRAFT_OK;
}
