/* What the Vulkan backend does on an application's device, for include/graft/vulkan.h. */
#ifndef GR_VULKAN_IMPORT_H
#define GR_VULKAN_IMPORT_H

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include "backends/backend.h"

#include <graft/vulkan.h>

/* As gr_backend.device_create. */
graft_status gr_vk_import(graft_log *log, const graft_vulkan_params *params, const char *cache_dir,
                          gr_device **out);

/* Whether the device came from gr_vk_import. */
bool gr_vk_is_imported(const gr_device *device);

/* As gr_backend.buffer_create, of a buffer that stays the application's: all of it up to the end of
 * the range. */
graft_status gr_vk_buffer_wrap(gr_device *device, const graft_vulkan_range *range, gr_buffer **out);

graft_status gr_vk_semaphores(gr_device *device, const graft_vulkan_semaphore *waits,
                              const graft_vulkan_semaphore *signals, int count);

/* The pixels of an image into a buffer, at a multiple of 4 bytes: queued, or with `commands`
 * recorded. */
graft_status gr_vk_copy_image(gr_device *device, const graft_vulkan_image *image, gr_buffer *buffer,
                              uint64_t offset, VkCommandBuffer commands);

/* Records bytes, at most 65536 and a multiple of 4, that a buffer takes on between all earlier
 * commands and a list that is recorded next. */
void gr_vk_update_record(gr_device *device, gr_buffer *buffer, uint64_t offset, const void *data,
                         uint64_t size, VkCommandBuffer commands);

/* The commands of a list, recorded once more. */
graft_status gr_vk_list_record(gr_device *device, gr_list *list, VkCommandBuffer commands);

#endif
