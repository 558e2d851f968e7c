#include "model/config.h"

#include "weights/tensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIT(size, patch, width, layers, count)                                                     \
    {                                                                                              \
        .image_size = size, .patch_size = patch, .dim = width, .depth = layers, .heads = count,    \
        .hidden = 4 * width, .norm_eps = 1e-6f, .activation = GR_FUNC_GELU, .pool = GR_POOL_CLS,   \
    }

static const struct {
    const char *name;
    gr_model_config config;
} presets[] = {
    {"vit_tiny_patch16_224", VIT(224, 16, 192, 12, 3)},
    {"vit_small_patch16_224", VIT(224, 16, 384, 12, 6)},
    {"vit_base_patch32_224", VIT(224, 32, 768, 12, 12)},
    {"vit_base_patch16_224", VIT(224, 16, 768, 12, 12)},
    {"vit_base_patch16_384", VIT(384, 16, 768, 12, 12)},
    {"vit_large_patch16_224", VIT(224, 16, 1024, 24, 16)},
    {"vit_large_patch16_384", VIT(384, 16, 1024, 24, 16)},
    {"vit_huge_patch14_224", VIT(224, 14, 1280, 32, 16)},
    {"vit_mini_patch8_64", VIT(64, 8, 192, 6, 3)},
};

enum { PRESET_COUNT = sizeof(presets) / sizeof(presets[0]) };

int gr_model_grid(const gr_model_config *config)
{
    return config->image_size / config->patch_size;
}

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

static int count_blocks(const gr_tensors *weights)
{
    char name[64];
    int depth = 0;
    do
        snprintf(name, sizeof(name), "blocks.%d.norm1.weight", depth);
    while (gr_tensors_find(weights, name) && ++depth);
    return depth;
}

static graft_status get_ranked(graft_log *log, const gr_tensors *weights, const char *name,
                               int rank, const gr_tensor **out)
{
    GR_TRY(gr_tensors_get(log, weights, name, out));
    if ((*out)->shape.rank == rank)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_SHAPE, "%s: expected %d axes, found %d; is this a ViT?", name,
                   rank, (*out)->shape.rank);
}

graft_status gr_model_config_read(graft_log *log, const gr_tensors *weights, gr_model_config *out)
{
    const gr_tensor *patch, *pos, *fc1, *head;
    GR_TRY(get_ranked(log, weights, "patch_embed.proj.weight", 4, &patch));
    GR_TRY(get_ranked(log, weights, "pos_embed", 3, &pos));
    GR_TRY(get_ranked(log, weights, "blocks.0.mlp.fc1.weight", 2, &fc1));
    head = gr_tensors_find(weights, "head.weight");
    const char *heads = gr_tensors_metadata(weights, "graft.heads");
    int dim = (int)patch->shape.dim[0], size = (int)patch->shape.dim[2];
    int grid = (int)lround(sqrt((double)(pos->shape.dim[1] - 1)));
    *out = (gr_model_config){
        .image_size = grid * size,
        .patch_size = size,
        .dim = dim,
        .depth = count_blocks(weights),
        .heads = heads ? atoi(heads) : dim / (dim == 1280 ? 80 : 64),
        .hidden = (int)fc1->shape.dim[0],
        .classes = head && head->shape.rank == 2 ? (int)head->shape.dim[0] : 0,
        .norm_eps = 1e-6f,
        .activation = GR_FUNC_GELU,
        .pool = GR_POOL_CLS,
    };
    if (pos->shape.dim[1] != (int64_t)grid * grid + 1)
        return gr_fail(log, GRAFT_ERR_SHAPE,
                       "pos_embed: %lld tokens are not a square grid and a class token",
                       (long long)pos->shape.dim[1]);
    return GRAFT_OK;
}

/* Every stage halves the grid, and cuts it into windows where one does not hold it. */
static graft_status check_swin(graft_log *log, const gr_model_config *c)
{
    int depth = 0;
    if (c->stages < 1 || c->stages > GR_MAX_STAGES || c->window < 1)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "Swin: %d stages with windows of %d; at most %d",
                       c->stages, c->window, GR_MAX_STAGES);
    for (int i = 0; i < c->stages; i++) {
        int grid = gr_model_grid(c) >> i, dim = c->dim << i, heads = c->stage_heads[i];
        bool last = i + 1 == c->stages;
        depth += c->stage_depth[i];
        if (c->stage_depth[i] < 1 || heads < 1 || dim % heads)
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "Swin stage %d: %d blocks with %d heads: the heads must divide the "
                           "width %d",
                           i, c->stage_depth[i], heads, dim);
        if (grid < 1 || (!last && grid % 2) || (grid > c->window && grid % c->window))
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "image size %d: its grid of %d in stage %d does not fill windows of %d; "
                           "take a multiple of %d",
                           c->image_size, grid, i, c->window,
                           (c->patch_size << (c->stages - 1)) * c->window);
    }
    return depth == c->depth ? GRAFT_OK
                             : gr_fail(log, GRAFT_ERR_ARGUMENT,
                                       "Swin: %d blocks, but its stages have %d", c->depth, depth);
}

graft_status gr_model_config_check(graft_log *log, const gr_model_config *c)
{
    if (c->patch_size < 1 || c->image_size < c->patch_size || c->image_size % c->patch_size)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "image size %d: must be a multiple of the patch size %d", c->image_size,
                       c->patch_size);
    if (c->heads < 1 || c->dim < 1 || c->dim % c->heads)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%d heads: must divide the width %d; the metadata key graft.heads sets them",
                       c->heads, c->dim);
    if (c->depth < 1 || c->hidden < 1 || c->classes < 1)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "depth %d, MLP width %d and %d classes must be positive", c->depth,
                       c->hidden, c->classes);
    return c->family == GR_FAMILY_SWIN ? check_swin(log, c) : GRAFT_OK;
}
