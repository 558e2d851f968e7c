/* Augmentation: what is drawn keeps to its ranges and its distribution, and is drawn again the
 * same.
 */
#include "support.h"

#include "data/augment.h"

#include <math.h>

static const graft_augment_params inception = {
    .crop = GRAFT_CROP_RANDOM_RESIZED,
    .crop_scale = {0.08, 1.0},
    .crop_ratio = {3.0 / 4.0, 4.0 / 3.0},
    .flip = true,
};

static void streams(void **state)
{
    (void)state;
    gr_random_key key = {.seed = 3, .epoch = 1, .index = 7};
    gr_random a = gr_random_stream(key, 1), again = gr_random_stream(key, 1);
    uint32_t drawn[10];
    for (int i = 0; i < 10; i++) {
        drawn[i] = gr_random_bits(&a);
        assert_int_equal(drawn[i], gr_random_bits(&again));
        for (int k = 0; k < i; k++)
            assert_int_not_equal(drawn[i], drawn[k]);
    }
    gr_random others[4];
    for (int i = 0; i < 4; i++) {
        gr_random_key other = key;
        other.seed += i == 0;
        other.epoch += i == 1;
        other.index += i == 2;
        others[i] = gr_random_stream(other, i == 3 ? 2 : 1);
        assert_int_not_equal(gr_random_bits(&others[i]), drawn[0]);
    }
}

/* Mean 1/2 and variance 1/12 of 4000 numbers: standard errors 0.0046 and 0.0012. */
static void uniform_is_uniform(void **state)
{
    (void)state;
    enum { N = 4000 };
    gr_random r = gr_random_stream((gr_random_key){.seed = 5}, 1);
    double sum = 0.0, squares = 0.0;
    int below[3] = {0};
    for (int i = 0; i < N; i++) {
        double u = gr_random_uniform(&r, 0.0, 1.0);
        assert_true(u >= 0.0 && u < 1.0);
        sum += u, squares += (u - 0.5) * (u - 0.5);
        below[gr_random_below(&r, 3)]++;
    }
    assert_float_equal(sum / N, 0.5, 0.02);
    assert_float_equal(squares / N, 0.083333, 0.005);
    for (int i = 0; i < 3; i++)
        assert_in_range(below[i], N / 3 - 130, N / 3 + 130);
}

/* Area and aspect within their ranges up to the rounding to pixels. The expected means are those
 * that `pillow.py boxes` prints; standard errors 0.004, 0.003, 26 and 27. */
static void random_resized_boxes(void **state)
{
    (void)state;
    enum { N = 3000, W = 500, H = 400 };
    double area = 0.0, log_aspect = 0.0;
    int quarter = 0, left = 0;
    for (uint32_t i = 0; i < N; i++) {
        gr_box b = gr_crop_random_resized(&inception, (gr_random_key){1, 0, i}, W, H);
        assert_true(b.x >= 0 && b.y >= 0 && b.width > 0 && b.height > 0);
        assert_true(b.x + b.width <= W && b.y + b.height <= H);
        double part = (double)b.width * b.height / (W * H), aspect = (double)b.width / b.height;
        assert_true(part > 0.08 - 0.005 && part <= 1.0);
        assert_true(aspect > 0.75 - 0.01 && aspect < 4.0 / 3.0 + 0.01);
        area += part, log_aspect += log(aspect);
        quarter += part < 0.31;
        left += b.x < (W - b.width + 1) / 2;
    }
    assert_float_equal(area / N, 0.4533, 0.016);
    assert_float_equal(log_aspect / N, 0.0277, 0.012);
    assert_in_range(quarter, 948 - 100, 948 + 100);
    assert_in_range(left, N / 2 - 120, N / 2 + 120);
}

/* An image that no draw fits in: the largest middle part that the ratios allow, as torchvision
 * and timm take it. */
static void random_resized_fallback(void **state)
{
    static const struct {
        int width, height;
        gr_box box;
    } cases[] = {
        {1000, 10, {493, 0, 13, 10}}, /* 10 * 4/3 = 13.3 */
        {10, 1000, {0, 493, 10, 13}}, /* 10 / (3/4) = 13.3 */
        {1, 400, {0, 199, 1, 1}},
    };
    (void)state;
    graft_augment_params whole = inception;
    whole.crop_scale.min = 0.9;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gr_box b = gr_crop_random_resized(&whole, (gr_random_key){1, 0, 0}, cases[i].width,
                                          cases[i].height);
        assert_memory_equal(&b, &cases[i].box, sizeof(b));
    }
}

/* The box, resized, and mirrored where the flips say so. */
static void image_is_its_box(void **state)
{
    fixture *f = *state;
    gr_preprocess p = {.size = 12, .interpolation = GR_BICUBIC};
    gr_image in = synthetic_image(f, 40, 30), found, part, expected;
    int mirrored = 0;
    for (uint32_t i = 0; i < 20; i++) {
        gr_random_key key = {.seed = 9, .epoch = 2, .index = i};
        gr_box box = gr_crop_random_resized(&inception, key, 40, 30);
        check_ok(f, gr_augment_image(f->log, &inception, &p, key, &in, &found));
        check_ok(f, gr_crop(f->log, &in, box, &part));
        check_ok(f, gr_resize(f->log, &part, 12, 12, GR_BICUBIC, &expected));
        if (memcmp(found.pixels, expected.pixels, 12 * 12 * 3) != 0) {
            mirrored++;
            gr_flip_horizontal(&expected);
        }
        assert_memory_equal(found.pixels, expected.pixels, 12 * 12 * 3);
        gr_image_free(&found);
        gr_image_free(&part);
        gr_image_free(&expected);
    }
    assert_in_range(mirrored, 4, 16);
    gr_image_free(&in);
}

/* A place of the resized image: each of them about equally often. */
static void random_place(void **state)
{
    enum { N = 600, PLACES = 4 };
    fixture *f = *state;
    gr_preprocess p = {.size = 12, .resize_to = 13};
    graft_augment_params a = {.crop = GRAFT_CROP_RANDOM};
    gr_image in = synthetic_image(f, 40, 30), parts[PLACES], found, scaled;
    check_ok(f, gr_resize(f->log, &in, 13, 13, GR_BILINEAR, &scaled));
    for (int i = 0; i < PLACES; i++)
        check_ok(f, gr_crop(f->log, &scaled, (gr_box){i % 2, i / 2, 12, 12}, &parts[i]));
    int seen[PLACES + 1] = {0};
    for (uint32_t i = 0; i < N; i++) {
        check_ok(f, gr_augment_image(f->log, &a, &p, (gr_random_key){9, 2, i}, &in, &found));
        int place = 0;
        while (place < PLACES && memcmp(found.pixels, parts[place].pixels, 12 * 12 * 3) != 0)
            place++;
        seen[place]++;
        gr_image_free(&found);
    }
    assert_int_equal(seen[PLACES], 0);
    for (int i = 0; i < PLACES; i++) {
        assert_in_range(seen[i], N / PLACES - 45, N / PLACES + 45);
        gr_image_free(&parts[i]);
    }
    gr_image_free(&scaled);
    gr_image_free(&in);
}

static void refused(void **state)
{
    fixture *f = *state;
    gr_preprocess p = {.size = 12, .resize_to = 12};
    graft_augment_params random = {.crop = GRAFT_CROP_RANDOM};
    assert_error(f, gr_augment_check(f->log, &random, &p), GRAFT_ERR_ARGUMENT, "`input.resize_to`");
    p.resize_to = 13;
    check_ok(f, gr_augment_check(f->log, &random, &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(streams),
        TEST(uniform_is_uniform),
        TEST(random_resized_boxes),
        TEST(random_resized_fallback),
        TEST(image_is_its_box),
        TEST(random_place),
        TEST(refused),
    };
    return RUN_TESTS(tests);
}
