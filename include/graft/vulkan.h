/* graft on an application's own VkDevice.
 *
 * Nothing of the application's is destroyed, and nothing global is touched: no instance is made, no
 * layer or debug callback set. graft needs Vulkan 1.1 and a queue that computes, and uses no
 * feature and no extension but those that `features` and `extensions` say were enabled. Its work
 * enters the queue between `lock` and `unlock`, or as commands in a command buffer of the
 * application's.
 *
 * Order: what graft submits comes after what was submitted to the same queue before, as far as
 * compute and transfer commands wrote it; whatever else it must come after or before goes by
 * semaphores, which cover everything that uses the device: programs, models, trainers.
 *
 *     graft_vulkan_wait(device, &rendered, 1);     all that is queued from here on waits for it
 *     graft_program_run(program);
 *     graft_vulkan_signal(device, &computed, 1);   once all that was queued so far is done
 *
 * Functions of this header and all others that use the device: one thread at a time; the
 * application's own use of its device goes on beside them.
 */
#ifndef GRAFT_VULKAN_H
#define GRAFT_VULKAN_H

#include <graft/buffer.h>
#include <graft/program.h>
#include <vulkan/vulkan.h>

/* Filled in by graft_vulkan_defaults(); may grow at the end. Arrays, features and texts are
 * borrowed for the call; handles until the device is closed. */
typedef struct graft_vulkan_params {
    PFN_vkGetInstanceProcAddr get_instance_proc_addr; /* by which the instance was made */
    VkInstance instance;
    uint32_t api_version; /* that the instance was made for: VK_API_VERSION_1_1 or later */
    VkPhysicalDevice physical_device;
    VkDevice device;
    uint32_t queue_family,
        queue_index;               /* of a queue that `device` was made with, and that computes */
    const char *const *extensions; /* of the device, that were enabled */
    int extension_count;
    const VkPhysicalDeviceFeatures2 *features; /* that were enabled, with their chain; NULL: none */
    /* Called around each use of the queue, on the thread that calls graft; never nested. Both NULL:
     * nobody else uses the queue. */
    void (*lock)(void *user);
    void (*unlock)(void *user);
    void *user;
    const char *cache_dir; /* as in graft_device_open */
} graft_vulkan_params;

/* value: of a timeline semaphore; 0: the semaphore is a binary one. */
typedef struct graft_vulkan_semaphore {
    VkSemaphore semaphore;
    uint64_t value;
} graft_vulkan_semaphore;

/* A range of a VkBuffer. */
typedef struct graft_vulkan_range {
    VkBuffer buffer;          /* of the imported device, bound to memory */
    VkBufferUsageFlags usage; /* that it was made with: storage, transfer source and destination */
    uint64_t offset_bytes;    /* a multiple of graft_buffer_alignment() */
    uint64_t size_bytes;      /* a positive multiple of 4, within the buffer */
} graft_vulkan_range;

/* A two-dimensional image of the application's, of one sample. */
typedef struct graft_vulkan_image {
    VkImage image;
    VkFormat
        format; /* VK_FORMAT_R8G8B8A8_UNORM or B8G8R8A8, or _SRGB: bytes are taken as they are */
    VkImageUsageFlags usage; /* that it was made with: transfer source */
    VkImageLayout layout;    /* that it is in, and is left in */
    uint32_t width, height;  /* of the level, pixels */
    uint32_t level, layer;
} graft_vulkan_image;

GRAFT_BEGIN_DECLS

GRAFT_API void graft_vulkan_defaults(graft_vulkan_params *params);

/* Opens the application's device as a graft_device, which graft_device_close() lets go; its id is
 * "vulkan:app". Borrows `log`. GRAFT_ERR_ARGUMENT for handles that are missing or do not belong
 * together, GRAFT_ERR_UNSUPPORTED for one that cannot run graft. The device and its instance must
 * stay until the close. Libraries that need a loader of their own (VkFFT) are not used on it. */
GRAFT_API graft_status graft_vulkan_import(graft_log *log, const graft_vulkan_params *params,
                                           graft_device **out);

/* Wraps a range of a buffer of the application's, without a copy: what programs bind, and what
 * graft_buffer_read and _write reach by a copy on the device. graft_buffer_destroy() lets it go and
 * leaves the VkBuffer alone, which must stay until then and until programs that are bound to it are
 * gone. While graft uses it, it belongs to the imported queue's family (or is shared
 * concurrently). GRAFT_ERR_ARGUMENT for a usage flag that is missing, a range that is badly
 * aligned or lies past the memory that the buffer takes, or a device that was not imported by
 * Vulkan. */
GRAFT_API graft_status graft_vulkan_wrap(graft_device *device, const graft_vulkan_range *range,
                                         graft_buffer **out);

/* All that is queued on the device from now on waits for the semaphores; they are signalled once
 * all that was queued before is done. Neither waits on the host. A binary semaphore's signal must
 * have been submitted before it is waited for. Timeline semaphores are GRAFT_ERR_UNSUPPORTED where
 * `features` do not have timelineSemaphore. */
GRAFT_API graft_status graft_vulkan_wait(graft_device *device,
                                         const graft_vulkan_semaphore *semaphores, int count);
GRAFT_API graft_status graft_vulkan_signal(graft_device *device,
                                           const graft_vulkan_semaphore *semaphores, int count);

/* Records one run of a program into a command buffer of the application's and submits nothing.
 * `commands` is in the recording state, outside of a render pass, for a queue of the imported
 * family. The run begins with a barrier against all earlier commands and ends with one before all
 * later ones; it changes the bound compute pipeline, descriptor set 0 and push constants. The
 * program must stay, its bindings unchanged, while the command buffer may run; runs of one program
 * may not overlap.
 *
 * A program with a loss or dropout is recorded once for each run: number, learning rate and seed of
 * that run are those of the recording, which counts as one (graft_program_set_run), and lie in the
 * command buffer. It is submitted once, in the order of the recordings and of other runs of the
 * program; a second submit would draw the same and correct the moments wrongly. The loss is an
 * output like others: bound to a buffer, or read by graft_program_read once the application knows
 * that the submit is done. GRAFT_ERR_UNSUPPORTED for programs that are profiled: times are read by
 * whoever submits. */
GRAFT_API graft_status graft_vulkan_record(graft_program *program, VkCommandBuffer commands);

/* Copies an image's pixels on the device into a buffer at offset_bytes, width * height * 4 bytes:
 * what graft_resize_rgba8 makes network input of (with `bgra` for the B8G8R8A8 formats). Queues the
 * copy and does not wait; the image must be there, in that layout, until it is done. Before it go
 * all commands that were submitted to the queue earlier, of any kind; see graft_vulkan_wait for
 * others. GRAFT_ERR_ARGUMENT for a format, usage or layout that does not fit, and a buffer that is
 * too small. */
GRAFT_API graft_status graft_vulkan_copy_image(graft_device *device,
                                               const graft_vulkan_image *image,
                                               graft_buffer *buffer, uint64_t offset_bytes);

/* The same as commands in the application's command buffer, as graft_vulkan_record. */
GRAFT_API graft_status graft_vulkan_record_image(graft_device *device,
                                                 const graft_vulkan_image *image,
                                                 graft_buffer *buffer, uint64_t offset_bytes,
                                                 VkCommandBuffer commands);

GRAFT_END_DECLS

#endif
