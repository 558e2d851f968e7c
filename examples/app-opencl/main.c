/* An application with an OpenCL context of its own that learns what it paints: its kernel paints
 * shapes into images, graft trains an adapter on them in slices of a few milliseconds between
 * frames, and the frames that follow get a border in the colour of what the network calls them. No
 * pixel passes the host.
 *
 *     app-opencl vit.safetensors [device name] [folder for frames.ppm] [steps]
 */
#include "learner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 60, SHOWN = 24, COLUMNS = 6 };

static const double SLICE_MS = 4.0;

typedef struct example {
    painter painter;
    learner learner;
    cl_mem frame, batch[BATCH];
    int steps;
} example;

static void print_message(void *user, graft_log_level level, const char *message)
{
    (void)user;
    if (level <= GRAFT_LOG_WARN)
        fprintf(stderr, "%s\n", message);
}

/* The next pictures become a batch: painted, and copied on the device. */
static bool paint_batch(example *e, uint32_t first)
{
    for (uint32_t i = 0; i < BATCH; i++)
        if (!painter_paint(&e->painter, e->batch[i], first + i, -1) ||
            !learner_take(&e->learner, e->batch[i], (int)i, painter_shape(first + i)))
            return false;
    return true;
}

/* A frame, then a slice of training, until so many steps are done. */
static bool train(example *e)
{
    bool done = true;
    float loss = 0.0f;
    uint32_t frames = 0;
    for (int steps = 0; steps < e->steps; steps += done, frames++) {
        if (!painter_paint(&e->painter, e->frame, 1000000 + frames, -1) ||
            (done && !paint_batch(e, (uint32_t)steps * BATCH)) ||
            !learner_slice(&e->learner, SLICE_MS, &done, &loss))
            return false;
        if (done && ((steps + 1) % 10 == 0 || e->steps < 10))
            printf("step %3d  loss %.3f\n", steps + 1, (double)loss);
    }
    printf("%d steps in %u frames\n", e->steps, frames);
    return true;
}

/* Paints a picture once more with the network's verdict, and places it on the sheet. */
static bool show(example *e, uint32_t number, int verdict, uint32_t place, uint8_t *sheet)
{
    uint8_t pixels[HEIGHT * WIDTH * 4];
    if (!painter_paint(&e->painter, e->frame, number, verdict) ||
        !painter_read(&e->painter, e->frame, pixels))
        return false;
    size_t top = place / COLUMNS * HEIGHT, left = place % COLUMNS * WIDTH;
    for (size_t y = 0; y < HEIGHT; y++)
        for (size_t x = 0; x < WIDTH; x++)
            memcpy(sheet + ((top + y) * COLUMNS * WIDTH + left + x) * 3,
                   pixels + (y * WIDTH + x) * 4, 3);
    return true;
}

/* Names pictures that it has not seen; how many rightly, or -1. */
static int name_frames(example *e, uint8_t *sheet)
{
    static const char *const names[] = {"disc", "square", "triangle"};
    int right = 0, found[BATCH];
    for (uint32_t place = 0; place < SHOWN; place++) {
        uint32_t number = 2000000 + place, i = place % BATCH;
        if (i == 0 && (!paint_batch(e, number) || !learner_name(&e->learner, found)))
            return -1;
        if (!show(e, number, found[i], place, sheet))
            return -1;
        printf("%s called %s%s", names[painter_shape(number)], names[found[i]],
               i + 1 < BATCH ? ", " : "\n");
        right += found[i] == painter_shape(number);
    }
    return right;
}

static bool write_sheet(const char *folder, const uint8_t *sheet)
{
    char path[1024];
    size_t bytes = (size_t)SHOWN * HEIGHT * WIDTH * 3;
    snprintf(path, sizeof(path), "%s/frames.ppm", folder);
    FILE *file = fopen(path, "wb");
    bool good = file &&
                fprintf(file, "P6 %d %d 255\n", COLUMNS * WIDTH, SHOWN / COLUMNS * HEIGHT) > 0 &&
                fwrite(sheet, 1, bytes, file) == bytes;
    good = file && fclose(file) == 0 && good;
    return good ? printf("wrote %s\n", path) > 0 : (perror(path), false);
}

static bool open_all(example *e, graft_log *log, const char *backbone, const char *device)
{
    if (!painter_open(&e->painter, device) || !(e->frame = painter_image(&e->painter)))
        return false;
    for (int i = 0; i < BATCH; i++)
        if (!(e->batch[i] = painter_image(&e->painter)))
            return false;
    printf("device    %s\n", e->painter.name);
    return learner_open(&e->learner, log, &e->painter, backbone);
}

static void close_all(example *e)
{
    learner_close(&e->learner);
    for (int i = 0; i < BATCH; i++)
        if (e->batch[i])
            clReleaseMemObject(e->batch[i]);
    if (e->frame)
        clReleaseMemObject(e->frame);
    painter_close(&e->painter);
}

/* The example checks itself: after all of its steps it must name nearly all of the new frames. */
static bool run(example *e, const char *folder)
{
    static uint8_t sheet[SHOWN * HEIGHT * WIDTH * 3];
    if (!train(e))
        return false;
    int right = name_frames(e, sheet);
    if (right < 0 || (folder && !write_sheet(folder, sheet)))
        return false;
    printf("%d of %d new frames are named rightly\n", right, SHOWN);
    return e->steps < STEPS || right * 10 >= SHOWN * 8;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 5) {
        fprintf(stderr, "usage: app-opencl BACKBONE.safetensors [device name] [folder] [steps]\n");
        return 2;
    }
    graft_log_params params = {.callback = print_message, .level = GRAFT_LOG_WARN};
    graft_log *log = graft_log_create(&params);
    example e = {.steps = argc > 4 ? atoi(argv[4]) : STEPS};
    bool good = open_all(&e, log, argv[1], argc > 2 && *argv[2] ? argv[2] : NULL) &&
                run(&e, argc > 3 && *argv[3] ? argv[3] : NULL);
    close_all(&e);
    graft_log_destroy(&log);
    return good ? 0 : 1;
}
