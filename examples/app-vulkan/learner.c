#include "learner.h"

#include <stdio.h>
#include <string.h>

#define CHECK(call)                                                                                \
    do {                                                                                           \
        if ((call) != GRAFT_OK)                                                                    \
            return false; /* the log has told why */                                               \
    } while (0)

static void lock_queue(void *user)
{
    pthread_mutex_lock(&((app *)user)->queue_lock);
}

static void unlock_queue(void *user)
{
    pthread_mutex_unlock(&((app *)user)->queue_lock);
}

/* What the application made and enabled, and nothing else, is what graft may use. */
static bool import(learner *l, graft_log *log)
{
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
        .timelineSemaphore = l->app->timeline};
    const VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &timeline};
    graft_vulkan_params params;
    graft_vulkan_defaults(&params);
    params.get_instance_proc_addr = vkGetInstanceProcAddr;
    params.instance = l->app->instance;
    params.api_version = VK_API_VERSION_1_2;
    params.physical_device = l->app->physical;
    params.device = l->app->device;
    params.queue_family = l->app->family;
    params.features = &features;
    params.lock = lock_queue;
    params.unlock = unlock_queue;
    params.user = l->app;
    CHECK(graft_vulkan_import(log, &params, &l->device));
    return true;
}

static bool create_trainer(learner *l, graft_log *log, const char *backbone, int classes)
{
    graft_train_params settings;
    graft_trainer_params params;
    graft_train_defaults(&settings);
    settings.backbone = backbone;
    settings.method = "lora";
    settings.batch_size = l->batch;
    settings.lr = 0.003;
    graft_trainer_defaults(&params);
    params.settings = &settings;
    params.classes = classes;
    CHECK(graft_trainer_create(log, l->device, &params, &l->trainer));
    return true;
}

bool learner_open(learner *l, graft_log *log, app *a, const char *backbone, uint32_t size,
                  int batch, int classes)
{
    *l = (learner){.app = a, .batch = batch, .size = size};
    if (!import(l, log) || !create_trainer(l, log, backbone, classes))
        return false;
    CHECK(graft_buffer_create(l->device, (uint64_t)batch * 4 * size * size, GRAFT_MEMORY_DEVICE,
                              &l->pixels));
    return true;
}

void learner_close(learner *l)
{
    graft_trainer_destroy(&l->trainer);
    graft_buffer_destroy(&l->pixels);
    graft_device_close(&l->device);
}

static bool copy_picture(learner *l, const picture *p, int place)
{
    const graft_vulkan_image image = {.image = p->image,
                                      .format = VK_FORMAT_R8G8B8A8_UNORM,
                                      .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT |
                                               VK_IMAGE_USAGE_SAMPLED_BIT |
                                               VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
                                      .layout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
                                      .width = p->size,
                                      .height = p->size};
    CHECK(graft_vulkan_copy_image(l->device, &image, l->pixels,
                                  (uint64_t)place * 4 * p->size * p->size));
    return true;
}

static bool copy_pictures(learner *l, const picture *pictures)
{
    for (int i = 0; i < l->batch; i++)
        if (!copy_picture(l, &pictures[i], i))
            return false;
    return true;
}

/* What graft resizes and normalises, on the device. */
static graft_device_images images_of(const learner *l)
{
    return (graft_device_images){
        .buffer = l->pixels, .width = (int)l->size, .height = (int)l->size};
}

bool learner_take(learner *l, const picture *pictures, const int32_t *labels)
{
    memcpy(l->labels, labels, (size_t)l->batch * sizeof(*labels));
    return copy_pictures(l, pictures);
}

bool learner_slice(learner *l, double milliseconds, bool *done, float *loss)
{
    const graft_batch batch = {.count = l->batch, .on_device = images_of(l), .labels = l->labels};
    const graft_budget budget = {.milliseconds = milliseconds};
    graft_step_result result;
    CHECK(graft_trainer_step(l->trainer, &batch, &budget, &result));
    *done = result.done;
    *loss = result.loss;
    return true;
}

bool learner_name(learner *l, const picture *pictures, int *shapes)
{
    float logits[LEARNER_MAX_BATCH * LEARNER_MAX_CLASSES];
    int classes = graft_trainer_get_info(l->trainer)->classes;
    if (!copy_pictures(l, pictures))
        return false;
    const graft_device_images images = images_of(l);
    CHECK(graft_trainer_logits_on_device(l->trainer, &images, l->batch, logits));
    for (int i = 0; i < l->batch; i++) {
        const float *row = logits + i * classes;
        shapes[i] = 0;
        for (int c = 1; c < classes; c++)
            if (row[c] > row[shapes[i]])
                shapes[i] = c;
    }
    return true;
}
