#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool create_instance(app *a)
{
    const VkApplicationInfo info = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                    .pApplicationName = "app-vulkan",
                                    .apiVersion = VK_API_VERSION_1_2};
    const VkInstanceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                         .pApplicationInfo = &info};
    APP_CHECK(vkCreateInstance(&create, NULL, &a->instance));
    return true;
}

static bool find_family(app *a, VkPhysicalDevice physical)
{
    VkQueueFamilyProperties families[16];
    uint32_t count = 16;
    const VkQueueFlags both = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
    for (a->family = 0; a->family < count; a->family++)
        if ((families[a->family].queueFlags & both) == both)
            return true;
    return false;
}

static bool choose_device(app *a, const char *name_part)
{
    VkPhysicalDevice all[16];
    uint32_t count = 16;
    VkResult result = vkEnumeratePhysicalDevices(a->instance, &count, all);
    for (uint32_t i = 0; (result == VK_SUCCESS || result == VK_INCOMPLETE) && i < count; i++) {
        vkGetPhysicalDeviceProperties(all[i], &a->properties);
        if ((name_part && !strstr(a->properties.deviceName, name_part)) ||
            a->properties.apiVersion < VK_API_VERSION_1_1 || !find_family(a, all[i]))
            continue;
        a->physical = all[i];
        vkGetPhysicalDeviceMemoryProperties(a->physical, &a->memory);
        return true;
    }
    fprintf(stderr, "no Vulkan 1.1 device with graphics and compute%s%s\n",
            name_part ? " named " : "", name_part ? name_part : "");
    return false;
}

/* Timeline semaphores are asked for where Vulkan 1.2 has them; nothing else is. */
static bool create_device(app *a)
{
    const float priority = 1.0f;
    const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueFamilyIndex = a->family,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &timeline};
    if (a->properties.apiVersion >= VK_API_VERSION_1_2)
        vkGetPhysicalDeviceFeatures2(a->physical, &features);
    a->timeline = timeline.timelineSemaphore;
    const VkDeviceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                       .pNext = a->timeline ? &timeline : NULL,
                                       .queueCreateInfoCount = 1,
                                       .pQueueCreateInfos = &queue};
    APP_CHECK(vkCreateDevice(a->physical, &create, NULL, &a->device));
    vkGetDeviceQueue(a->device, a->family, 0, &a->queue);
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                          .queueFamilyIndex = a->family};
    APP_CHECK(vkCreateCommandPool(a->device, &pool, NULL, &a->pool));
    return true;
}

bool app_open(app *a, const char *name_part)
{
    *a = (app){0};
    pthread_mutex_init(&a->queue_lock, NULL);
    return create_instance(a) && choose_device(a, name_part) && create_device(a);
}

void app_close(app *a)
{
    if (a->device) {
        vkDeviceWaitIdle(a->device);
        vkDestroyCommandPool(a->device, a->pool, NULL);
        vkDestroyDevice(a->device, NULL);
    }
    if (a->instance)
        vkDestroyInstance(a->instance, NULL);
    pthread_mutex_destroy(&a->queue_lock);
}

uint32_t app_memory_type(const app *a, uint32_t bits, VkMemoryPropertyFlags wanted)
{
    for (uint32_t i = 0; i < a->memory.memoryTypeCount; i++)
        if ((bits & 1u << i) && (a->memory.memoryTypes[i].propertyFlags & wanted) == wanted)
            return i;
    return UINT32_MAX;
}

bool app_submit(app *a, const VkSubmitInfo *submit, VkFence fence)
{
    pthread_mutex_lock(&a->queue_lock);
    VkResult result = vkQueueSubmit(a->queue, 1, submit, fence);
    pthread_mutex_unlock(&a->queue_lock);
    if (result != VK_SUCCESS)
        fprintf(stderr, "vkQueueSubmit: VkResult %d\n", result);
    return result == VK_SUCCESS;
}
