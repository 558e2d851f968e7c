#include "learner.h"

#define CHECK(call)                                                                                \
    do {                                                                                           \
        if ((call) != GRAFT_OK)                                                                    \
            return false; /* the log has told why */                                               \
    } while (0)

static bool create_trainer(learner *l, graft_log *log, const char *backbone)
{
    graft_train_params settings;
    graft_trainer_params params;
    graft_train_defaults(&settings);
    settings.backbone = backbone;
    settings.method = "lora";
    settings.batch_size = BATCH;
    settings.lr = 0.003;
    graft_trainer_defaults(&params);
    params.settings = &settings;
    params.classes = SHAPES;
    CHECK(graft_trainer_create(log, l->device, &params, &l->trainer));
    return true;
}

bool learner_open(learner *l, graft_log *log, const painter *p, const char *backbone)
{
    graft_opencl_params params;
    graft_opencl_defaults(&params);
    params.context = p->context;
    params.device = p->device;
    params.queue = p->queue;
    *l = (learner){0};
    CHECK(graft_opencl_import(log, &params, &l->device));
    CHECK(graft_buffer_create(l->device, BATCH * HEIGHT * WIDTH * 4, GRAFT_MEMORY_DEVICE,
                              &l->pixels));
    return create_trainer(l, log, backbone);
}

void learner_close(learner *l)
{
    graft_trainer_destroy(&l->trainer);
    graft_buffer_destroy(&l->pixels);
    graft_device_close(&l->device);
}

/* The queue is in order: the copy comes after the painting. */
bool learner_take(learner *l, cl_mem image, int place, int label)
{
    l->labels[place] = label;
    CHECK(
        graft_opencl_copy_image(l->device, image, l->pixels, (uint64_t)place * HEIGHT * WIDTH * 4));
    return true;
}

/* Of the painter's size: graft resizes them, on the device. */
static graft_device_images images_of(const learner *l)
{
    return (graft_device_images){.buffer = l->pixels, .width = WIDTH, .height = HEIGHT};
}

bool learner_slice(learner *l, double milliseconds, bool *done, float *loss)
{
    const graft_batch batch = {.count = BATCH, .on_device = images_of(l), .labels = l->labels};
    const graft_budget budget = {.milliseconds = milliseconds};
    graft_step_result result;
    CHECK(graft_trainer_step(l->trainer, &batch, &budget, &result));
    *done = result.done;
    *loss = result.loss;
    return true;
}

bool learner_name(learner *l, int shapes[BATCH])
{
    const graft_device_images images = images_of(l);
    float logits[BATCH * SHAPES];
    CHECK(graft_trainer_logits_on_device(l->trainer, &images, BATCH, logits));
    for (int i = 0; i < BATCH; i++) {
        const float *row = logits + i * SHAPES;
        shapes[i] = 0;
        for (int c = 1; c < SHAPES; c++)
            if (row[c] > row[shapes[i]])
                shapes[i] = c;
    }
    return true;
}
