/* One backbone on the device, and adapters that take turns on it.
 *
 *     adapters BACKBONE ADAPTER...
 */
#include <graft/graft.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 16 };

static void show_memory(const graft_device *device, const char *with)
{
    printf("%8.2f MiB with %s\n", (double)graft_device_memory(device, NULL) / (1 << 20), with);
}

static graft_status attach(graft_log *log, graft_model *model, const char *path,
                           graft_adapter **adapter)
{
    graft_source file = {.path = path};
    graft_status status = graft_adapter_open(log, &file, adapter);
    return status == GRAFT_OK ? graft_model_attach(model, *adapter) : status;
}

/* What each adapter makes of one gray picture, twice in turn: the second time must give the same.
 */
static graft_status take_turns(graft_model *model, graft_adapter *const *adapters, int count)
{
    unsigned char gray[64 * 64 * 3];
    memset(gray, 128, sizeof(gray));
    graft_pixels image = {.data = gray, .width = 64, .height = 64, .channels = 3};
    float *first[MOST] = {NULL}, again[1000];
    graft_status status = GRAFT_OK;
    for (int turn = 0; turn < 2 * count && status == GRAFT_OK; turn++) {
        int i = turn % count;
        status = graft_model_use(model, adapters[i]);
        int classes = graft_model_classes(model);
        size_t bytes = (size_t)classes * sizeof(float);
        if (turn < count)
            first[i] = malloc(bytes);
        if (!first[i] || bytes > sizeof(again))
            status = GRAFT_ERR_MEMORY;
        if (status == GRAFT_OK)
            status = graft_model_run_pixels(model, GRAFT_OUTPUT_PROBABILITIES, &image, 1,
                                            turn < count ? first[i] : again);
        if (status == GRAFT_OK && turn >= count && memcmp(first[i], again, bytes) != 0)
            status = GRAFT_ERR_NUMERIC;
        if (status == GRAFT_OK)
            printf("%s: class 0 of %d with %.4f\n", graft_adapter_get_info(adapters[i]).methods,
                   classes, (double)(turn < count ? first[i] : again)[0]);
    }
    for (int i = 0; i < count; i++)
        free(first[i]);
    return status;
}

static graft_status run(graft_log *log, graft_device *device, char **paths, int count)
{
    graft_model_params params;
    graft_model *model;
    graft_adapter *adapters[MOST] = {NULL};
    graft_model_defaults(&params);
    params.backbone.path = paths[0];
    params.batch_size = 1;
    graft_status status = graft_model_open(log, device, &params, &model);
    for (int i = 0; i < count && status == GRAFT_OK; i++) {
        status = attach(log, model, paths[i + 1], &adapters[i]);
        show_memory(device, i ? "one more adapter" : "the backbone and an adapter");
    }
    if (status == GRAFT_OK)
        status = take_turns(model, adapters, count);
    for (int i = 1; i < count && status == GRAFT_OK; i++)
        status = graft_model_detach(model, adapters[i]);
    show_memory(device, "all but one detached");
    graft_model_close(&model);
    for (int i = 0; i < count; i++)
        graft_adapter_close(&adapters[i]);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > MOST + 2) {
        fprintf(stderr, "usage: adapters BACKBONE ADAPTER...\n");
        return 2;
    }
    graft_log *log = graft_log_create(NULL);
    graft_device *device = NULL;
    graft_status status = graft_device_open(log, NULL, NULL, &device);
    if (status == GRAFT_OK)
        status = run(log, device, argv + 1, argc - 2);
    char error[512];
    graft_log_error(log, error, sizeof(error));
    if (status != GRAFT_OK)
        fprintf(stderr, "%s: %s\n", graft_status_text(status), error);
    graft_device_close(&device);
    graft_log_destroy(&log);
    return status != GRAFT_OK;
}
