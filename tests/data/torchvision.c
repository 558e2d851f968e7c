/* Random resized crops, flips and colour jitter against torchvision: the images of the same draws,
 * byte for byte since both leave the pixels to Pillow's arithmetic, and the draws' distributions.
 */
#include "transforms.h"

#include "data/augment.h"
#include "data/order.h"

#include <math.h>

enum { DRAWS = 20000, CROPS = 64, SIZE = 24, JITTERS = 60 };

/* ---- Crops and flips -------------------------------------------------------------------- */

/* What torchvision's RandomResizedCrop has by default. */
static const graft_augment_params inception = {
    .crop = GRAFT_CROP_RANDOM_RESIZED,
    .crop_scale = {0.08, 1.0},
    .crop_ratio = {3.0 / 4.0, 4.0 / 3.0},
    .flip = true,
};

typedef struct crop_case {
    int width, height;
    gr_interpolation interpolation;
} crop_case;

/* Parts larger and smaller than the result, and one that no draw but the middle fits in. */
static crop_case crop_case_of(int index)
{
    static const int sizes[][2] = {{40, 30}, {31, 64}, {96, 80}, {140, 7}};
    return (crop_case){sizes[index % 4][0], sizes[index % 4][1],
                       index / 4 % 2 ? GR_BICUBIC : GR_BILINEAR};
}

static void write_crops(FILE *draws)
{
    for (int i = 0; i < CROPS; i++) {
        gr_random_key key = key_of(i);
        crop_case c = crop_case_of(i);
        gr_box b = gr_crop_random_resized(&inception, key, c.width, c.height);
        fprintf(draws, "%d %d %d %d %d %d %d %d %d\n", c.width, c.height, b.x, b.y, b.width,
                b.height, SIZE, gr_order_flip(key.seed, key.epoch, key.index),
                c.interpolation == GR_BICUBIC);
    }
}

static void compare_crops(fixture *f)
{
    FILE *results = open_in(f, "results", "rb");
    for (int i = 0; i < CROPS; i++) {
        crop_case c = crop_case_of(i);
        gr_preprocess p = {.size = SIZE, .interpolation = c.interpolation};
        gr_image in = synthetic_image(f, c.width, c.height), found;
        check_ok(f, gr_augment_image(f->log, &inception, &p, key_of(i), &in, &found));
        compare_image(results, &found, i);
        gr_image_free(&in);
        gr_image_free(&found);
    }
    compare_end(results);
}

static void compare_boxes(FILE *statistics, int width, int height)
{
    sample area = {0}, log_aspect = {0}, left = {0}, top = {0};
    for (int i = 0; i < DRAWS; i++) {
        gr_box b = gr_crop_random_resized(&inception, key_of(i), width, height);
        sample_add(&area, (double)b.width * b.height / width / height);
        sample_add(&log_aspect, log((double)b.width / b.height));
        sample_add(&left, b.x);
        sample_add(&top, b.y);
    }
    compare_moments(statistics, "area", &area);
    compare_moments(statistics, "log_aspect", &log_aspect);
    compare_mean(statistics, "left", &left);
    compare_mean(statistics, "top", &top);
}

/* Of a usual image, of one that few draws fit in, and of two that none does. */
static void compare_crop_draws(fixture *f)
{
    FILE *statistics = open_in(f, "statistics", "r");
    compare_boxes(statistics, 500, 400);
    compare_boxes(statistics, 300, 60);
    compare_boxes(statistics, 1000, 10);
    compare_boxes(statistics, 10, 1000);
    sample flipped = {0};
    for (int i = 0; i < DRAWS; i++)
        sample_add(&flipped, gr_order_flip(9, 2, (uint32_t)i));
    compare_mean(statistics, "flipped", &flipped);
    compare_end(statistics);
}

static void crops_and_flips(void **state)
{
    fixture *f = *state;
    FILE *draws = open_in(f, "draws", "w");
    write_crops(draws);
    run_transforms(f, "crop", draws);
    compare_crops(f);
    compare_crop_draws(f);
}

/* ---- Colour jitter ---------------------------------------------------------------------- */

static const graft_color_jitter jitters[] = {
    {.brightness = 0.4, .contrast = 0.4, .saturation = 0.4},
    {.brightness = 0.4, .contrast = 0.4, .saturation = 1.5, .hue = 0.1},
    {.contrast = 2.0, .hue = 0.5},
    {.saturation = 0.7},
};

static const graft_color_jitter *jitter_of(int index)
{
    return &jitters[(size_t)index % (sizeof(jitters) / sizeof(jitters[0]))];
}

static void write_jitters(FILE *draws)
{
    for (int i = 0; i < JITTERS; i++) {
        const graft_color_jitter *j = jitter_of(i);
        gr_jitter_draw draw = gr_jitter_draw_image(j, key_of(i));
        fprintf(draws, "31 22");
        for (int k = 0; k < GR_JITTER_KINDS; k++)
            fprintf(draws, " %d", (int)draw.order[k]);
        for (int k = 0; k < GR_JITTER_KINDS; k++)
            fprintf(draws, " %.17g", draw.change[k]);
        fprintf(draws, " %g %g %g %g\n", j->brightness, j->contrast, j->saturation, j->hue);
    }
}

static void compare_jitters(fixture *f)
{
    FILE *results = open_in(f, "results", "rb");
    for (int i = 0; i < JITTERS; i++) {
        gr_image image = synthetic_image(f, 31, 22);
        gr_jitter_image(jitter_of(i), key_of(i), &image);
        compare_image(results, &image, i);
        gr_image_free(&image);
    }
    compare_end(results);
}

/* The factors, and the place of each kind in the order. */
static void compare_jitter_draws(fixture *f)
{
    sample change[GR_JITTER_KINDS] = {0}, place[GR_JITTER_KINDS] = {0};
    for (int i = 0; i < DRAWS; i++) {
        gr_jitter_draw draw = gr_jitter_draw_image(&jitters[1], key_of(i));
        for (int k = 0; k < GR_JITTER_KINDS; k++) {
            sample_add(&change[k], draw.change[k]);
            sample_add(&place[draw.order[k]], k);
        }
    }
    FILE *statistics = open_in(f, "statistics", "r");
    for (int k = 0; k < GR_JITTER_KINDS; k++) {
        compare_moments(statistics, "change", &change[k]);
        compare_moments(statistics, "place", &place[k]);
    }
    compare_end(statistics);
}

static void color_jitter(void **state)
{
    fixture *f = *state;
    FILE *draws = open_in(f, "draws", "w");
    write_jitters(draws);
    run_transforms(f, "jitter", draws);
    compare_jitters(f);
    compare_jitter_draws(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(crops_and_flips),
        TEST(color_jitter),
    };
    return RUN_TESTS(tests);
}
