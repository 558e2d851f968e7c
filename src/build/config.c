#include "build/config.h"

#include <string.h>

int gr_model_grid(const gr_model_config *config)
{
    return config->image_size / config->patch_size;
}

int gr_model_class_tokens(const gr_model_config *config)
{
    if (config->family == GR_FAMILY_SWIN || config->no_class_token)
        return 0;
    return config->distilled ? 2 : 1;
}

int gr_model_prefix(const gr_model_config *config)
{
    return gr_model_class_tokens(config) + config->registers;
}

int gr_model_feature_width(const gr_model_config *config)
{
    int width = config->dim << (config->stages ? config->stages - 1 : 0);
    return config->distilled && config->pool == GR_POOL_CLS ? 2 * width : width;
}

static const struct {
    const char *name;
    gr_func activation;
} activations[] = {
    {"gelu", GR_FUNC_GELU},           {"quick_gelu", GR_FUNC_QUICK_GELU},
    {"gelu_tanh", GR_FUNC_GELU_TANH}, {"gelu_pytorch_tanh", GR_FUNC_GELU_TANH},
    {"gelu_new", GR_FUNC_GELU_TANH},
};

enum { ACTIVATIONS = sizeof(activations) / sizeof(activations[0]) };

const char *gr_activation_name(gr_func activation)
{
    for (int i = 0; i < ACTIVATIONS; i++)
        if (activations[i].activation == activation)
            return activations[i].name;
    return activations[0].name;
}

bool gr_activation_parse(const char *name, gr_func *out)
{
    for (int i = 0; i < ACTIVATIONS; i++)
        if (strcmp(name, activations[i].name) == 0) {
            *out = activations[i].activation;
            return true;
        }
    return false;
}

static const char *const pools[] = {
    [GR_POOL_CLS] = "cls",
    [GR_POOL_AVG] = "avg",
    [GR_POOL_NORMED_AVG] = "normed-avg",
    [GR_POOL_MAP] = "map",
};

const char *gr_pool_name(gr_pool pool)
{
    return pools[pool];
}

static const char *const ropes[] = {
    [GR_ROPE_NONE] = "none",
    [GR_ROPE_EVA02] = "eva02",
    [GR_ROPE_DINOV3] = "dinov3",
};

const char *gr_rope_name(gr_rope rope)
{
    return ropes[rope];
}

/* The index of a name; -1: none of them. */
static int find_name(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return (int)i;
    return -1;
}

static const char *const position_kinds[] = {
    [GR_POSITIONS_BILINEAR_ALIGNED] = "bilinear-aligned",
    [GR_POSITIONS_BICUBIC] = "bicubic",
    [GR_POSITIONS_BICUBIC_PLAIN] = "bicubic-plain",
    [GR_POSITIONS_NONE] = "none",
};

const char *gr_positions_name(gr_positions positions)
{
    return position_kinds[positions];
}

bool gr_positions_parse(const char *name, gr_positions *out)
{
    int index = find_name(position_kinds, sizeof(position_kinds) / sizeof(position_kinds[0]), name);
    if (index >= 0)
        *out = (gr_positions)index;
    return index >= 0;
}

graft_status gr_pool_choose(graft_log *log, graft_pool wanted, gr_model_config *c)
{
    if (wanted && c->family == GR_FAMILY_OWN)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`pool`: the backbone is the graph of an application, which pools itself; "
                       "leave it out");
    if (wanted == GRAFT_POOL_CLS && c->family == GR_FAMILY_SWIN)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`pool` cls: a Swin has no class token; use avg");
    if (wanted == GRAFT_POOL_CLS)
        c->pool = GR_POOL_CLS;
    else if (wanted == GRAFT_POOL_AVG && c->pool != GR_POOL_NORMED_AVG)
        c->pool = GR_POOL_AVG;
    return GRAFT_OK;
}

bool gr_pool_parse(const char *name, gr_pool *out)
{
    int index = find_name(pools, sizeof(pools) / sizeof(pools[0]), name);
    if (index >= 0)
        *out = (gr_pool)index;
    return index >= 0;
}

bool gr_rope_parse(const char *name, gr_rope *out)
{
    int index = find_name(ropes, sizeof(ropes) / sizeof(ropes[0]), name);
    if (index >= 0)
        *out = (gr_rope)index;
    return index >= 0;
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
    if (c->heads == 0)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`heads`: no file tells them, and no known model has %d blocks of width %d "
                       "and %d; set how many there are",
                       c->depth, c->dim, c->hidden);
    if (c->heads < 1 || c->dim < 1 || c->dim % c->heads)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`heads` %d: must divide the width %d", c->heads,
                       c->dim);
    if (c->family == GR_FAMILY_VIT && c->pool == GR_POOL_CLS && c->no_class_token)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`pool` cls: the backbone has no class token; use avg");
    if (c->rope && c->dim / c->heads % 4)
        return gr_fail(
            log, GRAFT_ERR_ARGUMENT,
            "`heads` %d: rotary positions need heads of a multiple of 4 channels, not %d", c->heads,
            c->dim / c->heads);
    enum { MAX_DEPTH = 1024, MAX_REGISTERS = 1024 };
    if (c->registers < 0 || c->registers > MAX_REGISTERS)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "%d registers: expected 0 to %d", c->registers,
                       MAX_REGISTERS);
    if (c->depth > MAX_DEPTH)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "%d blocks: expected at most %d", c->depth,
                       MAX_DEPTH);
    int least_classes = c->family == GR_FAMILY_OWN ? 0 : 1; /* it may have no head of its own */
    if (c->depth < 1 || c->hidden < 1 || c->classes < least_classes)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "depth %d, MLP width %d and %d classes must be positive", c->depth,
                       c->hidden, c->classes);
    return c->family == GR_FAMILY_SWIN ? check_swin(log, c) : GRAFT_OK;
}
