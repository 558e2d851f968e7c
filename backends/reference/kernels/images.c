/* What becomes of pictures before a network sees them. */
#include "backends/reference/reference.h"

#include "shaders/normalize_images.gk.h"

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
