#include "data/normalize.h"

#include "base/log.h"

#include <math.h>

gr_normalization gr_normalization_of(graft_normalization preset)
{
    static const gr_normalization imagenet = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
    static const gr_normalization half = {{0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}};
    static const gr_normalization clip = {{0.48145466f, 0.4578275f, 0.40821073f},
                                          {0.26862954f, 0.26130258f, 0.27577711f}};
    switch (preset) {
    case GRAFT_NORMALIZATION_HALF:
        return half;
    case GRAFT_NORMALIZATION_CLIP:
        return clip;
    case GRAFT_NORMALIZATION_IMAGENET:
    case GRAFT_NORMALIZATION_DEFAULT:
        break;
    }
    return imagenet;
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
