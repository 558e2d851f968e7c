/* A renderer that learns what it draws: graft trains an adapter on pictures of the application's
 * own VkDevice, in slices of a few milliseconds between frames, and names the shapes of the frames
 * that follow. No pixel reaches the host, but for the PNG files at the end.
 *
 *     app-vulkan BACKBONE.safetensors [device name] [folder for PNG files] [steps]
 */
#include "learner.h"
#include "renderer.h"

#include <graft/graft.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIDE = 64, BATCH = 6, STEPS = 80, WARM_FRAMES = 20, SHOWN = 24, COLUMNS = 8 };

static const double SLICE_MS = 4.0;

static double milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void print_message(void *user, graft_log_level level, const char *text)
{
    (void)user;
    fprintf(stderr, "%s%s\n", level == GRAFT_LOG_ERROR ? "error: " : "", text);
}

typedef struct example {
    app app;
    renderer renderer;
    learner learner;
    picture batch[BATCH]; /* of labelled pictures */
    picture frame;        /* what a window would show */
    uint32_t next_scene;
    int steps;          /* of training */
    double frame_ms[2]; /* mean without and with training */
} example;

/* New labelled pictures, and their pixels as the learner's next batch. */
static bool draw_batch(example *e)
{
    int32_t labels[BATCH];
    for (int i = 0; i < BATCH; i++) {
        scene s = scene_number(e->next_scene++);
        labels[i] = (int32_t)s.shape;
        if (!renderer_draw(&e->renderer, &e->batch[i], &s))
            return false;
    }
    return learner_take(&e->learner, e->batch, labels);
}

static bool draw_frame(example *e, uint32_t number)
{
    scene s = scene_number(1000000 + number);
    return renderer_draw(&e->renderer, &e->frame, &s);
}

/* Frames alone, for comparison. */
static bool warm_up(example *e)
{
    double start = milliseconds();
    for (uint32_t i = 0; i < WARM_FRAMES; i++)
        if (!draw_frame(e, i))
            return false;
    e->frame_ms[0] = (milliseconds() - start) / WARM_FRAMES;
    return true;
}

/* A frame, then a slice of training, until so many steps are done. */
static bool train(example *e)
{
    int frames = 0;
    double start = milliseconds();
    bool done = true;
    float loss = 0.0f;
    for (int steps = 0; steps < e->steps; steps += done, frames++) {
        if (!draw_frame(e, (uint32_t)frames) || (done && !draw_batch(e)) ||
            !learner_slice(&e->learner, SLICE_MS, &done, &loss))
            return false;
        if (done && ((steps + 1) % 10 == 0 || e->steps < 10))
            printf("step %3d  loss %.3f\n", steps + 1, (double)loss);
    }
    e->frame_ms[1] = (milliseconds() - start) / frames;
    printf("%d steps in %d frames\n", e->steps, frames);
    return true;
}

/* Places a picture on the sheet of frames. */
static bool show(example *e, const picture *p, uint32_t i, uint8_t *sheet)
{
    uint8_t pixels[SIDE * SIDE * 4];
    if (!renderer_read(&e->renderer, p, pixels))
        return false;
    for (uint32_t y = 0; y < SIDE; y++)
        memcpy(sheet + ((i / COLUMNS * SIDE + y) * COLUMNS + i % COLUMNS) * SIDE * 4,
               pixels + y * SIDE * 4, SIDE * 4);
    return true;
}

/* Draws new frames and has the network name them; returns how many it names rightly, or -1. */
static int name_frames(example *e, uint8_t *sheet)
{
    static const char *const names[] = {"disc", "square", "triangle"};
    int right = 0, found[BATCH];
    for (uint32_t first = 0; first < SHOWN; first += BATCH) {
        scene scenes[BATCH];
        for (uint32_t i = 0; i < BATCH; i++) {
            scenes[i] = scene_number(2000000 + first + i);
            if (!renderer_draw(&e->renderer, &e->batch[i], &scenes[i]) ||
                !show(e, &e->batch[i], first + i, sheet))
                return -1;
        }
        if (!learner_name(&e->learner, e->batch, found))
            return -1;
        for (uint32_t i = 0; i < BATCH; i++) {
            right += found[i] == (int)scenes[i].shape;
            if (found[i] != (int)scenes[i].shape)
                printf("frame %2u: a %s, called a %s\n", first + i, names[scenes[i].shape],
                       names[found[i]]);
        }
    }
    return right;
}

static bool write_png(const char *folder, const uint8_t *sheet)
{
    char path[1024];
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = COLUMNS * SIDE,
                       .height = SHOWN / COLUMNS * SIDE,
                       .format = PNG_FORMAT_RGBA};
    snprintf(path, sizeof(path), "%s/frames.png", folder);
    if (png_image_write_to_file(&image, path, 0, sheet, 0, NULL))
        return printf("wrote %s\n", path) > 0;
    fprintf(stderr, "%s: %s\n", path, image.message);
    return false;
}

static bool open_all(example *e, graft_log *log, const char *backbone, const char *device)
{
    if (!app_open(&e->app, device) || !renderer_open(&e->renderer, &e->app, SIDE) ||
        !picture_create(&e->renderer, &e->frame))
        return false;
    for (int i = 0; i < BATCH; i++)
        if (!picture_create(&e->renderer, &e->batch[i]))
            return false;
    printf("device    %s\n", e->app.properties.deviceName);
    return learner_open(&e->learner, log, &e->app, backbone, SIDE, BATCH, SHAPES);
}

static void close_all(example *e)
{
    learner_close(&e->learner);
    if (e->renderer.app) {
        for (int i = 0; i < BATCH; i++)
            picture_destroy(&e->renderer, &e->batch[i]);
        picture_destroy(&e->renderer, &e->frame);
        renderer_close(&e->renderer);
    }
    app_close(&e->app);
}

/* The example checks itself: after all of its steps it must name nearly all of the new frames. */
static bool run(example *e, const char *folder)
{
    static uint8_t sheet[SHOWN * SIDE * SIDE * 4];
    if (!warm_up(e) || !train(e))
        return false;
    int right = name_frames(e, sheet);
    if (right < 0 || (folder && !write_png(folder, sheet)))
        return false;
    printf("%d of %d new frames are named rightly\n", right, SHOWN);
    printf("frame     %.2f ms alone, %.2f ms with a slice of %.0f ms of training\n", e->frame_ms[0],
           e->frame_ms[1], SLICE_MS);
    return e->steps < STEPS || right * 10 >= SHOWN * 8;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 5) {
        fprintf(stderr, "usage: app-vulkan BACKBONE.safetensors [device name] [folder] [steps]\n");
        return 2;
    }
    graft_log_params params = {.callback = print_message, .level = GRAFT_LOG_WARN};
    graft_log *log = graft_log_create(&params);
    example *e = calloc(1, sizeof(*e));
    if (e)
        e->steps = argc > 4 ? atoi(argv[4]) : STEPS;
    bool good = e && open_all(e, log, argv[1], argc > 2 && *argv[2] ? argv[2] : NULL) &&
                run(e, argc > 3 && *argv[3] ? argv[3] : NULL);
    if (e)
        close_all(e);
    free(e);
    graft_log_destroy(&log);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
