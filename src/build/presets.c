/* Geometries with names, those that timm gives them. */
#include "build/config.h"

#include <stdio.h>
#include <string.h>

#define VIT(size, patch, width, layers, count)                                                     \
    {                                                                                              \
        .image_size = size, .patch_size = patch, .dim = width, .depth = layers, .heads = count,    \
        .hidden = 4 * width, .norm_eps = 1e-6f, .activation = GR_FUNC_GELU, .pool = GR_POOL_CLS,   \
        .positions = GR_POSITIONS_BICUBIC,                                                         \
    }

/* The image encoder without its projection. */
#define CLIP(size, patch, width, layers, count)                                                    \
    {                                                                                              \
        .image_size = size, .patch_size = patch, .dim = width, .depth = layers, .heads = count,    \
        .hidden = 4 * width, .norm_eps = 1e-5f, .activation = GR_FUNC_QUICK_GELU,                  \
        .pool = GR_POOL_CLS, .positions = GR_POSITIONS_BICUBIC, .pre_norm = true,                  \
    }

/* Patches of 4 in windows of 7; stages of 2, 2, `third` and 2 blocks. */
#define SWIN(width, third, count)                                                                  \
    {                                                                                              \
        .family = GR_FAMILY_SWIN, .image_size = 224, .patch_size = 4, .dim = width,                \
        .depth = 6 + third, .heads = count, .hidden = 4 * width, .norm_eps = 1e-5f,                \
        .activation = GR_FUNC_GELU, .pool = GR_POOL_AVG, .stages = 4,                              \
        .stage_depth = {2, 2, third, 2}, .stage_heads = {count, 2 * count, 4 * count, 8 * count},  \
        .window = 7,                                                                               \
    }

static const struct {
    const char *name;
    gr_model_config config;
} presets[] = {
    {"vit_tiny_patch16_224", VIT(224, 16, 192, 12, 3)},
    {"vit_small_patch16_224", VIT(224, 16, 384, 12, 6)},
    {"vit_base_patch32_224", VIT(224, 32, 768, 12, 12)},
    {"vit_base_patch32_384", VIT(384, 32, 768, 12, 12)},
    {"vit_base_patch16_224", VIT(224, 16, 768, 12, 12)},
    {"vit_base_patch16_384", VIT(384, 16, 768, 12, 12)},
    {"vit_large_patch16_224", VIT(224, 16, 1024, 24, 16)},
    {"vit_large_patch16_384", VIT(384, 16, 1024, 24, 16)},
    {"vit_huge_patch14_224", VIT(224, 14, 1280, 32, 16)},
    {"vit_mini_patch8_64", VIT(64, 8, 192, 7, 3)},
    {"clip_vit_base_patch16_224", CLIP(224, 16, 768, 12, 12)},
    {"swin_tiny_patch4_window7_224", SWIN(96, 6, 3)},
    {"swin_small_patch4_window7_224", SWIN(96, 18, 3)},
    {"swin_base_patch4_window7_224", SWIN(128, 18, 4)},
};

enum { PRESET_COUNT = sizeof(presets) / sizeof(presets[0]) };

const gr_model_config *gr_model_preset(const char *name)
{
    for (int i = 0; i < PRESET_COUNT; i++)
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i].config;
    return NULL;
}

const char *gr_model_preset_name(int index)
{
    return index >= 0 && index < PRESET_COUNT ? presets[index].name : NULL;
}

const char *gr_model_preset_names(char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < PRESET_COUNT && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", presets[i].name);
    return text;
}
