/* Windows bitmaps without compression: palettes of 1, 4 and 8 bits, 24 and 32 bits a pixel. */
#include "data/codec.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_HEADER = 14, CORE_HEADER = 12, INFO_HEADER = 40 };
enum { PLAIN = 0, BIT_FIELDS = 3 };

typedef struct bitmap {
    const uint8_t *palette;
    size_t colors, entry_bytes;
    const uint8_t *rows;
    size_t stride;
    int64_t width, height;
    bool top_down;
    int bits;
} bitmap;

static bool is_bmp(const uint8_t *bytes, size_t size_bytes)
{
    return size_bytes >= FILE_HEADER + 4 && !memcmp(bytes, "BM", 2);
}

static uint32_t number(const uint8_t *bytes, int count)
{
    uint32_t value = 0;
    while (count-- > 0)
        value = value << 8 | bytes[count];
    return value;
}

static graft_status unsupported(const gr_decode_job *job, const char *what, uint32_t value)
{
    return gr_fail(job->log, GRAFT_ERR_UNSUPPORTED,
                   "%s: BMP with %s %u; expected 1, 4, 8, 24 or 32 bits a pixel, not compressed",
                   job->name, what, value);
}

static graft_status truncated(const gr_decode_job *job)
{
    return gr_fail(job->log, GRAFT_ERR_FORMAT, "%s: the BMP data ends early (truncated file)",
                   job->name);
}

/* Blue, green and red of the bit fields must lie as they do without them. */
static bool plain_fields(const uint8_t *info, size_t left)
{
    const uint8_t *masks = info + INFO_HEADER;
    return left >= INFO_HEADER + 12 && number(masks, 4) == 0xFF0000 &&
           number(masks + 4, 4) == 0xFF00 && number(masks + 8, 4) == 0xFF;
}

/* What of the header is only in the longer form. */
static graft_status read_info(const gr_decode_job *job, const uint8_t *info, size_t left, bitmap *b)
{
    if (left < INFO_HEADER)
        return truncated(job);
    uint32_t compression = number(info + 16, 4), colors = number(info + 32, 4);
    int32_t height = (int32_t)number(info + 8, 4);
    b->width = (int32_t)number(info + 4, 4);
    b->height = height < 0 ? -(int64_t)height : height;
    b->top_down = height < 0;
    b->bits = (int)number(info + 14, 2);
    b->colors = colors;
    b->entry_bytes = 4;
    if (compression != PLAIN &&
        !(compression == BIT_FIELDS && b->bits == 32 && plain_fields(info, left)))
        return unsupported(job, "compression", compression);
    return GRAFT_OK;
}

static graft_status read_header(const gr_decode_job *job, bitmap *b)
{
    const uint8_t *info = job->bytes + FILE_HEADER;
    size_t left = job->size_bytes - FILE_HEADER, header = number(info, 4);
    size_t start = number(job->bytes + 10, 4);
    *b = (bitmap){.entry_bytes = 3};
    if (header < CORE_HEADER || header > left)
        return truncated(job);
    if (header == CORE_HEADER) {
        b->width = number(info + 4, 2);
        b->height = number(info + 6, 2);
        b->bits = (int)number(info + 10, 2);
    } else {
        GR_TRY(read_info(job, info, left, b));
    }
    if (b->bits != 1 && b->bits != 4 && b->bits != 8 && b->bits != 24 && b->bits != 32)
        return unsupported(job, "bits a pixel of", (uint32_t)b->bits);
    size_t most = b->bits <= 8 ? (size_t)1 << b->bits : 0;
    b->colors = !b->colors || b->colors > most ? most : b->colors;
    b->palette = info + header;
    b->rows = job->bytes + start;
    if (b->colors * b->entry_bytes > left - header || start > job->size_bytes)
        return truncated(job);
    return GRAFT_OK;
}

static void read_pixel(const bitmap *b, const uint8_t *row, size_t x, uint8_t *out)
{
    const uint8_t *color = row + x * (size_t)(b->bits / 8);
    if (b->bits <= 8) {
        size_t per_byte = 8 / (size_t)b->bits, shift = 8 - (size_t)b->bits * (x % per_byte + 1);
        size_t index = row[x / per_byte] >> shift & ((1u << b->bits) - 1);
        static const uint8_t black[3];
        color = index < b->colors ? b->palette + index * b->entry_bytes : black;
    }
    for (int c = 0; c < 3; c++)
        out[c] = color[2 - c]; /* blue comes first */
}

static graft_status decode_bmp(const gr_decode_job *job, gr_image *out)
{
    bitmap b;
    GR_TRY(read_header(job, &b));
    GR_TRY(gr_image_alloc_within(job->log, job->name, b.width, b.height, job->max_pixels, out));
    size_t width = (size_t)out->width, height = (size_t)out->height;
    size_t stride = (width * (size_t)b.bits + 31) / 32 * 4;
    if (stride * height > job->size_bytes - (size_t)(b.rows - job->bytes))
        return truncated(job);
    for (size_t y = 0; y < height; y++) {
        const uint8_t *row = b.rows + (b.top_down ? y : height - 1 - y) * stride;
        for (size_t x = 0; x < width; x++)
            read_pixel(&b, row, x, out->pixels + (y * width + x) * GR_IMAGE_CHANNELS);
    }
    return GRAFT_OK;
}

static const char *const endings[] = {".bmp", ".dib", NULL};

const gr_codec gr_codec_bmp = {
    .name = "BMP",
    .endings = endings,
    .is = is_bmp,
    .decode = decode_bmp,
};
