/* Trains an adapter step by step on pictures that the program makes itself: stripes, upright or
 * lying.
 *
 *     trainer BACKBONE ADAPTER
 */
#include <graft/graft.h>

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 8, STEPS = 20 };

/* image [3, size, size] of class 0 or 1. */
static void draw(float *image, int size, int label, int shift)
{
    for (int i = 0; i < 3 * size * size; i++) {
        int along = label ? i / size % size : i % size;
        image[i] = (along + shift) % 8 < 4 ? 1.0f : -1.0f;
    }
}

static graft_status train(graft_log *log, graft_device *device, char **argv)
{
    graft_train_params settings;
    graft_train_defaults(&settings);
    settings.backbone = argv[1];
    settings.method = "lora";
    settings.batch_size = BATCH;
    graft_trainer *trainer;
    graft_status status = graft_trainer_create(
        log, device, &(graft_trainer_params){.settings = &settings, .classes = 2}, &trainer);
    if (status != GRAFT_OK)
        return status;
    int size = graft_trainer_get_info(trainer)->image_size;
    size_t image = 3 * (size_t)size * (size_t)size;
    float *images = malloc(BATCH * image * sizeof(*images));
    int32_t labels[BATCH];
    graft_batch batch = {.count = BATCH, .images = images, .labels = labels};
    for (int step = 0; step < STEPS && images && status == GRAFT_OK; step++) {
        graft_step_result result;
        for (int i = 0; i < BATCH; i++)
            draw(images + (size_t)i * image, size, labels[i] = i % 2, step * BATCH + i);
        status = graft_trainer_step(trainer, &batch, NULL, &result);
        if (status == GRAFT_OK)
            printf("step %2d: loss %.4f\n", (int)result.step, (double)result.loss);
    }
    if (status == GRAFT_OK)
        status = graft_trainer_save_adapter(trainer, argv[2]);
    free(images);
    graft_trainer_destroy(&trainer);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: trainer BACKBONE ADAPTER\n");
        return 2;
    }
    graft_log *log = graft_log_create(NULL);
    graft_device *device = NULL;
    graft_status status = graft_device_open(log, NULL, NULL, &device);
    if (status == GRAFT_OK)
        status = train(log, device, argv);
    char error[512];
    graft_log_error(log, error, sizeof(error));
    if (status != GRAFT_OK)
        fprintf(stderr, "%s\n", error);
    graft_device_close(&device);
    graft_log_destroy(&log);
    return status != GRAFT_OK;
}
