/* Pictures: each codec, and EXIF. */
#include "fuzz.h"

#include "data/codec.h"
#include "data/exif.h"
#include "data/support.h"

#include <png.h>
#ifdef GRAFT_HAVE_WEBP
#include <webp/encode.h>
#endif
#ifdef GRAFT_HAVE_GIF
#include <gif_lib.h>
#endif
#ifdef GRAFT_HAVE_TIFF
#include <tiffio.h>
#endif

enum { SIDE = 9, MAX_PIXELS = 1 << 16 };

static graft_status decode(fixture *f, const uint8_t *data, size_t size)
{
    gr_image image;
    gr_decode_options options = {.max_pixels = MAX_PIXELS};
    graft_status status = gr_image_decode(f->log, "input", data, size, &options, &image);
    gr_image_free(&image);
    return status;
}

#define read_jpeg decode
#define read_png  decode
#define read_bmp  decode
#define read_webp decode
#define read_gif  decode
#define read_tiff decode

static void pixels(uint8_t *out, int channels)
{
    for (int i = 0; i < SIDE * SIDE * channels; i++)
        out[i] = synthetic(i / channels % SIDE, i / channels / SIDE, i % channels);
}

static void seed_jpeg(fixture *f)
{
#ifdef GRAFT_HAVE_JPEG
    uint8_t samples[SIDE * SIDE * 4];
    for (int channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1)
        for (int progressive = 0; progressive < 2; progressive++) {
            pixels(samples, channels);
            bytes b = encode_jpeg(f, samples, SIDE, SIDE, channels, progressive);
            fuzz_add(b.data, b.size);
        }
#endif
    fuzz_add_text("\xFF\xD8\xFF\xE0");
}

static void seed_png(fixture *f)
{
    static const png_kind kinds[] = {{8, PNG_COLOR_TYPE_RGB, false, false},
                                     {8, PNG_COLOR_TYPE_RGBA, true, false},
                                     {16, PNG_COLOR_TYPE_GRAY, false, true},
                                     {1, PNG_COLOR_TYPE_GRAY, true, false},
                                     {4, PNG_COLOR_TYPE_PALETTE, false, true}};
    uint8_t samples[SIDE * SIDE * 4];
    pixels(samples, 4);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        bytes b = encode_png(f, samples, SIDE, SIDE, kinds[i]);
        fuzz_add(b.data, b.size);
    }
}

static void seed_bmp(fixture *f)
{
    static const int depths[] = {1, 4, 8, 24, 32};
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        uint8_t file[14 + 40 + 64 + 8 * 8 * 4] = {'B',
                                                  'M',
                                                  0,
                                                  0,
                                                  0,
                                                  0,
                                                  0,
                                                  0,
                                                  0,
                                                  0,
                                                  118,
                                                  0,
                                                  0,
                                                  0,
                                                  40,
                                                  0,
                                                  0,
                                                  0,
                                                  8,
                                                  0,
                                                  0,
                                                  0,
                                                  8,
                                                  0,
                                                  0,
                                                  0,
                                                  1,
                                                  0,
                                                  (uint8_t)depths[i]};
        file[46] = depths[i] <= 8 ? 2 : 0; /* colours in the palette */
        pixels(file + 118, 3);
        fuzz_add(file, sizeof(file));
    }
}

static void seed_webp(fixture *f)
{
    fuzz_add_text("RIFF\x10\1\1\1WEBPVP8 ");
#ifdef GRAFT_HAVE_WEBP
    uint8_t rgb[SIDE * SIDE * 3], *out = NULL;
    pixels(rgb, 3);
    size_t size = WebPEncodeLosslessRGB(rgb, SIDE, SIDE, 3 * SIDE, &out);
    fuzz_add(out, size);
    WebPFree(out);
    size = WebPEncodeRGB(rgb, SIDE, SIDE, 3 * SIDE, 50, &out);
    fuzz_add(out, size);
    WebPFree(out);
#endif
}

static void seed_gif(fixture *f)
{
    fuzz_add_text("GIF89a");
#ifdef GRAFT_HAVE_GIF
    int error;
    GifColorType colors[4] = {{0, 0, 0}, {255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        ColorMapObject *map = GifMakeMapObject(4, colors);
        GifFileType *file = EGifOpenFileName(path_of(f, "a.gif"), false, &error);
        GifPixelType row[SIDE] = {0, 1, 2, 3, 3, 2, 1, 0, 1};
        assert_non_null(file);
        EGifPutScreenDesc(file, SIDE, SIDE, 2, 0, map);
        EGifPutImageDesc(file, 0, 0, SIDE, SIDE, interlaced, NULL);
        for (int y = 0; y < SIDE; y++)
            EGifPutLine(file, row, SIDE);
        EGifCloseFile(file, &error);
        GifFreeMapObject(map);
        fuzz_add_file(path_of(f, "a.gif"));
    }
#endif
}

static void seed_tiff(fixture *f)
{
    fuzz_add("II*\0\x08\0\0\0", 8);
#ifdef GRAFT_HAVE_TIFF
    static const int compressions[] = {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE,
                                       COMPRESSION_PACKBITS};
    uint8_t rgb[SIDE * SIDE * 3];
    pixels(rgb, 3);
    for (size_t i = 0; i < sizeof(compressions) / sizeof(compressions[0]); i++) {
        TIFF *file = TIFFOpen(path_of(f, "a.tif"), i & 1 ? "wb" : "wl");
        assert_non_null(file);
        TIFFSetField(file, TIFFTAG_IMAGEWIDTH, SIDE);
        TIFFSetField(file, TIFFTAG_IMAGELENGTH, SIDE);
        TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, 3);
        TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, 8);
        TIFFSetField(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
        TIFFSetField(file, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
        TIFFSetField(file, TIFFTAG_COMPRESSION, compressions[i]);
        for (int y = 0; y < SIDE; y++)
            TIFFWriteScanline(file, rgb + y * SIDE * 3, (uint32_t)y, 0);
        TIFFClose(file);
        fuzz_add_file(path_of(f, "a.tif"));
    }
#endif
}

static graft_status read_exif(fixture *f, const uint8_t *data, size_t size)
{
    int orientation = gr_exif_orientation(data, size);
    assert_in_range(orientation, 1, 8);
    return orientation == 6 ? GRAFT_OK : GRAFT_ERR_FORMAT; /* 6 is what the seeds say */
}

static void seed_exif(fixture *f)
{
    fuzz_add("II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0", 26);
    fuzz_add("MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0", 26);
}

const fuzz_target fuzz_images[] = {
    FUZZ_TARGET(jpeg), FUZZ_TARGET(png),  FUZZ_TARGET(bmp),  FUZZ_TARGET(webp),
    FUZZ_TARGET(gif),  FUZZ_TARGET(tiff), FUZZ_TARGET(exif), {.name = NULL},
};
