#include "support.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

bytes bytes_of(fixture *f)
{
    return (bytes){.owner = f->memory};
}

void append(bytes *b, const void *data, size_t size)
{
    b->data = gr_realloc(b->owner, b->data, b->size + size);
    assert_non_null(b->data);
    if (size)
        memcpy(b->data + b->size, data, size);
    b->size += size;
}

/* ---- Images ----------------------------------------------------------------------------- */

uint8_t synthetic(int x, int y, int channel)
{
    uint32_t smooth = (uint32_t)(x * 3 + y * 5 + channel * 40);
    uint32_t noise = (uint32_t)(x * 73 + y * 151 + channel * 31) * 2654435761u >> 24;
    bool edge = (x / 7 + y / 5) % 3 == 0;
    return (uint8_t)(edge ? (channel + x / 7) % 2 * 255u : y % 16 < 8 ? noise : smooth);
}

gr_image synthetic_image(fixture *f, int width, int height)
{
    gr_image image;
    check_ok(f, gr_image_alloc(f->log, "synthetic", width, height, &image));
    uint8_t *pixel = image.pixels;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                *pixel++ = synthetic(x, y, c);
    return image;
}

void lower_contrast(gr_image *image)
{
    for (int i = 0; i < image->width * image->height * 3; i++)
        image->pixels[i] = (uint8_t)(image->pixels[i] < 200 ? 40 + image->pixels[i] / 3 : 60);
}

uint64_t hash_bytes(const void *data, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
    return hash;
}

bytes encode_jpeg(fixture *f, const uint8_t *samples, int width, int height, int components,
                  bool progressive)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long size = 0;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &data, &size);
    info.image_width = (JDIMENSION)width;
    info.image_height = (JDIMENSION)height;
    info.input_components = components;
    info.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 100, TRUE);
    if (progressive)
        jpeg_simple_progression(&info);
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        JSAMPROW row = (JSAMPROW)samples + info.next_scanline * (size_t)(width * components);
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    bytes b = bytes_of(f);
    append(&b, data, size);
    free(data);
    return b;
}

static void write_png(png_structp png, png_bytep data, size_t size)
{
    append(png_get_io_ptr(png), data, size);
}

static void set_png_colors(png_structp png, png_infop info, png_kind kind)
{
    png_color palette[256];
    png_byte alpha[4] = {0, 128, 255, 7};
    png_color_16 color = {.gray = 1};
    bool indexed = kind.color_type == PNG_COLOR_TYPE_PALETTE;
    int entries = indexed ? 1 << kind.depth : 0;
    for (int i = 0; i < entries; i++)
        palette[i] = (png_color){(png_byte)(255 - i), (png_byte)(i * 3), (png_byte)(i ^ 90)};
    if (indexed)
        png_set_PLTE(png, info, palette, entries);
    if (kind.transparent)
        png_set_tRNS(png, info, alpha, indexed ? 2 : 1, &color);
}

bytes encode_png(fixture *f, const uint8_t *rows, int width, int height, png_kind kind)
{
    bytes b = bytes_of(f);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_non_null(info);
    png_set_write_fn(png, &b, write_png, NULL);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, kind.depth, kind.color_type,
                 kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    set_png_colors(png, info, kind);
    png_write_info(png, info);
    size_t stride = png_get_rowbytes(png, info);
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < height; y++)
            png_write_row(png, rows + (size_t)y * stride);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return b;
}

static uint32_t big_endian(uint32_t value)
{
    return value >> 24 | (value >> 8 & 0xFF00) | (value << 8 & 0xFF0000) | value << 24;
}

void png_chunk(bytes *png, const char *type, const void *data, size_t size)
{
    uint32_t length = big_endian((uint32_t)size);
    append(png, &length, 4);
    append(png, type, 4);
    append(png, data, size);
    uint32_t crc = big_endian((uint32_t)crc32(0, png->data + png->size - size - 4, (uInt)size + 4));
    append(png, &crc, 4);
}

void set_png_size(bytes *png, const char size[8])
{
    memcpy(png->data + 16, size, 8);
    uint32_t crc = big_endian((uint32_t)crc32(0, png->data + 12, 17));
    memcpy(png->data + 29, &crc, 4);
}

bytes image_file(fixture *f, const char *name, int width, int height, int brightness)
{
    size_t size = (size_t)(width * height) * 3;
    uint8_t *pixels = gr_alloc(f->memory, size);
    assert_non_null(pixels);
    memset(pixels, brightness, size);
    const char *dot = strrchr(name, '.');
    if (dot && strcasecmp(dot, ".png"))
        return encode_jpeg(f, pixels, width, height, 3, false);
    return encode_png(f, pixels, width, height, (png_kind){8, PNG_COLOR_TYPE_RGB, false, false});
}

void put_image(fixture *f, const char *name, int width, int height, int brightness)
{
    bytes b = image_file(f, name, width, height, brightness);
    put_bytes(path_of(f, name), b.data, b.size);
}

/* ---- Archives --------------------------------------------------------------------------- */

static void tar_header(bytes *tar, const char *name, char type, const char *link, uint64_t size)
{
    char header[512] = {0};
    memcpy(header, name, strnlen(name, 100));
    memcpy(header + 100, "0000644", 8);
    snprintf(header + 124, 12, "%011llo", (unsigned long long)size);
    memset(header + 148, ' ', 8);
    header[156] = type;
    memcpy(header + 157, link, strnlen(link, 100));
    memcpy(header + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++)
        sum += (uint8_t)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    append(tar, header, 512);
}

void tar_member(bytes *tar, const char *name, char type, const void *data, size_t size,
                uint64_t announced_size)
{
    static const char zeros[512];
    tar_header(tar, name, type, "", announced_size);
    append(tar, data, size);
    append(tar, zeros, (512 - size % 512) % 512);
}

void tar_link(bytes *tar, char type, const char *name, const char *target)
{
    tar_header(tar, name, type, target, 0);
}

void tar_file(bytes *tar, const char *name, const bytes *content)
{
    tar_member(tar, name, '0', content->data, content->size, content->size);
}

void tar_end(bytes *tar)
{
    static const char zeros[1024];
    append(tar, zeros, sizeof(zeros));
}

void check_set(fixture *f, const char *spec, gr_dataset_params params, int classes,
               const char *const *expected)
{
    gr_dataset *d = NULL;
    size_t count = 0;
    check_ok(f, gr_dataset_open(f->log, spec, &params, &d));
    assert_int_equal(gr_dataset_classes(d), classes);
    for (; expected[count]; count++) {
        char *found =
            gr_printf(f->memory, "%s %d", gr_dataset_name(d, count), gr_dataset_label(d, count));
        gr_image image;
        assert_string_equal(found, expected[count]);
        check_ok(f, gr_dataset_image(f->log, d, count, &image));
        gr_image_free(&image);
    }
    assert_int_equal(gr_dataset_count(d), count);
    gr_dataset_close(&d);
}
