/* BMP, WebP, GIF, TIFF and HEIF: the right pixels, and an error where a file ends early. */
#include "support.h"

#include "base/file.h"
#include "base/mem.h"
#include "data/codec.h"

#include <stdlib.h>
#ifdef GRAFT_HAVE_WEBP
#include <webp/encode.h>
#endif
#ifdef GRAFT_HAVE_GIF
#include <gif_lib.h>
#endif
#ifdef GRAFT_HAVE_TIFF
#include <tiffio.h>
#endif

enum { WIDTH = 7, HEIGHT = 5, PIXELS = WIDTH * HEIGHT };

/* One of 16 colours, so that all formats can hold the image. */
static uint8_t channel(int pixel, int c)
{
    return (uint8_t)((pixel * 7 % 16) * (c + 3) * 5);
}

static void check_pixels(const gr_image *image)
{
    assert_true(image->width == WIDTH && image->height == HEIGHT);
    for (int i = 0; i < PIXELS * 3; i++)
        if (image->pixels[i] != channel(i / 3, i % 3))
            fail_msg("pixel %d, channel %d: %d, expected %d", i / 3, i % 3, image->pixels[i],
                     channel(i / 3, i % 3));
}

/* Reads the file as it is, and each shorter one, which must not crash; `exact`: which must fail. */
static void check_file(fixture *f, const bytes *file, bool exact)
{
    gr_image image;
    check_ok(f, gr_image_decode(f->log, "whole", file->data, file->size, NULL, &image));
    check_pixels(&image);
    gr_image_free(&image);
    for (size_t size = 0; size < file->size; size++) {
        uint8_t *cut = malloc(size + !size); /* so that a sanitizer sees a misstep */
        memcpy(cut, file->data, size);
        graft_status status = gr_image_decode(f->log, "cut", cut, size, NULL, &image);
        if (exact)
            assert_true(status == GRAFT_ERR_FORMAT || status == GRAFT_ERR_UNSUPPORTED);
        if (status != GRAFT_OK)
            assert_null(image.pixels);
        gr_image_free(&image);
        free(cut);
    }
    for (size_t at = 0; at < file->size; at++) { /* damaged anywhere: an error, or some image */
        file->data[at] ^= (uint8_t)(1 + at * 7 % 255);
        if (gr_image_decode(f->log, "damaged", file->data, file->size, NULL, &image))
            assert_null(image.pixels);
        gr_image_free(&image);
        file->data[at] ^= (uint8_t)(1 + at * 7 % 255);
    }
}

/* ---- BMP --------------------------------------------------------------------------------- */

static void put_number(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static bytes bmp_of(fixture *f, int bits, bool top_down)
{
    uint8_t header[54] = "BM", row[64];
    size_t colors = bits <= 8 ? 16 : 0, stride = (size_t)(WIDTH * bits + 31) / 32 * 4;
    bytes b = bytes_of(f);
    put_number(header + 10, (uint32_t)(54 + colors * 4));
    put_number(header + 14, 40);
    put_number(header + 18, WIDTH);
    put_number(header + 22, top_down ? (uint32_t)-HEIGHT : HEIGHT);
    header[26] = 1;
    header[28] = (uint8_t)bits;
    put_number(header + 46, (uint32_t)colors);
    append(&b, header, sizeof(header));
    for (int i = 0; i < (int)colors;
         i++) /* entry i is the colour of the pixels with 7 p % 16 = i */
        append(
            &b,
            (uint8_t[]){channel(7 * i % 16, 2), channel(7 * i % 16, 1), channel(7 * i % 16, 0), 0},
            4);
    for (int k = 0; k < HEIGHT; k++) {
        int y = top_down ? k : HEIGHT - 1 - k;
        memset(row, 0, sizeof(row));
        for (int x = 0; x < WIDTH; x++) {
            int pixel = y * WIDTH + x, index = pixel * 7 % 16;
            if (bits == 4)
                row[x / 2] |= (uint8_t)(index << (x % 2 ? 0 : 4));
            else if (bits == 8)
                row[x] = (uint8_t)index;
            for (int c = 0; bits > 8 && c < 3; c++)
                row[x * bits / 8 + c] = channel(pixel, 2 - c);
        }
        append(&b, row, stride);
    }
    return b;
}

static void bmp(void **state)
{
    static const int bits[] = {4, 8, 24, 32};
    fixture *f = *state;
    for (int i = 0; i < 4; i++)
        for (int top_down = 0; top_down < 2; top_down++) {
            bytes b = bmp_of(f, bits[i], top_down);
            check_file(f, &b, true);
        }
    bytes b = bmp_of(f, 8, false);
    gr_image image;
    b.data[30] = 1; /* run lengths */
    assert_error(f, gr_image_decode(f->log, "rle.bmp", b.data, b.size, NULL, &image),
                 GRAFT_ERR_UNSUPPORTED, "rle.bmp: BMP with compression 1", "not compressed");
}

/* ---- Formats of libraries ----------------------------------------------------------------- */

#if defined(GRAFT_HAVE_GIF) || defined(GRAFT_HAVE_TIFF) || defined(GRAFT_HAVE_HEIF)
static bytes bytes_of_file(fixture *f, const char *path)
{
    bytes b = bytes_of(f);
    char *data;
    size_t size;
    check_ok(f, gr_file_read(f->log, f->memory, path, &data, &size));
    append(&b, data, size);
    return b;
}
#endif

static void webp(void **state)
{
#ifdef GRAFT_HAVE_WEBP
    fixture *f = *state;
    uint8_t rgb[PIXELS * 3], *out = NULL;
    for (int i = 0; i < PIXELS * 3; i++)
        rgb[i] = channel(i / 3, i % 3);
    size_t size = WebPEncodeLosslessRGB(rgb, WIDTH, HEIGHT, WIDTH * 3, &out);
    assert_true(size > 0);
    bytes b = bytes_of(f);
    append(&b, out, size);
    WebPFree(out);
    check_file(f, &b, true);
#else
    (void)state;
    print_message("skipped: webp: a build without libwebp\n");
    skip();
#endif
}

static void gif(void **state)
{
#ifdef GRAFT_HAVE_GIF
    fixture *f = *state;
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        static const int order[2][HEIGHT] = {{0, 1, 2, 3, 4}, {0, 4, 2, 1, 3}};
        GifColorType colors[16];
        for (int i = 0; i < 16; i++)
            colors[i] = (GifColorType){channel(7 * i % 16, 0), channel(7 * i % 16, 1),
                                       channel(7 * i % 16, 2)};
        ColorMapObject *map = GifMakeMapObject(16, colors);
        int error;
        GifFileType *file = EGifOpenFileName(path_of(f, "a.gif"), false, &error);
        assert_true(map && file);
        assert_int_equal(EGifPutScreenDesc(file, WIDTH, HEIGHT, 4, 0, map), GIF_OK);
        for (int frame = 0; frame < 2; frame++) { /* the second one is black */
            GifPixelType row[WIDTH] = {0};
            assert_int_equal(EGifPutImageDesc(file, 0, 0, WIDTH, HEIGHT, interlaced, NULL), GIF_OK);
            for (int k = 0; k < HEIGHT; k++) {
                for (int x = 0; x < WIDTH && !frame; x++)
                    row[x] = (GifPixelType)((order[interlaced][k] * WIDTH + x) * 7 % 16);
                assert_int_equal(EGifPutLine(file, row, WIDTH), GIF_OK);
            }
        }
        EGifCloseFile(file, &error);
        GifFreeMapObject(map);
        bytes b = bytes_of_file(f, path_of(f, "a.gif"));
        check_file(f, &b, false); /* what follows the first frame does not matter */
    }
#else
    (void)state;
    print_message("skipped: gif: a build without giflib\n");
    skip();
#endif
}

static void tiff(void **state)
{
#ifdef GRAFT_HAVE_TIFF
    static const int compressions[] = {COMPRESSION_NONE, COMPRESSION_LZW};
    fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        TIFF *file = TIFFOpen(path_of(f, "a.tif"), "w");
        assert_non_null(file);
        TIFFSetField(file, TIFFTAG_IMAGEWIDTH, WIDTH);
        TIFFSetField(file, TIFFTAG_IMAGELENGTH, HEIGHT);
        TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, 3);
        TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, 8);
        TIFFSetField(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
        TIFFSetField(file, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
        TIFFSetField(file, TIFFTAG_COMPRESSION, compressions[i]);
        for (int y = 0; y < HEIGHT; y++) {
            uint8_t row[WIDTH * 3];
            for (int k = 0; k < WIDTH * 3; k++)
                row[k] = channel(y * WIDTH + k / 3, k % 3);
            assert_int_equal(TIFFWriteScanline(file, row, (uint32_t)y, 0), 1);
        }
        TIFFClose(file);
        bytes b = bytes_of_file(f, path_of(f, "a.tif"));
        check_file(f, &b, false);
    }
#else
    (void)state;
    print_message("skipped: tiff: a build without libtiff\n");
    skip();
#endif
}

#ifdef GRAFT_HAVE_HEIF
static void check_near(const gr_image *image, int x, int y, const int color[3])
{
    const uint8_t *pixel = image->pixels + 3 * (y * image->width + x);
    for (int c = 0; c < 3; c++)
        if (abs(pixel[c] - color[c]) > 12) /* the file is compressed with loss */
            fail_msg("(%d, %d), channel %d: %d, expected %d", x, y, c, pixel[c], color[c]);
}
#endif

/* Four colours, stored lying, with a box that turns them and EXIF that says the same: turned once.
 * Cut or damaged: an error, or some image of the size that the file then says. */
static void heif(void **state)
{
#ifdef GRAFT_HAVE_HEIF
    static const int colors[4][3] = {{50, 60, 190}, {200, 40, 40}, {220, 220, 210}, {40, 180, 60}};
    fixture *f = *state;
    gr_image image;
    const char *path = getenv("HEIF_FILE");
    assert_non_null(path);
    bytes b = bytes_of_file(f, path);
    check_ok(f, gr_image_decode(f->log, "turned", b.data, b.size, NULL, &image));
    assert_true(image.width == 32 && image.height == 48);
    for (int i = 0; i < 4; i++)
        check_near(&image, i % 2 ? 24 : 7, i / 2 ? 36 : 11, colors[i]);
    gr_image_free(&image);
    gr_decode_options few = {.max_pixels = 32 * 48 - 1};
    assert_true(gr_image_decode(f->log, "large", b.data, b.size, &few, &image) != GRAFT_OK);
    for (size_t at = 0; at < b.size; at++) {
        uint8_t *cut = malloc(b.size);
        memcpy(cut, b.data, b.size);
        if (gr_image_decode(f->log, "cut", cut, at, NULL, &image))
            assert_null(image.pixels);
        gr_image_free(&image);
        cut[at] ^= (uint8_t)(1 + at * 7 % 255);
        if (gr_image_decode(f->log, "damaged", cut, b.size, NULL, &image))
            assert_null(image.pixels);
        gr_image_free(&image);
        free(cut);
    }
#else
    (void)state;
    print_message("skipped: heif: a build without libheif\n");
    skip();
#endif
}

/* ---- Around the images -------------------------------------------------------------------- */

/* Dozens of bytes that announce gigabytes. */
static void huge_dimensions(void **state)
{
    fixture *f = *state;
    gr_image image;
    bytes b = bmp_of(f, 24, false);
    put_number(b.data + 18, 16384);
    put_number(b.data + 22, 16384);
    assert_error(f, gr_image_decode(f->log, "huge", b.data, b.size, NULL, &image), GRAFT_ERR_FORMAT,
                 "16384 x 16384");
    put_number(b.data + 18, 1u << 31);
    assert_error(f, gr_image_decode(f->log, "huge", b.data, b.size, NULL, &image), GRAFT_ERR_FORMAT,
                 "pixels");
#ifdef GRAFT_HAVE_GIF
    static const uint8_t gif_file[] = "GIF89a\0\x40\0\x40\0\0\0,\0\0\0\0\0\x40\0\x40\0\x02";
    assert_error(f, gr_image_decode(f->log, "huge", gif_file, sizeof(gif_file), NULL, &image),
                 GRAFT_ERR_FORMAT, "16384 x 16384");
#endif
}

#ifdef GRAFT_HAVE_WEBP
/* With the header that JPEG has before EXIF data, and without. */
static void webp_orientation(void **state)
{
    static const char *const starts[] = {"", "Exif\0\0"};
    fixture *f = *state;
    for (size_t i = 0; i < 2; i++) {
        static const uint8_t exif[] =
            "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0";
        uint8_t sizes[2][4] = {{3}, {(uint8_t)(6 * i + sizeof(exif))}};
        bytes b = bytes_of(f);
        append(&b, "RIFF\0\0\0\0WEBPVP8L", 16);
        append(&b, sizes[0], 4);
        append(&b, "abc", 4); /* padded */
        append(&b, "EXIF", 4);
        append(&b, sizes[1], 4);
        append(&b, starts[i], 6 * i);
        append(&b, exif, sizeof(exif));
        assert_int_equal(gr_codec_webp.orientation(b.data, b.size), 6);
        for (size_t size = 0; size < b.size; size++)
            assert_in_range(gr_codec_webp.orientation(b.data, size), 1, 6);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bmp),
        TEST(webp),
        TEST(gif),
        TEST(tiff),
        TEST(heif),
        TEST(huge_dimensions),
#ifdef GRAFT_HAVE_WEBP
        TEST(webp_orientation),
#endif
    };
    return RUN_TESTS(tests);
}
