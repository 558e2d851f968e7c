/* A small Vulkan application: an instance, a device with one queue, buffers that it maps, and a
 * command buffer. It knows nothing of graft. */
#ifndef TEST_VULKAN_APP_H
#define TEST_VULKAN_APP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan.h>

typedef struct vulkan_app {
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    uint32_t family;
    bool timelines;        /* supported and enabled */
    pthread_mutex_t mutex; /* of the queue */
    VkCommandPool pool;
    VkCommandBuffer commands;
} vulkan_app;

typedef struct app_buffer {
    VkBuffer buffer;
    VkDeviceMemory memory;
    float *mapped;
} app_buffer;

enum {
    APP_USAGE = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                VK_BUFFER_USAGE_TRANSFER_DST_BIT
};

/* Fails the test on every error but a machine without Vulkan 1.1: false. */
bool app_open(vulkan_app *app);
void app_close(vulkan_app *app);

app_buffer app_buffer_create(vulkan_app *app, uint64_t size);
void app_buffer_destroy(vulkan_app *app, app_buffer *buffer);

/* An image that shaders may sample and copies may read and write, of four bytes a pixel. */
typedef struct app_image {
    VkImage image;
    VkDeviceMemory memory;
} app_image;

enum {
    APP_IMAGE_USAGE = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
                      VK_IMAGE_USAGE_TRANSFER_DST_BIT
};

app_image app_image_create(vulkan_app *app, VkFormat format, uint32_t width, uint32_t height);
void app_image_destroy(vulkan_app *app, app_image *image);

/* In `commands`: pixels from the start of a buffer; the image is ready to be sampled then. */
void app_draw(vulkan_app *app, const app_image *image, VkBuffer from, uint32_t width,
              uint32_t height);

VkSemaphore app_semaphore(vulkan_app *app, bool timeline);

/* Begins `commands` anew. */
void app_begin(vulkan_app *app);

/* Ends and submits them under the lock; semaphores and `fence` may be null. value: of timelines. */
void app_submit(vulkan_app *app, VkSemaphore wait, VkSemaphore signal, uint64_t value,
                VkFence fence);
void app_wait_idle(vulkan_app *app);

/* A barrier between all commands before and after it. */
void app_barrier(vulkan_app *app);

#endif
