/* Decoding: every kind of JPEG and PNG to the right pixels, and hostile files to an error. */
#include "support.h"

#include "base/mem.h"
#include "pillow.h"

#include <dirent.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 13, HEIGHT = 7 };

static uint8_t *noise(fixture *f, size_t size)
{
    uint8_t *data = gr_alloc(f->memory, size);
    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    return data;
}

static const uint8_t *pixel_at(const gr_image *image, int x, int y)
{
    return image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
}

/* ---- PNG -------------------------------------------------------------------------------- */

/* Sample i of a packed row. */
static int sample(const uint8_t *row, int depth, int i)
{
    if (depth == 16)
        return row[2 * i];
    int per_byte = 8 / depth, shift = 8 - depth * (i % per_byte + 1);
    return row[i / per_byte] >> shift & ((1 << depth) - 1);
}

/* What the pixel must be, worked out from the packed samples by the PNG specification. */
static void expected_pixel(const uint8_t *row, png_kind kind, int x, uint8_t out[3])
{
    static const int channels[] = {1, 0, 3, 1, 2, 0, 4};
    int depth = kind.depth, first = channels[kind.color_type] * x;
    int index = sample(row, depth, first);
    if (kind.color_type == PNG_COLOR_TYPE_PALETTE) {
        out[0] = (uint8_t)(255 - index);
        out[1] = (uint8_t)(index * 3);
        out[2] = (uint8_t)(index ^ 90);
        return;
    }
    int top = depth == 16 ? 255 : (1 << depth) - 1; /* sample() gave the high byte */
    bool color = kind.color_type & PNG_COLOR_MASK_COLOR;
    for (int c = 0; c < 3; c++)
        out[c] = (uint8_t)(sample(row, depth, color ? first + c : first) * 255 / top);
}

static void check_png(fixture *f, png_kind kind)
{
    static const int channels[] = {1, 0, 3, 1, 2, 0, 4};
    size_t stride = (size_t)(WIDTH * channels[kind.color_type] * kind.depth + 7) / 8;
    uint8_t *rows = noise(f, stride * HEIGHT);
    bytes file = encode_png(f, rows, WIDTH, HEIGHT, kind);
    gr_image image;
    check_ok(f, gr_image_decode(f->log, "test.png", file.data, file.size, NULL, &image));
    assert_int_equal(image.width, WIDTH);
    assert_int_equal(image.height, HEIGHT);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            uint8_t expected[3];
            expected_pixel(rows + (size_t)y * stride, kind, x, expected);
            if (memcmp(pixel_at(&image, x, y), expected, 3))
                fail_msg("depth %d, type %d, interlaced %d: pixel %d,%d", kind.depth,
                         kind.color_type, kind.interlaced, x, y);
        }
    gr_image_free(&image);
}

static void all_png_kinds(void **state)
{
    static const struct {
        int color_type, depths[6];
    } kinds[] = {
        {PNG_COLOR_TYPE_GRAY, {1, 2, 4, 8, 16}}, {PNG_COLOR_TYPE_PALETTE, {1, 2, 4, 8}},
        {PNG_COLOR_TYPE_RGB, {8, 16}},           {PNG_COLOR_TYPE_GRAY_ALPHA, {8, 16}},
        {PNG_COLOR_TYPE_RGB_ALPHA, {8, 16}},
    };
    fixture *f = *state;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        for (const int *depth = kinds[k].depths; *depth; depth++)
            for (int variant = 0; variant < 4; variant++) {
                bool alpha = kinds[k].color_type & PNG_COLOR_MASK_ALPHA;
                check_png(f, (png_kind){*depth, kinds[k].color_type, variant & 1,
                                        !alpha && (variant & 2)});
            }
}

/* ---- JPEG ------------------------------------------------------------------------------- */

/* At quality 100 a smooth picture survives to within a few steps. */
static void check_near(const gr_image *image, const uint8_t *expected, int components)
{
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        for (int c = 0; c < 3; c++) {
            int found = image->pixels[3 * i + c];
            int wanted = expected[components * i + (components == 3 ? c : 0)];
            if (abs(found - wanted) > 6)
                fail_msg("pixel %d, channel %d: %d instead of %d", i, c, found, wanted);
        }
}

static void jpeg_gray_and_color(void **state)
{
    fixture *f = *state;
    for (int components = 1; components <= 3; components += 2)
        for (int progressive = 0; progressive < 2; progressive++) {
            uint8_t *samples = noise(f, WIDTH * HEIGHT * 3);
            for (int i = 0; i < WIDTH * HEIGHT * components; i++)
                samples[i] = (uint8_t)(40 + i / components / WIDTH * 20 + i % components * 9);
            bytes file = encode_jpeg(f, samples, WIDTH, HEIGHT, components, progressive);
            gr_image image;
            check_ok(f, gr_image_decode(f->log, "test.jpg", file.data, file.size, NULL, &image));
            assert_int_equal(image.width, WIDTH);
            assert_int_equal(image.height, HEIGHT);
            check_near(&image, samples, components);
            gr_image_free(&image);
        }
}

/* Adobe's inks are inverted: 255 everywhere is white; no cyan light takes the red away. */
static void jpeg_cmyk(void **state)
{
    static const struct {
        uint8_t inks[4], rgb[3];
    } cases[] = {
        {{255, 255, 255, 255}, {255, 255, 255}},
        {{0, 255, 255, 255}, {0, 255, 255}},
        {{255, 255, 255, 0}, {0, 0, 0}},
        {{255, 128, 255, 128}, {128, 64, 128}},
    };
    fixture *f = *state;
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        uint8_t samples[8 * 8 * 4];
        for (size_t i = 0; i < sizeof(samples); i++)
            samples[i] = cases[k].inks[i % 4];
        bytes file = encode_jpeg(f, samples, 8, 8, 4, false);
        gr_image image;
        check_ok(f, gr_image_decode(f->log, "test.jpg", file.data, file.size, NULL, &image));
        for (int i = 0; i < 8 * 8 * 3; i++)
            if (abs(image.pixels[i] - cases[k].rgb[i % 3]) > 2)
                fail_msg("case %zu, channel %d: %d", k, i % 3, image.pixels[i]);
        gr_image_free(&image);
    }
}

/* ---- Hostile files ---------------------------------------------------------------------- */

static void expect_failure(fixture *f, const bytes *file, size_t size, const char *text)
{
    gr_image image = {.width = 1};
    uint8_t *exact =
        malloc(size + !size); /* of the exact size, so that a sanitizer sees a misstep */
    assert_non_null(exact);
    if (size)
        memcpy(exact, file->data, size);
    graft_status status = gr_image_decode(f->log, "DIR/bad file", exact, size, NULL, &image);
    free(exact);
    assert_error(f, status, GRAFT_ERR_FORMAT, "DIR/bad file: ", text);
    assert_null(image.pixels);
    assert_int_equal(image.width, 0);
}

static void truncated_anywhere(void **state)
{
    fixture *f = *state;
    uint8_t *samples = noise(f, 24 * 20 * 4);
    bytes files[] = {
        encode_jpeg(f, samples, 24, 20, 3, false),
        encode_jpeg(f, samples, 24, 20, 3, true),
        encode_jpeg(f, samples, 24, 20, 4, false),
        encode_jpeg(f, samples, 24, 20, 1, false),
        encode_png(f, samples, 24, 20, (png_kind){8, PNG_COLOR_TYPE_RGB, false, false}),
        encode_png(f, samples, 24, 20, (png_kind){4, PNG_COLOR_TYPE_PALETTE, true, true}),
    };
    for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++)
        for (size_t size = 0; size < files[k].size; size++)
            expect_failure(f, &files[k], size, size >= 8 ? "truncated" : "");
    expect_failure(f, &files[0], 0, "empty");
}

/* Damage must never crash or leak; whether it shows as an error depends on where it is. */
static void damaged_anywhere(void **state)
{
    fixture *f = *state;
    uint8_t *samples = noise(f, 24 * 20 * 4);
    bytes files[] = {
        encode_jpeg(f, samples, 24, 20, 3, true),
        encode_jpeg(f, samples, 24, 20, 4, false),
        encode_png(f, samples, 24, 20, (png_kind){8, PNG_COLOR_TYPE_PALETTE, true, true}),
    };
    for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++)
        for (size_t at = 0; at < files[k].size; at++) {
            uint8_t saved = files[k].data[at];
            files[k].data[at] ^= (uint8_t)(1 + at * 7 % 255);
            gr_image image;
            if (gr_image_decode(f->log, "damaged", files[k].data, files[k].size, NULL, &image))
                assert_null(image.pixels);
            gr_image_free(&image);
            files[k].data[at] = saved;
        }
}

static void wrong_magic(void **state)
{
    fixture *f = *state;
    bytes text = bytes_of(f);
    append(&text, "%PDF-1.7, not for us", 20);
    expect_failure(f, &text, text.size, "PDF by its first bytes, expected JPEG, PNG");
}

/* A few dozen bytes that announce gigabytes. */
static void huge_dimensions(void **state)
{
    fixture *f = *state;
    uint8_t *samples = noise(f, 8 * 8 * 3);
    bytes jpeg = encode_jpeg(f, samples, 8, 8, 3, false);
    for (size_t i = 0; i + 8 < jpeg.size; i++)
        if (jpeg.data[i] == 0xFF && jpeg.data[i + 1] == 0xC0) /* frame: height, width at 5 */
            memset(jpeg.data + i + 5, 0xEE, 4);
    expect_failure(f, &jpeg, jpeg.size, "61166 x 61166");

    bytes png = encode_png(f, samples, 8, 8, (png_kind){8, PNG_COLOR_TYPE_RGB, false, false});
    set_png_size(&png, "\0\0\xFF\0\0\0\xFF\0");
    expect_failure(f, &png, png.size, "65280 x 65280");
    set_png_size(&png, "\x7F\xFF\xFF\xFF\x7F\xFF\xFF\xFF");
    expect_failure(f, &png, png.size, "");
}

static void loading_files(void **state)
{
    fixture *f = *state;
    gr_image image;
    put_image(f, "a.png", 5, 4, 77);
    check_ok(f, gr_image_load(f->log, path_of(f, "a.png"), NULL, NULL, &image));
    assert_int_equal(image.width, 5);
    assert_int_equal(image.pixels[0], 77);
    gr_image_free(&image);
    assert_error(f, gr_image_load(f->log, path_of(f, "none.png"), NULL, NULL, &image), GRAFT_ERR_IO,
                 "none.png");
    put_text(path_of(f, "empty.jpg"), "");
    assert_error(f, gr_image_load(f->log, path_of(f, "empty.jpg"), "list:3", NULL, &image),
                 GRAFT_ERR_FORMAT, "list:3", "empty");
    assert_error(f, gr_image_load(f->log, f->directory, NULL, NULL, &image), GRAFT_ERR_IO,
                 f->directory);
}

/* ---- Pillow ----------------------------------------------------------------------------- */

static void compare_file(fixture *f, const char *name)
{
    gr_image image;
    char *raw = path_of(f, gr_printf(f->memory, "%s.rgb", name));
    check_ok(f, gr_image_load(f->log, path_of(f, name), NULL, NULL, &image));
    size_t size = (size_t)(image.width * image.height) * 3;
    uint8_t *expected = gr_alloc(f->memory, size);
    FILE *file = fopen(raw, "rb");
    assert_true(expected && file);
    assert_int_equal(fread(expected, 1, size, file), size);
    fclose(file);
    for (size_t i = 0; i < size; i++)
        if (image.pixels[i] != expected[i])
            fail_msg("%s: byte %zu is %d, Pillow has %d", name, i, image.pixels[i], expected[i]);
    gr_image_free(&image);
}

static void equals_live_pillow(void **state)
{
    fixture *f = *state;
    run_pillow(f, "decode");
    DIR *folder = opendir(f->directory);
    assert_non_null(folder);
    int count = 0;
    for (struct dirent *e; (e = readdir(folder));)
        if (e->d_name[0] != '.' && !strstr(e->d_name, ".rgb")) {
            compare_file(f, e->d_name);
            count++;
        }
    closedir(folder);
    assert_int_equal(count, 16 + 2 * 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_png_kinds),      TEST(jpeg_gray_and_color), TEST(jpeg_cmyk),
        TEST(truncated_anywhere), TEST(damaged_anywhere),    TEST(wrong_magic),
        TEST(huge_dimensions),    TEST(loading_files),       TEST(equals_live_pillow),
    };
    return RUN_TESTS(tests);
}
