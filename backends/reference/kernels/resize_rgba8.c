#include "backends/reference/reference.h"

#include "shaders/resize_rgba8.gk.h"

#include <math.h>

enum { PIXELS, Y };

/* The triangle's value at `pixel` of an axis, for `place` of the axis that is made. */
static double weight_of(uint32_t pixel, uint32_t place, double step)
{
    double reach = step > 1.0 ? step : 1.0;
    return fmax(1.0 - fabs(pixel + 0.5 - (place + 0.5) * step) / reach, 0.0);
}

static double resized(gr_ref_call *call, const gr_resize_rgba8_params *p, uint64_t image,
                      uint32_t channel, uint32_t i, uint32_t j)
{
    double sum = 0.0, weights = 0.0;
    for (uint32_t r = 0; r < p->rows; r++) {
        double row_weight = weight_of(r, i, (double)p->rows / p->to_rows);
        for (uint32_t k = 0; row_weight > 0.0 && k < p->cols; k++) {
            double weight = row_weight * weight_of(k, j, (double)p->cols / p->to_cols);
            uint32_t word = gr_ref_get_uint(call, PIXELS, (image * p->rows + r) * p->cols + k);
            sum += weight * (word >> 8 * channel & 255);
            weights += weight;
        }
    }
    return sum / weights;
}

void gr_ref_resize_rgba8(gr_ref_call *call)
{
    GR_REF_PARAMS(call, resize_rgba8, p);
    const float scale[] = {p.scale0, p.scale1, p.scale2}, shift[] = {p.shift0, p.shift1, p.shift2};
    uint64_t at = 0;
    for (uint64_t n = 0; at < p.count; n++)
        for (uint32_t c = 0; c < 3; c++)
            for (uint32_t i = 0; i < p.to_rows; i++)
                for (uint32_t j = 0; j < p.to_cols; j++)
                    gr_ref_put(call, Y, at++,
                               scale[c] * resized(call, &p, n, p.swap ? 2 - c : c, i, j) +
                                   shift[c]);
}
