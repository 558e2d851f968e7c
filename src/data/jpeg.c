#include "data/codec.h"

#include "base/log.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <jpeglib.h>

/* A progressive file of a few kilobytes may ask for thousands of passes over a large picture. */
enum { MAX_SCANS = 100 };

/* Everything that must survive a longjmp lives here, not in locals of the function that calls
 * setjmp. */
typedef struct decoder {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    bool truncated;
    graft_log *log;
    const char *name;
    uint8_t *row; /* one CMYK row */
    gr_image image;
} decoder;

static void on_error(j_common_ptr info)
{
    decoder *d = info->client_data;
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    gr_fail(d->log, GRAFT_ERR_FORMAT, "%s: %s", d->name,
            d->truncated ? "the JPEG data ends early (truncated file)" : text);
    longjmp(d->escape, 1);
}

/* Warnings (a restart marker lost, stray bytes) leave a usable image; libjpeg would print them. */
static void on_message(j_common_ptr info, int level)
{
    (void)info;
    (void)level;
}

static void on_progress(j_common_ptr info)
{
    decoder *d = info->client_data;
    if (d->info.input_scan_number <= MAX_SCANS)
        return;
    gr_fail(d->log, GRAFT_ERR_FORMAT, "%s: JPEG with more than %d scans", d->name, MAX_SCANS);
    longjmp(d->escape, 1);
}

static void source_nothing(j_decompress_ptr info)
{
    (void)info;
}

/* All bytes are in memory from the start, so a refill means that they ran out. */
static boolean source_refill(j_decompress_ptr info)
{
    decoder *d = info->client_data;
    d->truncated = true;
    info->err->error_exit((j_common_ptr)info);
    return FALSE;
}

static void source_skip(j_decompress_ptr info, long count)
{
    if (count <= 0)
        return;
    if ((size_t)count > info->src->bytes_in_buffer)
        source_refill(info);
    info->src->next_input_byte += count;
    info->src->bytes_in_buffer -= (size_t)count;
}

static void set_up(decoder *d, const void *bytes, size_t size_bytes)
{
    d->info.err = jpeg_std_error(&d->errors);
    d->errors.error_exit = on_error;
    d->errors.emit_message = on_message;
    d->info.client_data = d;
    d->source = (struct jpeg_source_mgr){
        .next_input_byte = bytes,
        .bytes_in_buffer = size_bytes,
        .init_source = source_nothing,
        .fill_input_buffer = source_refill,
        .skip_input_data = source_skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = source_nothing,
    };
    d->progress.progress_monitor = on_progress;
}

/* (a * b) / 255, rounded. */
static unsigned scale_255(unsigned a, unsigned b)
{
    unsigned t = a * b + 128;
    return (t + (t >> 8)) >> 8;
}

/* Adobe stores inverted inks: 255 means none. */
static void cmyk_row(const uint8_t *in, uint8_t *out, int width)
{
    for (int x = 0; x < width; x++, in += 4, out += 3)
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)(in[3] - scale_255(255u - in[c], in[3]));
}

static void read_rows(decoder *d)
{
    size_t stride = (size_t)d->image.width * GR_IMAGE_CHANNELS;
    while (d->info.output_scanline < d->info.output_height) {
        uint8_t *target = d->image.pixels + d->info.output_scanline * stride;
        uint8_t *row = d->row ? d->row : target;
        jpeg_read_scanlines(&d->info, &row, 1);
        if (d->row)
            cmyk_row(d->row, target, d->image.width);
    }
}

static graft_status decode(decoder *d)
{
    if (setjmp(d->escape))
        return GRAFT_ERR_FORMAT;
    jpeg_create_decompress(&d->info);
    d->info.src = &d->source;
    d->info.progress = &d->progress;
    jpeg_read_header(&d->info, TRUE);
    GR_TRY(gr_image_alloc(d->log, d->name, d->info.image_width, d->info.image_height, &d->image));
    bool inks = d->info.num_components == 4;
    d->info.out_color_space = inks ? JCS_CMYK : JCS_RGB; /* libjpeg repeats gray by itself */
    if (inks) {
        d->row = malloc((size_t)d->image.width * 4);
        if (!d->row)
            return gr_fail(d->log, GRAFT_ERR_MEMORY, "%s: no memory for a row", d->name);
    }
    jpeg_start_decompress(&d->info);
    read_rows(d);
    jpeg_finish_decompress(&d->info);
    return GRAFT_OK;
}

graft_status gr_jpeg_decode(graft_log *log, const char *name, const void *bytes, size_t size_bytes,
                            gr_image *out)
{
    *out = (gr_image){0};
    decoder d = {.log = log, .name = name};
    set_up(&d, bytes, size_bytes);
    graft_status status = decode(&d);
    jpeg_destroy_decompress(&d.info);
    free(d.row);
    if (status == GRAFT_OK)
        *out = d.image;
    else
        gr_image_free(&d.image);
    return status;
}
