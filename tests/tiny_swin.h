/* A Swin small enough to train in milliseconds: a first stage of 8x8 patches in windows of 4, of
 * which every other block shifts, then a stage of a single window. */
#ifndef TESTS_TINY_SWIN_H
#define TESTS_TINY_SWIN_H

#include "build/config.h"

static inline gr_model_config tiny_swin(int patch_size, int dim, int classes)
{
    return (gr_model_config){
        .family = GR_FAMILY_SWIN,
        .image_size = 8 * patch_size,
        .patch_size = patch_size,
        .dim = dim,
        .depth = 3,
        .heads = 2,
        .hidden = 2 * dim,
        .classes = classes,
        .norm_eps = 1e-5f,
        .activation = GR_FUNC_GELU,
        .pool = GR_POOL_AVG,
        .stages = 2,
        .stage_depth = {2, 1},
        .stage_heads = {2, 4},
        .window = 4,
    };
}

#endif
