#include "data/codec.h"

#include "base/log.h"
#include "data/exif.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>

/* A progressive file of a few kilobytes may ask for thousands of passes over a large picture; those
 * of cameras and libraries have a dozen. More are read as long as all together they cost no more
 * than so many pixels, and some for each byte. */
enum { USUAL_SCANS = 16, MAX_SCANS = 100, SCANNED_PIXELS = 1 << 26, SCANNED_PER_BYTE = 512 };

/* Everything that must survive a longjmp lives here, not in locals of the function that calls
 * setjmp. */
typedef struct decoder {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    bool truncated;
    const gr_decode_job *job;
    uint8_t *row; /* one CMYK row */
    gr_image image;
} decoder;

static void on_error(j_common_ptr info)
{
    decoder *d = info->client_data;
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    gr_fail(d->job->log, GRAFT_ERR_FORMAT, "%s: %s", d->job->name,
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
    int scans = d->info.input_scan_number;
    int64_t pixels = (int64_t)d->image.width * d->image.height;
    int64_t most = SCANNED_PIXELS + SCANNED_PER_BYTE * (int64_t)d->job->size_bytes;
    if (scans <= USUAL_SCANS || (scans <= MAX_SCANS && scans * pixels <= most))
        return;
    gr_fail(d->job->log, GRAFT_ERR_FORMAT,
            "%s: JPEG with more scans than its %d x %d pixels may have", d->job->name,
            d->image.width, d->image.height);
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

static void set_up(decoder *d)
{
    d->info.err = jpeg_std_error(&d->errors);
    d->errors.error_exit = on_error;
    d->errors.emit_message = on_message;
    d->info.client_data = d;
    d->source = (struct jpeg_source_mgr){
        .next_input_byte = d->job->bytes,
        .bytes_in_buffer = d->job->size_bytes,
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
    GR_TRY(gr_image_alloc_within(d->job->log, d->job->name, d->info.image_width,
                                 d->info.image_height, d->job->max_pixels, &d->image));
    bool inks = d->info.num_components == 4;
    d->info.out_color_space = inks ? JCS_CMYK : JCS_RGB; /* libjpeg repeats gray by itself */
    if (inks) {
        d->row = malloc((size_t)d->image.width * 4);
        if (!d->row)
            return gr_fail(d->job->log, GRAFT_ERR_MEMORY, "%s: no memory for a row", d->job->name);
    }
    jpeg_start_decompress(&d->info);
    read_rows(d);
    jpeg_finish_decompress(&d->info);
    return GRAFT_OK;
}

static graft_status decode_jpeg(const gr_decode_job *job, gr_image *out)
{
    decoder d = {.job = job};
    set_up(&d);
    graft_status status = decode(&d);
    jpeg_destroy_decompress(&d.info);
    free(d.row);
    *out = d.image;
    return status;
}

/* ---- Around the image -------------------------------------------------------------------- */

static bool is_jpeg(const uint8_t *bytes, size_t size_bytes)
{
    return size_bytes >= 3 && !memcmp(bytes, "\xFF\xD8\xFF", 3);
}

/* Of the first segment APP1 "Exif", which stands before the first scan. */
static int jpeg_orientation(const uint8_t *bytes, size_t size_bytes)
{
    enum { APP1 = 0xE1, SOS = 0xDA, HEADER = 4, EXIF = 6 };
    for (size_t at = 2; at + HEADER + EXIF <= size_bytes && bytes[at] == 0xFF;) {
        int marker = bytes[at + 1];
        size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (marker == 0xFF) { /* fill bytes may precede a marker */
            at++;
            continue;
        }
        if (marker == SOS || length < 2 || length > size_bytes - at - 2)
            return 1;
        if (marker == APP1 && length >= 2 + EXIF && !memcmp(bytes + at + HEADER, "Exif\0\0", EXIF))
            return gr_exif_orientation(bytes + at + HEADER + EXIF, length - 2 - EXIF);
        at += 2 + length;
    }
    return 1;
}

static const char *const endings[] = {".jpg", ".jpeg", ".jpe", ".jfif", NULL};

const gr_codec gr_codec_jpeg = {
    .name = "JPEG",
    .endings = endings,
    .is = is_jpeg,
    .decode = decode_jpeg,
    .orientation = jpeg_orientation,
};
