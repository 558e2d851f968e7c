#include "data/codec.h"

#include "base/log.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

/* Everything that must survive a longjmp lives here, not in locals of the function that calls
 * setjmp. */
typedef struct decoder {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t left_bytes;
    graft_log *log;
    const char *name;
    gr_image image;
} decoder;

static void on_error(png_structp png, png_const_charp text)
{
    decoder *d = png_get_error_ptr(png);
    gr_fail(d->log, GRAFT_ERR_FORMAT, "%s: %s", d->name, text);
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
    if (size_bytes > d->left_bytes)
        png_error(png, "the PNG data ends early (truncated file)");
    memcpy(to, d->bytes, size_bytes);
    d->bytes += size_bytes;
    d->left_bytes -= size_bytes;
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
    GR_TRY(gr_image_alloc(d->log, d->name, png_get_image_width(d->png, d->info),
                          png_get_image_height(d->png, d->info), &d->image));
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

graft_status gr_png_decode(graft_log *log, const char *name, const void *bytes, size_t size_bytes,
                           gr_image *out)
{
    *out = (gr_image){0};
    decoder d = {.bytes = bytes, .left_bytes = size_bytes, .log = log, .name = name};
    graft_status status = GRAFT_ERR_MEMORY;
    d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, on_error, on_warning);
    d.info = d.png ? png_create_info_struct(d.png) : NULL;
    if (d.info)
        status = decode(&d);
    else
        gr_fail(log, status, "%s: no memory for the PNG decoder", name);
    png_destroy_read_struct(&d.png, &d.info, NULL);
    if (status == GRAFT_OK)
        *out = d.image;
    else
        gr_image_free(&d.image);
    return status;
}
