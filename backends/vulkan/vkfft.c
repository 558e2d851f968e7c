/* Fourier transforms by VkFFT, a module of its own, see backends/module.h: it compiles shaders with
 * glslang, and records dispatches on its own pipelines and descriptor sets into the list. */
#define VKFFT_BACKEND 0
#define GR_VULKAN_PROTOTYPES
#include "backends/vulkan/vulkan.h"

#include "backends/module.h"
#include "backends/vkfft.h"
#include "base/mem.h"

typedef struct fft {
    gr_library base;
    gr_fft_desc desc;
    uint64_t size_bytes;
    VkFFTApplication app;
    /* VkFFT takes another address for another buffer: these are used by turns. */
    VkBuffer data[2];
    int turn;
} fft;

static graft_status record(gr_library *library, gr_vk_device *vk, VkCommandBuffer commands,
                           const gr_command *command)
{
    fft *f = (fft *)library;
    f->turn = !f->turn;
    f->data[f->turn] = command->binding[0].buffer->buffer;
    f->app.configuration.bindingOffset = command->binding[0].offset;
    VkFFTLaunchParams params = {.commandBuffer = &commands, .buffer = &f->data[f->turn]};
    return gr_vkfft_append(&vk->base, &f->app, &f->desc, &params);
}

/* What VkFFT needs to upload its tables. */
typedef struct workplace {
    VkCommandPool pool;
    VkFence fence;
} workplace;

static graft_status open_workplace(gr_vk_device *vk, workplace *w)
{
    VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
        .queueFamilyIndex = vk->physical.queue_family,
    };
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    GR_VK(vk, CreateCommandPool, vk->device, &pool, NULL, &w->pool);
    GR_VK(vk, CreateFence, vk->device, &fence, NULL, &w->fence);
    return GRAFT_OK;
}

static void close_workplace(gr_vk_device *vk, workplace *w)
{
    vk->fn.DestroyFence(vk->device, w->fence, NULL);
    vk->fn.DestroyCommandPool(vk->device, w->pool, NULL);
}

static graft_status open_plan(gr_vk_device *vk, fft *f)
{
    workplace w = {0};
    graft_status status = open_workplace(vk, &w);
    VkFFTConfiguration config = {
        .physicalDevice = &vk->physical.handle,
        .device = &vk->device,
        .queue = &vk->queue,
        .commandPool = &w.pool,
        .fence = &w.fence,
    };
    gr_vkfft_configure(&config, &f->desc, &f->size_bytes);
    if (status == GRAFT_OK)
        status = gr_vkfft_open(&vk->base, &f->app, &config);
    close_workplace(vk, &w);
    return status;
}

static void destroy(gr_library *library, gr_vk_device *vk)
{
    fft *f = (fft *)library;
    deleteVkFFT(&f->app);
    gr_free(f);
}

static graft_status fft_create(gr_device *device, const gr_fft_desc *desc, gr_library **out)
{
    gr_vk_device *vk = gr_vk(device);
    fft *f = gr_alloc(vk, sizeof(*f));
    if (!f)
        return gr_fail(device->log, GRAFT_ERR_MEMORY, "%s: no memory for an FFT", device->info.id);
    f->base = (gr_library){.record = record, .destroy = destroy};
    f->desc = *desc;
    graft_status status = open_plan(vk, f);
    if (status == GRAFT_OK)
        *out = &f->base;
    else
        gr_free(f);
    return status;
}

GR_MODULE_DEFINE(gr_vk_device, .fft_create = fft_create);
