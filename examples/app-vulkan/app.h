/* The application's own Vulkan: what graft imports, and knows nothing more of. */
#ifndef APP_H
#define APP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan.h>

typedef struct app {
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    uint32_t family;
    pthread_mutex_t queue_lock; /* of the queue, which graft uses as well */
    VkCommandPool pool;
    VkPhysicalDeviceMemoryProperties memory;
    VkPhysicalDeviceProperties properties;
    bool timeline; /* VK_KHR_timeline_semaphore, or Vulkan 1.2, was enabled */
} app;

/* Every function prints what went wrong and returns false, or ends the example. */
bool app_open(app *a, const char *name_part); /* NULL: the first device */
void app_close(app *a);

#define APP_CHECK(call)                                                                            \
    do {                                                                                           \
        VkResult app_result = (call);                                                              \
        if (app_result != VK_SUCCESS) {                                                            \
            fprintf(stderr, "%s: VkResult %d\n", #call, app_result);                               \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

/* Index of a memory type with these properties among `bits`; UINT32_MAX: none. */
uint32_t app_memory_type(const app *a, uint32_t bits, VkMemoryPropertyFlags wanted);

/* vkQueueSubmit under the lock. */
bool app_submit(app *a, const VkSubmitInfo *submit, VkFence fence);

#endif
