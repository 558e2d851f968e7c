#include "data/codec.h"

#include "base/log.h"
#include "data/exif.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

/* Everything that must survive a longjmp lives here, not in locals of the function that calls
 * setjmp. */
typedef struct decoder {
    png_structp png;
    png_infop info;
    const gr_decode_job *job;
    size_t used_bytes;
    gr_image image;
} decoder;

static void on_error(png_structp png, png_const_charp text)
{
    decoder *d = png_get_error_ptr(png);
    gr_fail(d->job->log, GRAFT_ERR_FORMAT, "%s: %s", d->job->name, text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep to, size_t size_bytes)
{
    decoder *d = png_get_io_ptr(png);
    if (size_bytes > d->job->size_bytes - d->used_bytes)
        png_error(png, "the PNG data ends early (truncated file)");
    memcpy(to, d->job->bytes + d->used_bytes, size_bytes);
    d->used_bytes += size_bytes;
}

/* Any of the 15 PNG formats -> 8-bit RGB. A transparent colour (tRNS) is left alone. */
static void ask_for_rgb(decoder *d)
{
    int type = png_get_color_type(d->png, d->info);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(d->png);
    if (type == PNG_COLOR_TYPE_GRAY)
        png_set_expand_gray_1_2_4_to_8(d->png);
    if (!(type & PNG_COLOR_MASK_COLOR))
        png_set_gray_to_rgb(d->png);
    png_set_strip_16(d->png);
    png_set_strip_alpha(d->png);
}

static graft_status decode(decoder *d)
{
    if (setjmp(png_jmpbuf(d->png)))
        return GRAFT_ERR_FORMAT;
    /* Text and colour profiles are not read, so they cannot be used to exhaust memory. */
    png_set_keep_unknown_chunks(d->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_user_limits(d->png, GR_IMAGE_MAX_SIDE, GR_IMAGE_MAX_SIDE);
    png_set_read_fn(d->png, d, on_read);
    png_read_info(d->png, d->info);
    GR_TRY(gr_image_alloc_within(d->job->log, d->job->name, png_get_image_width(d->png, d->info),
                                 png_get_image_height(d->png, d->info), d->job->max_pixels,
                                 &d->image));
    ask_for_rgb(d);
    int passes = png_set_interlace_handling(d->png);
    png_read_update_info(d->png, d->info);
    size_t stride = (size_t)d->image.width * GR_IMAGE_CHANNELS;
    if (png_get_rowbytes(d->png, d->info) != stride)
        png_error(d->png, "unsupported pixel format");
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < d->image.height; y++)
            png_read_row(d->png, d->image.pixels + (size_t)y * stride, NULL);
    png_read_end(d->png, NULL);
    return GRAFT_OK;
}

static graft_status decode_png(const gr_decode_job *job, gr_image *out)
{
    decoder d = {.job = job};
    graft_status status = GRAFT_ERR_MEMORY;
    d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, on_error, on_warning);
    d.info = d.png ? png_create_info_struct(d.png) : NULL;
    if (d.info)
        status = decode(&d);
    else
        gr_fail(job->log, status, "%s: no memory for the PNG decoder", job->name);
    png_destroy_read_struct(&d.png, &d.info, NULL);
    *out = d.image;
    return status;
}

/* ---- Around the image -------------------------------------------------------------------- */

static bool is_png(const uint8_t *bytes, size_t size_bytes)
{
    return size_bytes >= 8 && !memcmp(bytes, "\x89PNG\r\n\x1A\n", 8);
}

static size_t big_endian(const uint8_t *bytes)
{
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

/* Of the chunk eXIf, wherever it stands. */
static int png_orientation(const uint8_t *bytes, size_t size_bytes)
{
    enum { SIGNATURE = 8, AROUND = 12 };
    size_t at = SIGNATURE;
    while (size_bytes - at >= AROUND) {
        size_t length = big_endian(bytes + at);
        if (length > size_bytes - at - AROUND)
            return 1;
        if (!memcmp(bytes + at + 4, "eXIf", 4))
            return gr_exif_orientation(bytes + at + 8, length);
        at += AROUND + length;
    }
    return 1;
}

static const char *const endings[] = {".png", NULL};

const gr_codec gr_codec_png = {
    .name = "PNG",
    .endings = endings,
    .is = is_png,
    .decode = decode_png,
    .orientation = png_orientation,
};
