/* Orientation: each tag of EXIF, in both byte orders, in JPEG and PNG, and damaged. */
#include "support.h"

#include "base/mem.h"
#include "data/exif.h"

#include <png.h>
#include <stdlib.h>

/* The image 012 / 345, upright, by tag: EXIF 2.3, section 4.6.4, figure 6. */
static const struct {
    int width;
    const char *pixels;
} upright[9] = {{3, "012345"}, {3, "012345"}, {3, "210543"}, {3, "543210"}, {3, "345012"},
                {2, "031425"}, {2, "304152"}, {2, "524130"}, {2, "251403"}};

/* A TIFF file of one directory: another tag, then the orientation. */
static bytes exif_of(fixture *f, bool big_endian, int orientation)
{
    static const uint8_t little[] = "II*\0\x08\0\0\0\x02\0\x0F\x01\x02\0\x01\0\0\0abc\0"
                                    "\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0";
    static const uint8_t big[] = "MM\0*\0\0\0\x08\0\x02\x01\x0F\0\x02\0\0\0\x01"
                                 "abc\0"
                                 "\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0";
    bytes b = bytes_of(f);
    append(&b, big_endian ? big : little, sizeof(little));
    b.data[big_endian ? 31 : 30] = (uint8_t)orientation;
    return b;
}

/* The PNG 012 / 345 with the data in a chunk eXIf. */
static bytes png_with(fixture *f, const bytes *exif)
{
    uint8_t rows[6 * 3];
    for (int i = 0; i < 18; i++)
        rows[i] = (uint8_t)('0' + i / 3);
    bytes png = encode_png(f, rows, 3, 2, (png_kind){8, PNG_COLOR_TYPE_RGB, false, false});
    bytes out = bytes_of(f);
    append(&out, png.data, 33); /* the signature and IHDR */
    png_chunk(&out, "eXIf", exif->data, exif->size);
    append(&out, png.data + 33, png.size - 33);
    return out;
}

static void check_pixels(const gr_image *image, int tag)
{
    assert_int_equal(image->width, upright[tag].width);
    assert_int_equal(image->height, 6 / upright[tag].width);
    for (int i = 0; i < 18; i++)
        if (image->pixels[i] != upright[tag].pixels[i / 3])
            fail_msg("tag %d, byte %d: %c", tag, i, image->pixels[i]);
}

static void all_tags(void **state)
{
    fixture *f = *state;
    for (int tag = 0; tag <= 8; tag++)
        for (int big = 0; big < 2; big++) {
            bytes exif = exif_of(f, big, tag), png = png_with(f, &exif);
            gr_image image;
            check_ok(f, gr_image_decode(f->log, "test.png", png.data, png.size, NULL, &image));
            check_pixels(&image, tag);
            gr_image_free(&image);
            gr_decode_options as_it_lies = {.ignore_exif = true};
            check_ok(f,
                     gr_image_decode(f->log, "test.png", png.data, png.size, &as_it_lies, &image));
            check_pixels(&image, 1);
            gr_image_free(&image);
        }
}

/* A JPEG of two blocks, black and white. */
static void in_jpeg(void **state)
{
    fixture *f = *state;
    uint8_t samples[16 * 8];
    for (int i = 0; i < 16 * 8; i++)
        samples[i] = i % 16 < 8 ? 0 : 255;
    bytes jpeg = encode_jpeg(f, samples, 16, 8, 1, false), exif = exif_of(f, true, 6);
    bytes file = bytes_of(f);
    uint8_t segment[] = {0xFF, 0xE1, 0, (uint8_t)(8 + exif.size), 'E', 'x', 'i', 'f', 0, 0};
    append(&file, jpeg.data, 2);
    append(&file, segment, sizeof(segment));
    append(&file, exif.data, exif.size);
    append(&file, jpeg.data + 2, jpeg.size - 2);
    gr_image image;
    check_ok(f, gr_image_decode(f->log, "test.jpg", file.data, file.size, NULL, &image));
    assert_true(image.width == 8 && image.height == 16);
    assert_in_range(image.pixels[0], 0, 3); /* a quarter turn to the right: black is on top */
    assert_in_range(image.pixels[8 * 16 * 3 - 1], 252, 255);
    gr_image_free(&image);
}

/* Damaged data leaves the image as it lies; of the exact size, so that a sanitizer sees a misstep.
 */
static void damaged_anywhere(void **state)
{
    fixture *f = *state;
    for (int big = 0; big < 2; big++) {
        bytes exif = exif_of(f, big, 6);
        for (size_t size = 0; size <= exif.size; size++) {
            uint8_t *exact = malloc(size + !size);
            memcpy(exact, exif.data, size);
            assert_int_equal(gr_exif_orientation(exact, size), size < 32 ? 1 : 6);
            for (size_t at = 0; at < size; at++) {
                exact[at] ^= 0xFF;
                assert_in_range(gr_exif_orientation(exact, size), 1, 8);
                exact[at] ^= 0xFF;
            }
            free(exact);
        }
    }
}

/* TIFF begins with one letter twice: "IM" is none, whatever follows. */
static void two_letters_alike(void **state)
{
    fixture *f = *state;
    for (int big = 0; big < 2; big++) {
        bytes exif = exif_of(f, big, 6);
        exif.data[1] = big ? 'I' : 'M';
        assert_int_equal(gr_exif_orientation(exif.data, exif.size), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_tags),
        TEST(in_jpeg),
        TEST(damaged_anywhere),
        TEST(two_letters_alike),
    };
    return RUN_TESTS(tests);
}
