#include "vulkan_app.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define VK(call) assert_int_equal(call, VK_SUCCESS)

static bool choose(vulkan_app *app)
{
    VkPhysicalDevice handles[16];
    uint32_t count = 16;
    if (vkEnumeratePhysicalDevices(app->instance, &count, handles) < 0)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        VkPhysicalDeviceProperties properties;
        VkQueueFamilyProperties families[8];
        uint32_t family_count = 8;
        vkGetPhysicalDeviceProperties(handles[i], &properties);
        vkGetPhysicalDeviceQueueFamilyProperties(handles[i], &family_count, families);
        for (uint32_t f = 0; f < family_count && properties.apiVersion >= VK_API_VERSION_1_2; f++)
            if (families[f].queueFlags & VK_QUEUE_COMPUTE_BIT) {
                app->physical = handles[i];
                app->family = f;
                return true;
            }
    }
    return false;
}

static void create_device(vulkan_app *app)
{
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &timeline};
    vkGetPhysicalDeviceFeatures2(app->physical, &features);
    app->timelines = timeline.timelineSemaphore;
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = app->family,
        .queueCount = 1,
        .pQueuePriorities = (const float[]){1.0f},
    };
    VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &timeline,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
    };
    VK(vkCreateDevice(app->physical, &info, NULL, &app->device));
    vkGetDeviceQueue(app->device, app->family, 0, &app->queue);
}

bool app_open(vulkan_app *app)
{
    *app = (vulkan_app){0};
    pthread_mutex_init(&app->mutex, NULL);
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                     .apiVersion = VK_API_VERSION_1_2};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                 .pApplicationInfo = &application};
    if (vkCreateInstance(&info, NULL, &app->instance) != VK_SUCCESS)
        return false;
    if (!choose(app)) {
        vkDestroyInstance(app->instance, NULL);
        return false;
    }
    create_device(app);
    VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = app->family,
    };
    VK(vkCreateCommandPool(app->device, &pool, NULL, &app->pool));
    VkCommandBufferAllocateInfo commands = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = app->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    VK(vkAllocateCommandBuffers(app->device, &commands, &app->commands));
    return true;
}

/* The device still works, whatever was done with it. */
void app_close(vulkan_app *app)
{
    app_begin(app);
    app_submit(app, VK_NULL_HANDLE, VK_NULL_HANDLE, 0, VK_NULL_HANDLE);
    app_wait_idle(app);
    vkDestroyCommandPool(app->device, app->pool, NULL);
    vkDestroyDevice(app->device, NULL);
    vkDestroyInstance(app->instance, NULL);
    pthread_mutex_destroy(&app->mutex);
}

static uint32_t host_type(vulkan_app *app, uint32_t allowed)
{
    const VkMemoryPropertyFlags wanted =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(app->physical, &memory);
    for (uint32_t i = 0; i < memory.memoryTypeCount; i++)
        if (allowed & 1u << i && (memory.memoryTypes[i].propertyFlags & wanted) == wanted)
            return i;
    fail();
    return 0;
}

app_buffer app_buffer_create(vulkan_app *app, uint64_t size)
{
    app_buffer b = {0};
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = APP_USAGE};
    VkMemoryRequirements needs;
    VK(vkCreateBuffer(app->device, &info, NULL, &b.buffer));
    vkGetBufferMemoryRequirements(app->device, b.buffer, &needs);
    VkMemoryAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = needs.size,
        .memoryTypeIndex = host_type(app, needs.memoryTypeBits),
    };
    VK(vkAllocateMemory(app->device, &allocate, NULL, &b.memory));
    VK(vkBindBufferMemory(app->device, b.buffer, b.memory, 0));
    VK(vkMapMemory(app->device, b.memory, 0, VK_WHOLE_SIZE, 0, (void **)&b.mapped));
    memset(b.mapped, 0, size);
    return b;
}

void app_buffer_destroy(vulkan_app *app, app_buffer *buffer)
{
    vkDestroyBuffer(app->device, buffer->buffer, NULL);
    vkFreeMemory(app->device, buffer->memory, NULL);
}

static uint32_t any_type(uint32_t allowed)
{
    uint32_t type = 0;
    while (!(allowed & 1u << type))
        type++;
    return type;
}

app_image app_image_create(vulkan_app *app, VkFormat format, uint32_t width, uint32_t height)
{
    app_image i = {0};
    VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = format,
        .extent = {width, height, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = APP_IMAGE_USAGE,
    };
    VkMemoryRequirements needs;
    VK(vkCreateImage(app->device, &info, NULL, &i.image));
    vkGetImageMemoryRequirements(app->device, i.image, &needs);
    VkMemoryAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = needs.size,
        .memoryTypeIndex = any_type(needs.memoryTypeBits),
    };
    VK(vkAllocateMemory(app->device, &allocate, NULL, &i.memory));
    VK(vkBindImageMemory(app->device, i.image, i.memory, 0));
    return i;
}

void app_image_destroy(vulkan_app *app, app_image *image)
{
    vkDestroyImage(app->device, image->image, NULL);
    vkFreeMemory(app->device, image->memory, NULL);
}

static void change_layout(vulkan_app *app, const app_image *image, VkImageLayout from,
                          VkImageLayout to)
{
    VkImageMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
        .oldLayout = from,
        .newLayout = to,
        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .image = image->image,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
    };
    vkCmdPipelineBarrier(app->commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                         VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
}

void app_draw(vulkan_app *app, const app_image *image, VkBuffer from, uint32_t width,
              uint32_t height)
{
    VkBufferImageCopy region = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
        .imageExtent = {width, height, 1},
    };
    change_layout(app, image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    vkCmdCopyBufferToImage(app->commands, from, image->image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                           1, &region);
    change_layout(app, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                  VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
}

VkSemaphore app_semaphore(vulkan_app *app, bool timeline)
{
    VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                      .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
    VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
                                  .pNext = timeline ? &type : NULL};
    VkSemaphore semaphore;
    VK(vkCreateSemaphore(app->device, &info, NULL, &semaphore));
    return semaphore;
}

void app_begin(vulkan_app *app)
{
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VK(vkBeginCommandBuffer(app->commands, &begin));
}

void app_barrier(vulkan_app *app)
{
    VkMemoryBarrier all = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
    };
    vkCmdPipelineBarrier(app->commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                         VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                         &all, 0, NULL, 0, NULL);
}

void app_submit(vulkan_app *app, VkSemaphore wait, VkSemaphore signal, uint64_t value,
                VkFence fence)
{
    const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    VK(vkEndCommandBuffer(app->commands));
    VkTimelineSemaphoreSubmitInfo counters = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .waitSemaphoreValueCount = wait ? 1 : 0,
        .pWaitSemaphoreValues = &value,
        .signalSemaphoreValueCount = signal ? 1 : 0,
        .pSignalSemaphoreValues = &value,
    };
    VkSubmitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = value ? &counters : NULL,
        .waitSemaphoreCount = wait ? 1 : 0,
        .pWaitSemaphores = &wait,
        .pWaitDstStageMask = &stage,
        .commandBufferCount = 1,
        .pCommandBuffers = &app->commands,
        .signalSemaphoreCount = signal ? 1 : 0,
        .pSignalSemaphores = &signal,
    };
    pthread_mutex_lock(&app->mutex);
    VkResult result = vkQueueSubmit(app->queue, 1, &info, fence);
    pthread_mutex_unlock(&app->mutex);
    VK(result);
}

void app_wait_idle(vulkan_app *app)
{
    pthread_mutex_lock(&app->mutex);
    VkResult result = vkQueueWaitIdle(app->queue);
    pthread_mutex_unlock(&app->mutex);
    VK(result);
}
