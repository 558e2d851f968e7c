/* RandAugment, colour jitter and random erasing: what is drawn, and what is done with it. The
 * operations themselves are held against Pillow in operations.c. */
#include "support.h"

#include "data/augment.h"
#include "data/augment_erase.h"
#include "data/enhance.h"

#include <math.h>

static gr_random_key key_of(uint32_t index)
{
    return (gr_random_key){.seed = 7, .epoch = 3, .index = index};
}

/* What timm's functions give at magnitudes 0, 9, 9.43 and 10, in both directions. */
static void arguments(void **state)
{
    static const double magnitudes[] = {0, 9, 9.43, 10};
    static const struct {
        gr_rand_op op;
        double increasing[4][2], plain[4][2];
    } cases[] = {
        {GR_RAND_ROTATE,
         {{0, 0}, {27, -27}, {28.29, -28.29}, {30, -30}},
         {{0, 0}, {27, -27}, {28.29, -28.29}, {30, -30}}},
        {GR_RAND_POSTERIZE, {{4, 4}, {1, 1}, {1, 1}, {0, 0}}, {{0, 0}, {3, 3}, {3, 3}, {4, 4}}},
        {GR_RAND_SOLARIZE,
         {{256, 256}, {26, 26}, {15, 15}, {0, 0}},
         {{0, 0}, {230, 230}, {241, 241}, {256, 256}}},
        {GR_RAND_SOLARIZE_ADD,
         {{0, 0}, {99, 99}, {103, 103}, {110, 110}},
         {{0, 0}, {99, 99}, {103, 103}, {110, 110}}},
        {GR_RAND_COLOR,
         {{1, 1}, {1.81, 0.19}, {1.8487, 0.1513}, {1.9, 0.1}},
         {{0.1, 0.1}, {1.72, 1.72}, {1.7974, 1.7974}, {1.9, 1.9}}},
        {GR_RAND_SHEAR_X,
         {{0, 0}, {0.27, -0.27}, {0.2829, -0.2829}, {0.3, -0.3}},
         {{0, 0}, {0.27, -0.27}, {0.2829, -0.2829}, {0.3, -0.3}}},
        {GR_RAND_TRANSLATE_Y,
         {{0, 0}, {0.405, -0.405}, {0.42435, -0.42435}, {0.45, -0.45}},
         {{0, 0}, {0.405, -0.405}, {0.42435, -0.42435}, {0.45, -0.45}}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int m = 0; m < 4; m++)
            for (int negative = 0; negative < 2; negative++) {
                double found = gr_rand_argument(cases[i].op, magnitudes[m], true, negative);
                assert_float_equal((float)found, (float)cases[i].increasing[m][negative], 1e-5f);
                found = gr_rand_argument(cases[i].op, magnitudes[m], false, negative);
                assert_float_equal((float)found, (float)cases[i].plain[m][negative], 1e-5f);
            }
    for (gr_rand_op op = GR_RAND_COLOR; op <= GR_RAND_SHARPNESS; op++)
        assert_true(gr_rand_argument(op, 9, true, true) ==
                    gr_rand_argument(GR_RAND_COLOR, 9, true, true));
    assert_true(gr_rand_argument(GR_RAND_SHEAR_Y, 9, true, true) ==
                gr_rand_argument(GR_RAND_SHEAR_X, 9, true, true));
    assert_true(gr_rand_argument(GR_RAND_TRANSLATE_X, 9, true, true) ==
                gr_rand_argument(GR_RAND_TRANSLATE_Y, 9, true, true));
}

static const gr_preprocess preprocess = {
    .size = 16, .interpolation = GR_BICUBIC, .normalization = {{0.5f, 0.25f, 0.0f}, {1, 1, 1}}};

/* With a certain operation each image is one of the fifteen, about equally often. */
static void each_operation_is_drawn(void **state)
{
    enum { N = 1500 };
    fixture *f = *state;
    graft_rand_augment a = {.count = 1, .probability = 1.0, .magnitude = 9, .increasing = true};
    gr_image original = synthetic_image(f, 16, 16), possible[GR_RAND_OPS][2], image;
    for (int op = 0; op < GR_RAND_OPS; op++)
        for (int negative = 0; negative < 2; negative++) {
            gr_image *p = &possible[op][negative];
            *p = synthetic_image(f, 16, 16);
            double argument = gr_rand_argument((gr_rand_op)op, 9, true, negative);
            check_ok(f, gr_rand_apply(f->log, &preprocess, (gr_rand_op)op, argument, p));
        }
    int seen[GR_RAND_OPS] = {0};
    for (uint32_t i = 0; i < N; i++) {
        image = synthetic_image(f, 16, 16);
        check_ok(f, gr_rand_image(f->log, &a, &preprocess, key_of(i), &image));
        for (int k = 0; k < 2 * GR_RAND_OPS; k++)
            if (!memcmp(possible[k / 2][k % 2].pixels, image.pixels, 16 * 16 * 3)) {
                seen[k / 2]++;
                break;
            }
        gr_image_free(&image);
    }
    int sum = 0;
    for (int op = 0; op < GR_RAND_OPS; op++) {
        /* stretching and equalizing change nothing here, or the same */
        if (op > GR_RAND_EQUALIZE)
            assert_in_range(seen[op], N / 15 - 40, N / 15 + 40);
        sum += seen[op];
        gr_image_free(&possible[op][0]);
        gr_image_free(&possible[op][1]);
    }
    assert_int_equal(sum, N);
    gr_image_free(&original);
}

/* Two operations done with probability 1/2: a quarter of the images stay, and those whose only
 * operation is to stretch what is full already (1/15). */
static void probability_holds(void **state)
{
    enum { N = 800 };
    fixture *f = *state;
    graft_rand_augment a = {
        .count = 2, .probability = 0.5, .magnitude = 9, .deviation = 0.5, .increasing = true};
    gr_image original = synthetic_image(f, 16, 16);
    int same = 0;
    for (uint32_t i = 0; i < N; i++) {
        gr_image image = synthetic_image(f, 16, 16), again = synthetic_image(f, 16, 16);
        check_ok(f, gr_rand_image(f->log, &a, &preprocess, key_of(i), &image));
        check_ok(f, gr_rand_image(f->log, &a, &preprocess, key_of(i), &again));
        assert_memory_equal(image.pixels, again.pixels, 16 * 16 * 3);
        same += !memcmp(image.pixels, original.pixels, 16 * 16 * 3);
        gr_image_free(&image);
        gr_image_free(&again);
    }
    assert_in_range(same, 225 - 50, 230 + 50);
    gr_image_free(&original);
}

/* What a transform uncovers has the colour that normalises to zero. */
static void transforms_uncover_the_mean(void **state)
{
    fixture *f = *state;
    gr_image image = synthetic_image(f, 16, 16);
    check_ok(f, gr_rand_apply(f->log, &preprocess, GR_RAND_TRANSLATE_X, 0.45, &image));
    static const uint8_t mean[] = {128, 64, 0};
    for (int y = 0; y < 16; y++)
        for (int x = 9; x < 16; x++)
            assert_memory_equal(image.pixels + 3 * (16 * y + x), mean, 3);
    gr_image_free(&image);
}

static int order_number(const gr_jitter_draw *draw)
{
    int number = 0, seen = 0;
    for (int i = 0; i < GR_JITTER_KINDS; i++) {
        number = number * GR_JITTER_KINDS + (int)draw->order[i];
        seen |= 1 << draw->order[i];
    }
    assert_int_equal(seen, 15);
    return number;
}

/* Each of the 24 orders about equally often, factors uniform in 0.6 .. 1.4 and 0 .. 2.5. */
static void jitter_draws(void **state)
{
    enum { N = 2400 };
    (void)state;
    graft_color_jitter j = {.brightness = 0.4, .contrast = 0.4, .saturation = 1.5, .hue = 0.1};
    int orders[256] = {0}, below[GR_JITTER_KINDS] = {0};
    const double low[] = {0.6, 0.6, 0.0, -0.1}, high[] = {1.4, 1.4, 2.5, 0.1};
    for (uint32_t i = 0; i < N; i++) {
        gr_jitter_draw draw = gr_jitter_draw_image(&j, key_of(i));
        orders[order_number(&draw)]++;
        for (int k = 0; k < GR_JITTER_KINDS; k++) {
            assert_true(draw.change[k] >= low[k] && draw.change[k] <= high[k]);
            below[k] += draw.change[k] < low[k] + 0.25 * (high[k] - low[k]);
        }
    }
    for (int i = 0; i < 256; i++)
        if (orders[i])
            assert_in_range(orders[i], 60, 140); /* 100, standard deviation 9.8 */
    for (int k = 0; k < GR_JITTER_KINDS; k++)
        assert_in_range(below[k], 600 - 85, 600 + 85);
}

/* The kinds that are on, one after the other, with what was drawn. */
static void jitter_is_its_draw(void **state)
{
    fixture *f = *state;
    graft_color_jitter j = {.brightness = 0.4, .saturation = 0.4, .hue = 0.3};
    for (uint32_t i = 0; i < 30; i++) {
        gr_image image = synthetic_image(f, 9, 7), expected = synthetic_image(f, 9, 7);
        gr_jitter_draw draw = gr_jitter_draw_image(&j, key_of(i));
        for (int k = 0; k < GR_JITTER_KINDS; k++) {
            double by = draw.change[draw.order[k]];
            if (draw.order[k] == GR_JITTER_BRIGHTNESS)
                gr_enhance_brightness(&expected, by);
            if (draw.order[k] == GR_JITTER_SATURATION)
                gr_enhance_color(&expected, by);
            if (draw.order[k] == GR_JITTER_HUE)
                gr_enhance_hue(&expected, (uint8_t)(int)(by * 255.0));
        }
        gr_jitter_image(&j, key_of(i), &image);
        assert_memory_equal(image.pixels, expected.pixels, 9 * 7 * 3);
        gr_image_free(&image);
        gr_image_free(&expected);
    }
}

/* A rectangle of 2 to 33 percent of the image for the asked part of all images, with noise inside
 * and nothing changed outside. */
static void erasing(void **state)
{
    enum { N = 400, SIZE = 32 };
    (void)state;
    int erased = 0;
    double sum = 0.0, squares = 0.0, values = 0.0;
    for (uint32_t i = 0; i < N; i++) {
        float image[3 * SIZE * SIZE];
        for (int k = 0; k < 3 * SIZE * SIZE; k++)
            image[k] = 9.0f;
        gr_box box = gr_erase_draw(0.25, key_of(i), SIZE);
        gr_erase_image(0.25, key_of(i), SIZE, image);
        erased += box.width > 0;
        assert_true(box.x >= 0 && box.x + box.width <= SIZE && box.width < SIZE);
        assert_true(box.y >= 0 && box.y + box.height <= SIZE && box.height < SIZE);
        double part = (double)(box.width * box.height) / (SIZE * SIZE);
        if (box.width > 0)
            assert_true(part > 0.01 && part < 0.36);
        for (int k = 0; k < 3 * SIZE * SIZE; k++) {
            int x = k % SIZE, y = k / SIZE % SIZE;
            bool inside =
                x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
            assert_true((image[k] != 9.0f) == inside);
            if (inside)
                sum += image[k], squares += image[k] * image[k], values++;
        }
    }
    assert_in_range(erased, 100 - 35, 100 + 35);
    assert_float_equal((float)(sum / values), 0.0f, 0.03f);
    assert_float_equal((float)(squares / values), 1.0f, 0.05f);
    float same[3 * SIZE * SIZE] = {0}, zero[3 * SIZE * SIZE] = {0};
    gr_erase_image(0.0, key_of(1), SIZE, same);
    assert_memory_equal(same, zero, sizeof(zero));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(arguments),         TEST(each_operation_is_drawn),
        TEST(probability_holds), TEST(transforms_uncover_the_mean),
        TEST(jitter_draws),      TEST(jitter_is_its_draw),
        TEST(erasing),
    };
    return RUN_TESTS(tests);
}
