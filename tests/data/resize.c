/* Resizing must equal Pillow's, byte for byte; crops and flips their definitions. */
#include "support.h"

#include "base/mem.h"
#include "data/preprocess.h"
#include "pillow.h"
#include "pillow_table.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>

static void equals_pillow_table(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < sizeof(pillow_table) / sizeof(pillow_table[0]); i++) {
        gr_image in = synthetic_image(f, pillow_table[i].width, pillow_table[i].height);
        for (int cubic = 0; cubic < 2; cubic++) {
            int width = pillow_table[i].to_width, height = pillow_table[i].to_height;
            gr_image out;
            check_ok(f,
                     gr_resize(f->log, &in, width, height, cubic ? GR_BICUBIC : GR_BILINEAR, &out));
            assert_int_equal(out.width, width);
            assert_int_equal(out.height, height);
            if (hash_bytes(out.pixels, (size_t)(width * height) * 3) != pillow_table[i].hash[cubic])
                fail_msg("%d x %d -> %d x %d, %s: not Pillow's pixels", in.width, in.height, width,
                         height, cubic ? "bicubic" : "bilinear");
            gr_image_free(&out);
        }
        gr_image_free(&in);
    }
}

static void compare_file(fixture *f, const char *name)
{
    int width, height, to_width, to_height, cubic;
    if (sscanf(name, "%d_%d_%d_%d_%d", &width, &height, &to_width, &to_height, &cubic) != 5)
        return;
    size_t size = (size_t)(to_width * to_height) * 3;
    uint8_t *expected = gr_alloc(f->memory, size);
    FILE *file = fopen(path_of(f, name), "rb");
    assert_true(expected && file);
    assert_int_equal(fread(expected, 1, size, file), size);
    fclose(file);
    gr_image in = synthetic_image(f, width, height), out;
    check_ok(f,
             gr_resize(f->log, &in, to_width, to_height, cubic ? GR_BICUBIC : GR_BILINEAR, &out));
    for (size_t i = 0; i < size; i++)
        if (out.pixels[i] != expected[i])
            fail_msg("%s: byte %zu is %d, Pillow has %d", name, i, out.pixels[i], expected[i]);
    gr_image_free(&out);
    gr_image_free(&in);
}

static void equals_live_pillow(void **state)
{
    fixture *f = *state;
    run_pillow(f, "resize");
    DIR *folder = opendir(f->directory);
    assert_non_null(folder);
    int count = 0;
    for (struct dirent *e; (e = readdir(folder)); count++)
        compare_file(f, e->d_name);
    closedir(folder);
    assert_true(count >= 80);
}

/* By hand, from the definition of tf.image.resize: pixel centres, the two nearest pixels each way,
 * none beyond the border. Each pass is rounded, so that one may be off by a level. */
static void plain_bilinear_does_not_antialias(void **state)
{
    fixture *f = *state;
    static const int sizes[][4] = {
        {40, 30, 7, 9}, {40, 30, 40, 11}, {5, 6, 13, 20}, {64, 64, 8, 8}};
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        gr_image in = synthetic_image(f, sizes[k][0], sizes[k][1]), out;
        check_ok(f, gr_resize(f->log, &in, sizes[k][2], sizes[k][3], GR_BILINEAR_PLAIN, &out));
        for (int y = 0; y < out.height; y++)
            for (int x = 0; x < out.width; x++) {
                double sx = (x + 0.5) * in.width / out.width - 0.5,
                       sy = (y + 0.5) * in.height / out.height - 0.5;
                int x0 = (int)floor(sx), y0 = (int)floor(sy);
                double value = 0.0;
                for (int dy = 0; dy < 2; dy++)
                    for (int dx = 0; dx < 2; dx++) {
                        int px = x0 + dx < 0 ? 0 : x0 + dx >= in.width ? in.width - 1 : x0 + dx;
                        int py = y0 + dy < 0 ? 0 : y0 + dy >= in.height ? in.height - 1 : y0 + dy;
                        value += fabs(1 - dx - (sx - x0)) * fabs(1 - dy - (sy - y0)) *
                                 in.pixels[3 * (py * in.width + px) + 1];
                    }
                double found = out.pixels[3 * (y * out.width + x) + 1];
                if (fabs(found - value) > 1.01)
                    fail_msg("%zu: (%d, %d): expected %g, found %g", k, x, y, value, found);
            }
        gr_image_free(&out);
        gr_image_free(&in);
    }
}

static void same_size_copies(void **state)
{
    fixture *f = *state;
    gr_image in = synthetic_image(f, 9, 6), out;
    check_ok(f, gr_resize(f->log, &in, 9, 6, GR_BICUBIC, &out));
    assert_memory_equal(in.pixels, out.pixels, 9 * 6 * 3);
    assert_ptr_not_equal(in.pixels, out.pixels);
    gr_image_free(&in);
    gr_image_free(&out);
}

static void constant_stays_constant(void **state)
{
    fixture *f = *state;
    gr_image in, out;
    check_ok(f, gr_image_alloc(f->log, "constant", 41, 23, &in));
    memset(in.pixels, 255, 41 * 23 * 3);
    check_ok(f, gr_resize(f->log, &in, 224, 11, GR_BICUBIC, &out));
    for (int i = 0; i < 224 * 11 * 3; i++)
        assert_int_equal(out.pixels[i], 255);
    gr_image_free(&in);
    gr_image_free(&out);
}

static void short_side(void **state)
{
    static const int cases[][5] = {
        /* width, height, size -> width, height */
        {171, 128, 64, 85, 64},
        {128, 171, 64, 64, 85},
        {50, 50, 7, 7, 7},
        {3, 1000, 2, 2, 666},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gr_image in = synthetic_image(f, cases[i][0], cases[i][1]), out;
        check_ok(f, gr_resize_short_side(f->log, &in, cases[i][2], GR_BILINEAR, &out));
        assert_int_equal(out.width, cases[i][3]);
        assert_int_equal(out.height, cases[i][4]);
        gr_image_free(&in);
        gr_image_free(&out);
    }
}

/* Offsets as round((from - to) / 2) of Python gives them: halves go to even. */
static void centre_crop(void **state)
{
    static const int cases[][3] = {{10, 4, 3}, {10, 5, 2},  {10, 3, 4}, {10, 7, 2},
                                   {10, 9, 0}, {10, 10, 0}, {11, 4, 4}};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int from = cases[i][0], to = cases[i][1], offset = cases[i][2];
        gr_image image = synthetic_image(f, from, from + 2);
        check_ok(f, gr_crop_centre(f->log, &image, to, to + 2));
        for (int y = 0; y < to + 2; y++)
            for (int x = 0; x < to; x++)
                assert_int_equal(image.pixels[(y * to + x) * 3 + 1],
                                 synthetic(x + offset, y + offset, 1));
        gr_image_free(&image);
    }
}

static void crop(void **state)
{
    fixture *f = *state;
    gr_image in = synthetic_image(f, 9, 7), out;
    check_ok(f, gr_crop(f->log, &in, (gr_box){.x = 4, .y = 2, .width = 5, .height = 3}, &out));
    assert_int_equal(out.width, 5);
    assert_int_equal(out.height, 3);
    for (int i = 0; i < 5 * 3 * 3; i++)
        assert_int_equal(out.pixels[i], synthetic(4 + i / 3 % 5, 2 + i / 15, i % 3));
    gr_image_free(&out);
    static const gr_box outside[] = {{-1, 0, 2, 2}, {0, -1, 2, 2}, {5, 0, 5, 2},
                                     {0, 5, 2, 3},  {0, 0, 0, 1},  {0, 0, 1, 0}};
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
        assert_error(f, gr_crop(f->log, &in, outside[i], &out), GRAFT_ERR_ARGUMENT, "in 9 x 7");
    gr_image_free(&in);
}

static void flip(void **state)
{
    fixture *f = *state;
    for (int width = 1; width < 6; width++) {
        gr_image image = synthetic_image(f, width, 3);
        gr_flip_horizontal(&image);
        for (int i = 0; i < width * 3 * 3; i++)
            assert_int_equal(image.pixels[i],
                             synthetic(width - 1 - i / 3 % width, i / 3 / width, i % 3));
        gr_image_free(&image);
    }
}

static void refused(void **state)
{
    fixture *f = *state;
    gr_image in = synthetic_image(f, 4, 4), out;
    assert_error(f, gr_resize(f->log, &in, 0, 5, GR_BICUBIC, &out), GRAFT_ERR_FORMAT, "0 x");
    assert_error(f, gr_crop_centre(f->log, &in, 5, 4), GRAFT_ERR_ARGUMENT, "5 x 4", "4 x 4");
    gr_image_free(&in);
    in = synthetic_image(f, 1, 5000);
    assert_error(f, gr_resize_short_side(f->log, &in, 224, GR_BICUBIC, &out), GRAFT_ERR_FORMAT,
                 "224 x");
    assert_null(out.pixels);
    gr_image_free(&in);
}

static void normalize_planes(void **state)
{
    static const uint8_t pixels[] = {0, 128, 255, 255, 0, 51};
    float out[6];
    gr_normalization n = gr_normalization_of(GRAFT_NORMALIZATION_HALF);
    gr_normalize(&n, pixels, 2, out);
    assert_float_equal(out[0], -1.0f, 0.0f);
    assert_float_equal(out[1], 1.0f, 0.0f);
    assert_float_equal(out[2], 1.0f / 255.0f, 1e-7f);
    assert_float_equal(out[5], -0.6f, 1e-6f);
    n = gr_normalization_of(GRAFT_NORMALIZATION_IMAGENET);
    gr_normalize(&n, pixels, 2, out);
    assert_float_equal(out[0], -0.485f / 0.229f, 1e-6f);
    assert_float_equal(out[3], -0.456f / 0.224f, 1e-6f);
    assert_float_equal(out[4], (1.0f - 0.406f) / 0.225f, 1e-6f);
}

static void preprocess_modes(void **state)
{
    fixture *f = *state;
    gr_preprocess p = {
        .size = 8, .interpolation = GR_BILINEAR, .mode = GR_RESIZE_CROP, .resize_to = 10};
    p.normalization = gr_normalization_of(GRAFT_NORMALIZATION_HALF);
    gr_image in = synthetic_image(f, 40, 30), expected;
    float *out = gr_alloc(f->memory, 3 * 64 * sizeof(float));
    check_ok(f, gr_preprocess_image(f->log, &p, &in, out));
    check_ok(f, gr_resize(f->log, &in, 13, 10, GR_BILINEAR, &expected));
    check_ok(f, gr_crop_centre(f->log, &expected, 8, 8));
    for (int i = 0; i < 64; i++)
        assert_float_equal(out[64 + i], expected.pixels[3 * i + 1] / 127.5f - 1.0f, 1e-6f);
    p.size = 0;
    assert_error(f, gr_preprocess_image(f->log, &p, &in, out), GRAFT_ERR_ARGUMENT, "size 0");
    p.size = 8, p.resize_to = 7;
    assert_error(f, gr_preprocess_image(f->log, &p, &in, out), GRAFT_ERR_ARGUMENT, "to 7 pixels");
    p.resize_to = 0, p.normalization.std[1] = 0;
    assert_error(f, gr_preprocess_image(f->log, &p, &in, out), GRAFT_ERR_ARGUMENT, "std");
    gr_image_free(&in);
    gr_image_free(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equals_pillow_table),
        TEST(equals_live_pillow),
        TEST(plain_bilinear_does_not_antialias),
        TEST(same_size_copies),
        TEST(constant_stays_constant),
        TEST(short_side),
        TEST(centre_crop),
        TEST(crop),
        TEST(flip),
        TEST(refused),
        TEST(normalize_planes),
        TEST(preprocess_modes),
    };
    return RUN_TESTS(tests);
}
