/* include/graft/vulkan.h: checks, and the way from public handles to the backend. */
#include "interop/imported.h"

#include "backends/vulkan/import.h"
#include "base/log.h"
#include "compute/program.h"

void graft_vulkan_defaults(graft_vulkan_params *params)
{
    if (params)
        *params = (graft_vulkan_params){.api_version = VK_API_VERSION_1_1};
}

static graft_status make(graft_log *log, const void *params, const char *cache_dir, gr_device **out)
{
    return gr_vk_import(log, params, cache_dir, out);
}

static const gr_interop api = {"vulkan:app", "graft_vulkan_import", make, gr_vk_is_imported};

graft_status graft_vulkan_import(graft_log *log, const graft_vulkan_params *params,
                                 graft_device **out)
{
    return gr_interop_import(log, &api, params, params ? params->cache_dir : NULL, out);
}

graft_status graft_vulkan_wrap(graft_device *device, const graft_vulkan_range *range,
                               graft_buffer **out)
{
    gr_device *d;
    if (out)
        *out = NULL;
    GR_TRY(gr_interop_device(&api, device, &d));
    if (!range || !out)
        return gr_fail(d->log, GRAFT_ERR_ARGUMENT, "vulkan:app: no range to wrap");
    GR_TRY(gr_buffer_check_range(d, range->offset_bytes, range->size_bytes));
    gr_buffer *handle;
    GR_TRY(gr_vk_buffer_wrap(d, range, &handle));
    GR_TRY(gr_device_buffer_adopt(d, handle, range->offset_bytes + range->size_bytes));
    return gr_buffer_around(d, handle, range->offset_bytes, range->size_bytes, out);
}

graft_status graft_vulkan_wait(graft_device *device, const graft_vulkan_semaphore *semaphores,
                               int count)
{
    gr_device *d;
    GR_TRY(gr_interop_device(&api, device, &d));
    if (!semaphores)
        return gr_fail(d->log, GRAFT_ERR_ARGUMENT, "vulkan:app: `semaphores` is NULL");
    return gr_vk_semaphores(d, semaphores, NULL, count);
}

graft_status graft_vulkan_signal(graft_device *device, const graft_vulkan_semaphore *semaphores,
                                 int count)
{
    gr_device *d;
    GR_TRY(gr_interop_device(&api, device, &d));
    if (!semaphores)
        return gr_fail(d->log, GRAFT_ERR_ARGUMENT, "vulkan:app: `semaphores` is NULL");
    return gr_vk_semaphores(d, NULL, semaphores, count);
}

static graft_status check_image(gr_device *d, const graft_vulkan_image *image)
{
    if (!image || !image->image || !image->width || !image->height)
        return gr_fail(d->log, GRAFT_ERR_ARGUMENT, "vulkan:app: no image of any pixel");
    if (image->format != VK_FORMAT_R8G8B8A8_UNORM && image->format != VK_FORMAT_R8G8B8A8_SRGB &&
        image->format != VK_FORMAT_B8G8R8A8_UNORM && image->format != VK_FORMAT_B8G8R8A8_SRGB)
        return gr_fail(d->log, GRAFT_ERR_ARGUMENT,
                       "vulkan:app: an image of VkFormat %d; expected R8G8B8A8 or B8G8R8A8, UNORM "
                       "or SRGB",
                       (int)image->format);
    if (!(image->usage & VK_IMAGE_USAGE_TRANSFER_SRC_BIT))
        return gr_fail(d->log, GRAFT_ERR_ARGUMENT,
                       "vulkan:app: an image of usage 0x%x; expected transfer source (0x1) in it",
                       image->usage);
    if (image->layout == VK_IMAGE_LAYOUT_UNDEFINED ||
        image->layout == VK_IMAGE_LAYOUT_PREINITIALIZED)
        return gr_fail(d->log, GRAFT_ERR_ARGUMENT,
                       "vulkan:app: an image whose layout is undefined has no pixels yet");
    return GRAFT_OK;
}

static graft_status copy_image(graft_device *device, const graft_vulkan_image *image,
                               graft_buffer *buffer, uint64_t offset, VkCommandBuffer commands)
{
    gr_device *d;
    gr_region region;
    GR_TRY(gr_interop_device(&api, device, &d));
    GR_TRY(check_image(d, image));
    GR_TRY(gr_buffer_region(d->log, buffer, d, "image", offset,
                            (uint64_t)image->width * image->height * 4, &region));
    return gr_vk_copy_image(d, image, region.buffer, region.offset, commands);
}

graft_status graft_vulkan_copy_image(graft_device *device, const graft_vulkan_image *image,
                                     graft_buffer *buffer, uint64_t offset_bytes)
{
    return copy_image(device, image, buffer, offset_bytes, VK_NULL_HANDLE);
}

graft_status graft_vulkan_record_image(graft_device *device, const graft_vulkan_image *image,
                                       graft_buffer *buffer, uint64_t offset_bytes,
                                       VkCommandBuffer commands)
{
    if (!commands)
        return device ? gr_fail(gr_device_from_public(device)->log, GRAFT_ERR_ARGUMENT,
                                "vulkan:app: `commands` is NULL")
                      : GRAFT_ERR_ARGUMENT;
    return copy_image(device, image, buffer, offset_bytes, commands);
}

graft_status graft_vulkan_record(graft_program *p, VkCommandBuffer commands)
{
    if (!p)
        return GRAFT_ERR_ARGUMENT;
    gr_device *d;
    GR_TRY(gr_interop_device(&api, gr_device_to_public(p->device), &d));
    if (!commands)
        return gr_fail(p->log, GRAFT_ERR_ARGUMENT, "vulkan:app: `commands` is NULL");
    if (p->profiled)
        return gr_fail(p->log, GRAFT_ERR_UNSUPPORTED,
                       "vulkan:app: a program with `profile` cannot be recorded; run it");
    GR_TRY(gr_program_check_bindings(p));
    GR_TRY(gr_plan_prepare(p->plan));
    if (p->scalars) {
        gr_scalars scalars = gr_program_scalars(p);
        gr_vk_update_record(d, p->scalars->region.buffer, p->scalars->region.offset, &scalars,
                            sizeof(scalars), commands);
    }
    p->run++;
    for (int i = 0; i < gr_plan_segments(p->plan); i++)
        GR_TRY(gr_vk_list_record(d, gr_plan_segment(p->plan, i), commands));
    return GRAFT_OK;
}
