/* The queue: barriers, submitting, waiting. */
#include "backends/vulkan/vulkan.h"

#define WORK_STAGES (VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT)
#define WORK_WRITES (VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT)
#define WORK_READS  (VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT)

static void barrier(gr_vk_device *vk, VkCommandBuffer commands, VkPipelineStageFlags stages,
                    VkAccessFlags access)
{
    VkMemoryBarrier memory = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = WORK_WRITES,
        .dstAccessMask = access,
    };
    vk->fn.CmdPipelineBarrier(commands, WORK_STAGES, stages, 0, 1, &memory, 0, NULL, 0, NULL);
}

void gr_vk_barrier(gr_vk_device *vk, VkCommandBuffer commands)
{
    barrier(vk, commands, WORK_STAGES, WORK_READS | WORK_WRITES);
}

void gr_vk_barrier_to_host(gr_vk_device *vk, VkCommandBuffer commands)
{
    barrier(vk, commands, VK_PIPELINE_STAGE_HOST_BIT,
            VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT);
}

/* A lost device stays lost. */
static graft_status check(gr_vk_device *vk, VkResult result, const char *call)
{
    vk->lost = vk->lost || result == VK_ERROR_DEVICE_LOST;
    return gr_vk_check(vk->base.log, result, call);
}

/* An application may use the queue, too. */
static VkResult queue_submit(gr_vk_device *vk, uint32_t count, const VkSubmitInfo *batch,
                             VkFence fence)
{
    if (vk->lock)
        vk->lock(vk->user);
    VkResult result = vk->fn.QueueSubmit(vk->queue, count, batch, fence);
    if (vk->unlock)
        vk->unlock(vk->user);
    return result;
}

graft_status gr_vk_submit_batch(gr_vk_device *vk, const VkSubmitInfo *batch)
{
    if (vk->lost)
        return check(vk, VK_ERROR_DEVICE_LOST, "vkQueueSubmit");
    GR_TRY(check(vk, queue_submit(vk, 1, batch, VK_NULL_HANDLE), "vkQueueSubmit"));
    vk->pending = true;
    return GRAFT_OK;
}

/* One call for each buffer: batches of one call may reach the kernel driver as one job, and its
 * watchdog counts by job. */
graft_status gr_vk_submit(gr_vk_device *vk, const VkCommandBuffer *buffers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        VkSubmitInfo info = {
            .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
            .commandBufferCount = 1,
            .pCommandBuffers = &buffers[i],
        };
        GR_TRY(gr_vk_submit_batch(vk, &info));
    }
    return GRAFT_OK;
}

/* Made when first needed: drivers that only compile, without hardware, have no fences. */
static graft_status need_fence(gr_vk_device *vk)
{
    VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    if (vk->fence)
        return GRAFT_OK;
    return check(vk, vk->fn.CreateFence(vk->device, &info, NULL, &vk->fence), "vkCreateFence");
}

/* A fence without a batch is signalled when all earlier batches are done. */
graft_status gr_vk_wait(gr_vk_device *vk)
{
    if (vk->lost)
        return check(vk, VK_ERROR_DEVICE_LOST, "vkWaitForFences");
    if (!vk->pending)
        return GRAFT_OK;
    GR_TRY(need_fence(vk));
    GR_TRY(check(vk, queue_submit(vk, 0, NULL, vk->fence), "vkQueueSubmit"));
    GR_TRY(check(vk, vk->fn.WaitForFences(vk->device, 1, &vk->fence, VK_TRUE, UINT64_MAX),
                 "vkWaitForFences"));
    GR_TRY(check(vk, vk->fn.ResetFences(vk->device, 1, &vk->fence), "vkResetFences"));
    vk->pending = false;
    vk->copies_used = 0;
    return GRAFT_OK;
}

/* Also on a lost device, whose commands end in finite time, but are not over yet. A fence keeps the
 * lock for the submit only. */
void gr_vk_drain(gr_vk_device *vk)
{
    if (vk->pending && vk->lock && !vk->lost)
        gr_vk_wait(vk);
    if (vk->pending && vk->lock)
        vk->lock(vk->user);
    if (vk->pending)
        vk->fn.QueueWaitIdle(vk->queue);
    if (vk->pending && vk->unlock)
        vk->unlock(vk->user);
    vk->pending = false;
    vk->copies_used = 0;
}
