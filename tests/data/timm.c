/* RandAugment, mixup, cutmix, label smoothing and random erasing against timm: images and targets
 * of the same draws, and the draws' distributions. */
#include "transforms.h"

#include "data/augment.h"
#include "data/augment_erase.h"
#include "data/augment_mix.h"

#include <math.h>
#include <stdlib.h>

enum { DRAWS = 20000, COUNT = 6, SIZE = 20, IMAGE = 3 * SIZE * SIZE, CLASSES = 5, ERASED = 32 };

/* ---- RandAugment ------------------------------------------------------------------------ */

static const double magnitudes[] = {0, 3, 9, 9.43, 10};
enum { MAGNITUDES = sizeof(magnitudes) / sizeof(magnitudes[0]) };

typedef struct rand_case {
    gr_rand_op op;
    bool increasing, negative, bicubic, half, low;
    double magnitude;
} rand_case;

enum { RAND_CASES = GR_RAND_OPS * MAGNITUDES * 16 };

static rand_case rand_case_of(int index)
{
    return (rand_case){
        .op = (gr_rand_op)(index % GR_RAND_OPS),
        .magnitude = magnitudes[index / GR_RAND_OPS % MAGNITUDES],
        .increasing = index / (GR_RAND_OPS * MAGNITUDES) & 1,
        .negative = index / (GR_RAND_OPS * MAGNITUDES) & 2,
        .low = index / (GR_RAND_OPS * MAGNITUDES) & 4,
        .bicubic = index / (GR_RAND_OPS * MAGNITUDES) & 8,
        .half = index & 1,
    };
}

static void write_operations(FILE *draws)
{
    for (int i = 0; i < RAND_CASES; i++) {
        rand_case c = rand_case_of(i);
        fprintf(draws, "31 22 %d %d %d %d %d %d %g\n", (int)c.op, c.increasing, c.negative,
                c.bicubic, c.half, c.low, c.magnitude);
    }
}

/* Every operation of both sets in both directions, byte for byte. */
static void compare_operations(fixture *f)
{
    FILE *results = open_in(f, "results", "rb");
    for (int i = 0; i < RAND_CASES; i++) {
        rand_case c = rand_case_of(i);
        gr_preprocess p = {.interpolation = c.bicubic ? GR_BICUBIC : GR_BILINEAR};
        p.normalization =
            gr_normalization_of(c.half ? GRAFT_NORMALIZATION_HALF : GRAFT_NORMALIZATION_IMAGENET);
        gr_image image = synthetic_image(f, 31, 22);
        if (c.low)
            lower_contrast(&image);
        double argument = gr_rand_argument(c.op, c.magnitude, c.increasing, c.negative);
        check_ok(f, gr_rand_apply(f->log, &p, c.op, argument, &image));
        compare_image(results, &image, i);
        gr_image_free(&image);
    }
    compare_end(results);
}

typedef struct rand_sample {
    sample same, black, uncovered, corner, mean, difference;
} rand_sample;

static void add_change(rand_sample *s, const gr_image *start, const gr_image *image)
{
    static const uint8_t fill[] = {124, 116, 104};
    double sum = 0.0, difference = 0.0, uncovered = 0.0;
    int count = image->width * image->height * 3;
    for (int i = 0; i < count; i++) {
        sum += image->pixels[i];
        difference += abs(image->pixels[i] - start->pixels[i]);
        uncovered += i % 3 == 0 && !memcmp(image->pixels + i, fill, 3);
    }
    sample_add(&s->same, difference == 0.0);
    sample_add(&s->black, sum == 0.0);
    sample_add(&s->uncovered, 3.0 * uncovered / count);
    sample_add(&s->corner, !memcmp(image->pixels, fill, 3));
    sample_add(&s->mean, sum / count);
    sample_add(&s->difference, difference / count);
}

static rand_sample draw_changes(fixture *f)
{
    graft_rand_augment a = {
        .count = 2, .probability = 0.5, .magnitude = 9, .deviation = 0.5, .increasing = true};
    gr_preprocess p = {.interpolation = GR_BICUBIC};
    p.normalization = gr_normalization_of(GRAFT_NORMALIZATION_IMAGENET);
    gr_image start = synthetic_image(f, 16, 16), image = synthetic_image(f, 16, 16);
    rand_sample s = {0};
    for (int i = 0; i < 2 * DRAWS; i++) {
        memcpy(image.pixels, start.pixels, 16 * 16 * 3);
        check_ok(f, gr_rand_image(f->log, &a, &p, key_of(i), &image));
        add_change(&s, &start, &image);
    }
    gr_image_free(&start);
    gr_image_free(&image);
    return s;
}

/* rand-m9-mstd0.5-inc1 as a whole: how often nothing changes, how much does, and what tells of the
 * draws: black images, of no bits, come at a magnitude of 10; a corner uncovered, of the sign. */
static void compare_rand_draws(fixture *f)
{
    rand_sample s = draw_changes(f);
    FILE *statistics = open_in(f, "statistics", "r");
    compare_mean(statistics, "same", &s.same);
    compare_mean(statistics, "black", &s.black);
    compare_mean(statistics, "uncovered", &s.uncovered);
    compare_mean(statistics, "corner", &s.corner);
    compare_moments(statistics, "mean", &s.mean);
    compare_moments(statistics, "difference", &s.difference);
    compare_end(statistics);
}

static void rand_augment(void **state)
{
    fixture *f = *state;
    FILE *draws = open_in(f, "draws", "w");
    write_operations(draws);
    run_transforms(f, "rand", draws);
    compare_operations(f);
    compare_rand_draws(f);
}

/* ---- Mixing ----------------------------------------------------------------------------- */

/* Mixup, cutmix, either, and smoothing alone, with more and less of it. */
static const graft_augment_params mixes[] = {
    {.mixup = 0.8},
    {.cutmix = 1.0, .label_smoothing = 0.1},
    {.mixup = 0.8, .cutmix = 1.0, .label_smoothing = 0.1},
    {.label_smoothing = 0.3},
};
enum { MIXES = 10 * sizeof(mixes) / sizeof(mixes[0]) };

/* The second and the fifth, which are mixed with each other, have one label. */
static const int32_t labels[COUNT] = {2, 0, 3, 4, 0, 1};

static const graft_augment_params *mix_of(int index)
{
    return &mixes[(size_t)index % (sizeof(mixes) / sizeof(mixes[0]))];
}

static void fill(float *images)
{
    for (int i = 0; i < COUNT * IMAGE; i++)
        images[i] = (float)(i * 37 % 101) / 50.0f - 1.0f;
}

static void write_mixes(fixture *f, FILE *draws)
{
    float images[COUNT * IMAGE];
    fill(images);
    put_bytes(path_of(f, "batch"), images, sizeof(images));
    for (int i = 0; i < (int)MIXES; i++) {
        gr_mix_draw d = gr_mix_draw_batch(mix_of(i), key_of(i), SIZE);
        fprintf(draws, "%d %d %d %d %d %.17g %g", CLASSES, d.box.x, d.box.y, d.box.width,
                d.box.height, d.keep, mix_of(i)->label_smoothing);
        for (int k = 0; k < COUNT; k++)
            fprintf(draws, " %d", (int)labels[k]);
        fprintf(draws, "\n");
    }
}

/* Images and targets, and what label smoothing without mixing makes the targets. Where timm adds
 * two products in float and we do in double, the last bit differs. */
static void compare_batches(fixture *f)
{
    FILE *results = open_in(f, "results", "rb");
    for (int i = 0; i < (int)MIXES; i++) {
        float images[COUNT * IMAGE], targets[COUNT * CLASSES];
        gr_mix_draw d = gr_mix_draw_batch(mix_of(i), key_of(i), SIZE);
        fill(images);
        gr_mix_images(d, COUNT, SIZE, images);
        compare_floats(results, images, COUNT * IMAGE, d.box.width > 0 ? 0.0f : 2e-7f, i);
        gr_mix_targets(mix_of(i), d, labels, COUNT, CLASSES, targets);
        compare_floats(results, targets, COUNT * CLASSES, 2e-7f, i);
        gr_mix_targets(mix_of(i), (gr_mix_draw){.keep = 1.0}, labels, COUNT, CLASSES, targets);
        compare_floats(results, targets, COUNT * CLASSES, 5e-7f, i);
    }
    compare_end(results);
}

/* About the mean, so that the squares are the variance. */
static void compare_mix_draws(fixture *f)
{
    sample cut = {0}, mixup = {0}, cutmix = {0}, left = {0}, width = {0}, top = {0};
    for (int i = 0; i < 5 * DRAWS; i++) {
        gr_mix_draw d = gr_mix_draw_batch(&mixes[2], key_of(i), 224);
        sample_add(&cut, d.box.width > 0);
        if (d.box.width == 0) {
            sample_add(&mixup, d.keep - 0.5);
            continue;
        }
        sample_add(&cutmix, d.keep - 0.68);
        sample_add(&left, d.box.x);
        sample_add(&width, d.box.width);
        sample_add(&top, d.box.y);
    }
    FILE *statistics = open_in(f, "statistics", "r");
    compare_mean(statistics, "cut", &cut);
    compare_moments(statistics, "mixup", &mixup);
    compare_moments(statistics, "cutmix", &cutmix);
    compare_moments(statistics, "left", &left);
    compare_moments(statistics, "width", &width);
    compare_moments(statistics, "top", &top);
    compare_end(statistics);
}

static void mixing(void **state)
{
    fixture *f = *state;
    FILE *draws = open_in(f, "draws", "w");
    write_mixes(f, draws);
    run_transforms(f, "mix", draws);
    compare_batches(f);
    compare_mix_draws(f);
}

/* ---- Random erasing --------------------------------------------------------------------- */

typedef struct erased_sample {
    sample erased, area, log_aspect, left, top, noise, of_two_channels;
} erased_sample;

static void add_erased(erased_sample *e, gr_random_key key)
{
    static float image[3][ERASED][ERASED];
    gr_box b = gr_erase_draw(0.25, key, ERASED);
    sample_add(&e->erased, b.width > 0);
    if (b.width == 0)
        return;
    sample_add(&e->area, b.width * b.height);
    sample_add(&e->log_aspect, log((double)b.width / b.height));
    sample_add(&e->left, b.x);
    sample_add(&e->top, b.y);
    gr_erase_image(0.25, key, ERASED, &image[0][0][0]);
    for (int y = b.y; y < b.y + b.height; y++)
        for (int x = b.x; x < b.x + b.width; x++) {
            for (int c = 0; c < 3; c++)
                sample_add(&e->noise, (double)image[c][y][x]);
            sample_add(&e->of_two_channels, (double)image[0][y][x] * (double)image[1][y][x]);
        }
}

/* Which images, where, and with what. */
static void random_erasing(void **state)
{
    fixture *f = *state;
    run_transforms(f, "erase", NULL);
    erased_sample e = {0};
    for (int i = 0; i < DRAWS; i++)
        add_erased(&e, key_of(i));
    FILE *statistics = open_in(f, "statistics", "r");
    compare_mean(statistics, "erased", &e.erased);
    compare_moments(statistics, "area", &e.area);
    compare_moments(statistics, "log_aspect", &e.log_aspect);
    compare_moments(statistics, "left", &e.left);
    compare_moments(statistics, "top", &e.top);
    compare_moments(statistics, "noise", &e.noise);
    compare_mean(statistics, "of_two_channels", &e.of_two_channels);
    compare_end(statistics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rand_augment),
        TEST(mixing),
        TEST(random_erasing),
    };
    return RUN_TESTS(tests);
}
