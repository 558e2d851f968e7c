#include "settings/normalizations.h"

#include <math.h>
#include <stddef.h>

static const gr_normalization_preset presets[] = {
    [GRAFT_NORMALIZATION_IMAGENET] = {"imagenet",
                                      {0.485f, 0.456f, 0.406f},
                                      {0.229f, 0.224f, 0.225f}},
    [GRAFT_NORMALIZATION_HALF] = {"half", {0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}},
    [GRAFT_NORMALIZATION_CLIP] = {"clip",
                                  {0.48145466f, 0.4578275f, 0.40821073f},
                                  {0.26862954f, 0.26130258f, 0.27577711f}},
};

enum { PRESETS = sizeof(presets) / sizeof(presets[0]) };

const gr_normalization_preset *gr_normalization_preset_of(graft_normalization normalization)
{
    return &presets[normalization ? normalization : GRAFT_NORMALIZATION_IMAGENET];
}

static bool is_close(const float preset[3], const double numbers[3])
{
    for (int c = 0; c < 3; c++)
        if (!(fabs((double)preset[c] - numbers[c]) <= 1e-6))
            return false;
    return true;
}

const gr_normalization_preset *gr_normalization_preset_find(const double mean[3],
                                                            const double std[3])
{
    for (int i = GRAFT_NORMALIZATION_IMAGENET; i < PRESETS; i++)
        if (is_close(presets[i].mean, mean) && is_close(presets[i].std, std))
            return &presets[i];
    return NULL;
}
