/* Images that lie on the device, and images of any size: what a model and a trainer make of them is
 * what they make of the same images of the host, to the last bit. */
#include "support.h"

#include "base/mem.h"
#include "data/normalize.h"
#include "data/preprocess.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 5, AT = 1024, WORDS = 32, ROOM = 1 << 20 };

/* How images are resized: settings, and two sides. */
typedef struct resize_case {
    graft_input_params input;
    int width, height;
} resize_case;

static const resize_case resize_cases[] = {
    {{.interpolation = GRAFT_INTERPOLATION_BICUBIC}, 37, 23},
    {{.resize = GRAFT_RESIZE_CROP, .interpolation = GRAFT_INTERPOLATION_BILINEAR}, 61, 111},
    {{.resize = GRAFT_RESIZE_CROP, .resize_to = 41}, 90, 33},
    {{.interpolation = GRAFT_INTERPOLATION_BILINEAR_PLAIN,
      .normalization = GRAFT_NORMALIZATION_HALF},
     80,
     40},
    {{0}, RUN_SIZE, RUN_SIZE},
};
enum { RESIZE_CASES = sizeof(resize_cases) / sizeof(resize_cases[0]) };

/* Pixels of four bytes, [IMAGES, height, width], with noise up to both ends of the range. */
static uint8_t *draw(const resize_case *c)
{
    size_t count = (size_t)(IMAGES * c->width * c->height) * 4;
    uint8_t *rgba = gr_alloc(scratch(), count);
    assert_non_null(rgba);
    uint32_t state = 12345;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        uint32_t noise = state >> 24;
        rgba[i] = (uint8_t)(noise < 60 ? 0 : noise > 190 ? 255 : noise);
    }
    return rgba;
}

static void pictures_of(const resize_case *c, const uint8_t *rgba, graft_pixels *pictures)
{
    for (int i = 0; i < IMAGES; i++)
        pictures[i] = (graft_pixels){.data = rgba + (size_t)(i * c->width * c->height) * 4,
                                     .width = c->width,
                                     .height = c->height,
                                     .channels = 4};
}

/* The first and the third channel of each pixel change places. */
static void swap_channels(uint8_t *rgba, const resize_case *c)
{
    for (int i = 0; i < IMAGES * c->width * c->height; i++, rgba += 4) {
        uint8_t red = rgba[0];
        rgba[0] = rgba[2];
        rgba[2] = red;
    }
}

static graft_buffer *buffer_of(gr_device *device, uint64_t size)
{
    graft_buffer *buffer = NULL;
    check_ok(scratch(),
             graft_buffer_create(gr_device_to_public(device), size, GRAFT_MEMORY_DEVICE, &buffer));
    return buffer;
}

/* An adapter of a few steps whose input is prepared like that, in use on a backbone. */
static graft_model *model_of(gr_device *device, const graft_input_params *input)
{
    graft_train_params p = tiny_run(new_path("run"));
    p.input.resize = input->resize;
    p.input.resize_to = input->resize_to;
    p.input.interpolation = input->interpolation;
    p.input.normalization = input->normalization;
    p.max_steps = 2;
    p.test_split = "";
    train_ok(device, &p);
    graft_model_params params;
    graft_model *model = NULL;
    graft_model_defaults(&params);
    params.backbone.path = tiny_backbone();
    params.adapter = in_folder(p.out, "adapter.safetensors");
    params.batch_size = 4;
    check_ok(scratch(),
             graft_model_open(scratch()->log, gr_device_to_public(device), &params, &model));
    return model;
}

static void run_on_device(graft_model *model, graft_output output,
                          const graft_device_images *images, graft_buffer *out, float *answers,
                          size_t count)
{
    check_ok(scratch(), graft_model_run_on_device(model, output, images, IMAGES, out, AT));
    check_ok(scratch(), graft_buffer_read(out, AT, answers, count * sizeof(*answers)));
}

/* Whether the same pictures say the same from the host and from the device. */
static void compare_pictures(gr_device *device, const resize_case *c)
{
    float expected[IMAGES * RUN_CLASSES], found[IMAGES * RUN_CLASSES];
    graft_model *model = model_of(device, &c->input);
    uint8_t *rgba = draw(c);
    uint64_t size = (uint64_t)(IMAGES * c->width * c->height) * 4;
    graft_pixels pictures[IMAGES];
    pictures_of(c, rgba, pictures);
    check_ok(scratch(),
             graft_model_run_pixels(model, GRAFT_OUTPUT_LOGITS, pictures, IMAGES, expected));
    graft_buffer *in = buffer_of(device, AT + size), *out = buffer_of(device, AT + sizeof(found));
    graft_device_images images = {in, AT, c->width, c->height, false};
    for (int turn = 0; turn < 4;
         turn++) { /* what is recorded is used again; then the other order */
        images.bgra = turn > 1;
        if (turn == 2)
            swap_channels(rgba, c);
        check_ok(scratch(), graft_buffer_write(in, AT, rgba, size));
        memset(found, 0, sizeof(found));
        run_on_device(model, GRAFT_OUTPUT_LOGITS, &images, out, found, IMAGES * RUN_CLASSES);
        assert_memory_equal(found, expected, sizeof(found));
    }
    graft_buffer_destroy(&in);
    graft_buffer_destroy(&out);
    graft_model_close(&model);
}

static void pictures_of_any_size_are_those_of_the_host(void **state)
{
    gr_device *device = test_device_of(state);
    for (int i = 0; i < RESIZE_CASES; i++)
        compare_pictures(device, &resize_cases[i]);
}

static void answers_stay_on_the_device(void **state)
{
    gr_device *device = test_device_of(state);
    graft_model *model = model_of(device, &resize_cases[0].input);
    enum { FLOATS = IMAGES * 3 * RUN_SIZE * RUN_SIZE };
    static float floats[FLOATS];
    float expected[IMAGES * WORDS], found[IMAGES * WORDS];
    for (int i = 0; i < FLOATS; i++)
        floats[i] = (float)(i * 37 % 1000) / 400.0f - 1.2f;
    graft_buffer *in = buffer_of(device, sizeof(floats)), *out = buffer_of(device, ROOM);
    check_ok(scratch(), graft_buffer_write(in, 0, floats, sizeof(floats)));
    graft_device_images images = {.buffer = in};
    for (int output = GRAFT_OUTPUT_LOGITS; output <= GRAFT_OUTPUT_FEATURES; output++) {
        size_t width = output == GRAFT_OUTPUT_FEATURES ? WORDS : RUN_CLASSES;
        check_ok(scratch(), graft_model_run(model, output, floats, IMAGES, expected));
        run_on_device(model, output, &images, out, found, IMAGES * width);
        for (size_t i = 0; i < IMAGES * width; i++)
            assert_true(output == GRAFT_OUTPUT_PROBABILITIES ? fabsf(found[i] - expected[i]) < 1e-6f
                                                             : found[i] == expected[i]);
    }
    graft_model_close(&model);
    graft_buffer_destroy(&in);
    graft_buffer_destroy(&out);
}

static void refuses_what_does_not_fit(void **state)
{
    gr_device *device = test_device_of(state);
    fixture *f = scratch();
    graft_model *model = model_of(device, &resize_cases[0].input);
    graft_buffer *in = buffer_of(device, 4096), *out = buffer_of(device, ROOM);
    gr_device *other = NULL;
    check_ok(f, gr_device_open(f->log, "null:0", NULL, &other));
    graft_buffer *foreign = buffer_of(other, ROOM);
    const struct {
        graft_output output;
        graft_device_images images;
        int count;
        graft_buffer *out;
        uint64_t at;
        const char *telling;
    } cases[] = {
        {0, {in}, 1, out, 0, "images: takes 12288 bytes at 0; the buffer has 4096"},
        {0, {in, 0, 32, 32}, 2, out, 0, "images: takes 8192 bytes"},
        {0, {in, 0, 32, 0}, 1, out, 0, "images: of 32 x 0 pixels"},
        {0, {in, 0, -1, -1}, 1, out, 0, "images: of -1 x -1 pixels"},
        {0, {foreign, 0, 8, 8}, 1, out, 0, "images: the buffer is of null:0"},
        {0, {in, 2, 8, 8}, 1, out, 0, "images: bound at byte 2"},
        {0, {0}, 1, out, 0, "images: no buffer"},
        {0, {in, 0, 8, 8}, 1, foreign, 0, "out: the buffer is of null:0"},
        {0, {in, 0, 8, 8}, 1, out, ROOM - 8, "out: "},
        {0, {in, 0, 8, 8}, 1, NULL, 0, "to NULL"},
        {0, {in, 0, 8, 8}, -1, out, 0, "-1 images"},
        {3, {in, 0, 8, 8}, 1, out, 0, "no output 3"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_error(f,
                     graft_model_run_on_device(model, cases[i].output, &cases[i].images,
                                               cases[i].count, cases[i].out, cases[i].at),
                     GRAFT_ERR_ARGUMENT, cases[i].telling);
    graft_device_images good = {in, 0, 8, 8, false};
    check_ok(f, graft_model_run_on_device(model, GRAFT_OUTPUT_LOGITS, &good, 1, out, 0));
    graft_model_close(&model);
    graft_buffer_destroy(&in);
    graft_buffer_destroy(&out);
    graft_buffer_destroy(&foreign);
    graft_device *public = gr_device_to_public(other);
    graft_device_close(&public);
}

/* ---- A trainer --------------------------------------------------------------------------- */

static const int32_t labels[IMAGES] = {0, 2, 1, 1, 0};

static graft_trainer *trainer_of(gr_device *device, const graft_input_params *input)
{
    graft_train_params p = tiny_run("");
    p.input.resize = input->resize;
    p.input.resize_to = input->resize_to;
    p.input.interpolation = input->interpolation;
    p.input.normalization = input->normalization;
    p.batch_size = IMAGES;
    p.lr = 0.01;
    graft_trainer *t = NULL;
    graft_trainer_params params = {.settings = &p, .classes = RUN_CLASSES};
    check_ok(scratch(),
             graft_trainer_create(scratch()->log, gr_device_to_public(device), &params, &t));
    return t;
}

/* The losses of three steps with this batch, and then what the trainer says of it. */
static void learn(gr_device *device, const resize_case *c, const graft_batch *batch,
                  float losses[3])
{
    graft_trainer *t = trainer_of(device, &c->input);
    for (int step = 0; step < 3; step++) {
        graft_step_result result;
        check_ok(scratch(), graft_trainer_step(t, batch, NULL, &result));
        losses[step] = result.loss;
    }
    assert_true(losses[0] != losses[2]);
    graft_trainer_destroy(&t);
}

static void resize(const resize_case *c, const graft_pixels *picture, uint8_t *out)
{
    gr_preprocess p = {
        .size = RUN_SIZE,
        .resize_to = c->input.resize_to,
        .mode = c->input.resize == GRAFT_RESIZE_CROP ? GR_RESIZE_CROP : GR_RESIZE_SQUASH,
        .interpolation = c->input.interpolation == GRAFT_INTERPOLATION_BILINEAR ? GR_BILINEAR
                         : c->input.interpolation == GRAFT_INTERPOLATION_BILINEAR_PLAIN
                             ? GR_BILINEAR_PLAIN
                             : GR_BICUBIC};
    gr_image image, resized;
    check_ok(scratch(),
             gr_image_alloc(scratch()->log, "test", picture->width, picture->height, &image));
    for (int i = 0; i < picture->width * picture->height; i++)
        memcpy(image.pixels + 3 * i, picture->data + 4 * i, 3);
    check_ok(scratch(), gr_preprocess_resize(scratch()->log, &p, &image, &resized));
    memcpy(out, resized.pixels, 3 * RUN_SIZE * RUN_SIZE);
    gr_image_free(&image);
    gr_image_free(&resized);
}

static void trains_on_pictures_of_any_size(void **state)
{
    gr_device *device = test_device_of(state);
    static uint8_t pixels[IMAGES][3 * RUN_SIZE * RUN_SIZE];
    for (int i = 0; i < RESIZE_CASES; i++) {
        const resize_case *c = &resize_cases[i];
        float expected[3], found[3];
        uint8_t *rgba = draw(c);
        uint64_t size = (uint64_t)(IMAGES * c->width * c->height) * 4;
        graft_pixels pictures[IMAGES];
        pictures_of(c, rgba, pictures);
        for (int k = 0; k < IMAGES; k++)
            resize(c, &pictures[k], pixels[k]);
        graft_batch batch = {.count = IMAGES, .labels = labels, .pixels = pixels[0]};
        learn(device, c, &batch, expected);
        batch.pixels = NULL, batch.pictures = pictures;
        learn(device, c, &batch, found);
        assert_memory_equal(found, expected, sizeof(found));
        graft_buffer *buffer = buffer_of(device, AT + size);
        check_ok(scratch(), graft_buffer_write(buffer, AT, rgba, size));
        batch.pictures = NULL;
        batch.on_device = (graft_device_images){buffer, AT, c->width, c->height, false};
        learn(device, c, &batch, found);
        assert_memory_equal(found, expected, sizeof(found));
        graft_buffer_destroy(&buffer);
    }
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(pictures_of_any_size_are_those_of_the_host),
        TEST_CASE(answers_stay_on_the_device),
        TEST_CASE(refuses_what_does_not_fit),
        TEST_CASE(trains_on_pictures_of_any_size),
    };
    scratch_open();
    int failures = TEST_RUN("on_device", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
