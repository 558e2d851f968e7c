/* What becomes of pictures before a network sees them. */
#include "backends/reference/reference.h"

#include "shaders/normalize_images.gk.h"
#include "shaders/resample_columns.gk.h"
#include "shaders/resample_rows.gk.h"

void gr_ref_normalize_images(gr_ref_call *call)
{
    enum { PIXELS, TABLE, IMAGES };
    GR_REF_PARAMS(call, normalize_images, p);
    uint64_t end = (uint64_t)p.rows * p.cols < p.count ? (uint64_t)p.rows * p.cols : p.count;
    for (uint64_t i = 0; i < end; i++) {
        uint64_t image = i / (3 * (uint64_t)p.area), channel = i / p.area % 3, pixel = i % p.area;
        uint64_t at = 3 * (image * p.area + pixel) + channel;
        uint32_t byte = gr_ref_get_uint(call, PIXELS, at / 4) >> at % 4 * 8 & 0xff;
        gr_ref_put(call, IMAGES, i, gr_ref_get(call, TABLE, 256 * channel + byte));
    }
}

/* The sum over the taps of one place, rounded: `step` words lie between two taps. */
static uint32_t resampled(gr_ref_call *call, uint64_t at, uint64_t step, uint64_t tap, int channel)
{
    enum { PIXELS, TAPS };
    int64_t sum = 1 << 21;
    uint32_t count = gr_ref_get_uint(call, TAPS, tap + 1);
    for (uint32_t t = 0; t < count; t++) {
        uint32_t byte = gr_ref_get_uint(call, PIXELS, at + t * step) >> 8 * channel & 0xff;
        sum += (int64_t)(int32_t)gr_ref_get_uint(call, TAPS, tap + 2 + t) * byte;
    }
    return sum < 0 ? 0 : sum >> 22 > 255 ? 255 : (uint32_t)(sum >> 22);
}

void gr_ref_resample_rows(gr_ref_call *call)
{
    enum { PIXELS, TAPS, MADE };
    GR_REF_PARAMS(call, resample_rows, p);
    for (uint64_t i = 0; i < p.count; i++) {
        uint64_t tap = i % p.to_cols * p.stride;
        uint64_t at = p.from + i / p.to_cols * p.from_cols + gr_ref_get_uint(call, TAPS, tap);
        uint32_t made = 0;
        for (int c = 0; c < 3; c++)
            made |= resampled(call, at, 1, tap, p.swap ? 2 - c : c) << 8 * c;
        gr_ref_put_uint(call, MADE, i, made);
    }
}

void gr_ref_resample_columns(gr_ref_call *call)
{
    enum { PIXELS, TAPS, TABLE, IMAGES };
    GR_REF_PARAMS(call, resample_columns, p);
    uint64_t area = (uint64_t)p.to_rows * p.to_cols;
    for (uint64_t i = 0; i < p.count; i++) {
        uint64_t image = i / area, pixel = i % area, tap = pixel / p.to_cols * p.stride;
        uint64_t first = image * p.from_rows + gr_ref_get_uint(call, TAPS, tap);
        uint64_t at = first * p.to_cols + pixel % p.to_cols;
        for (int c = 0; c < 3; c++) {
            uint32_t level = resampled(call, at, p.to_cols, tap, c);
            gr_ref_put(call, IMAGES, p.to + (image * 3 + (uint64_t)c) * area + pixel,
                       gr_ref_get(call, TABLE, 256 * (uint64_t)c + level));
        }
    }
}
