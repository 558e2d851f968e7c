#include "data/normalize.h"

#include "base/log.h"
#include "settings/normalizations.h"

#include <math.h>

gr_normalization gr_normalization_of(graft_normalization preset)
{
    const gr_normalization_preset *p = gr_normalization_preset_of(preset);
    return (gr_normalization){{p->mean[0], p->mean[1], p->mean[2]},
                              {p->std[0], p->std[1], p->std[2]}};
}

graft_status gr_normalization_check(graft_log *log, const gr_normalization *n)
{
    for (int c = 0; c < 3; c++)
        if (!isfinite(n->mean[c]) || !isfinite(n->std[c]) || n->std[c] <= 0.0f)
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "normalization: mean %g and std %g of channel %d; expected finite "
                           "numbers and a positive std",
                           (double)n->mean[c], (double)n->std[c], c);
    return GRAFT_OK;
}

void gr_normalize_table(const gr_normalization *n, float *table)
{
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            table[256 * c + v] = ((float)v / 255.0f - n->mean[c]) / n->std[c];
}

void gr_normalize(const gr_normalization *n, const uint8_t *pixels, size_t count, float *out)
{
    float table[3 * 256];
    gr_normalize_table(n, table);
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < count; i++)
            out[c * count + i] = table[256 * c + pixels[3 * i + c]];
}
