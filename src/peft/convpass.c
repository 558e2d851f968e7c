/* Convpass: a convolutional bypass beside attention and MLP, from their normed input,
 * s * up(drop(Q(conv3x3(Q(down(y)))))) with Q(u) = u sigmoid(1.702 u)
 * (Jie and Deng, arXiv 2207.07039). The class token goes through the same convolution as an image
 * of one pixel: only the centre tap acts. */
#include "ops/ops.h"
#include "peft/compose.h"
#include "peft/trained.h"

#include <math.h>
#include <stddef.h>

typedef struct convpass_config {
    int h;
    float s, dropout;
    int conv_init;
} convpass_config;

enum { CONV_IDENTITY, CONV_XAVIER };

static const graft_setting options[] = {
    {"h", GR_SETTING(convpass_config, h), GRAFT_SETTING_INT, "8", NULL, 1, 4096,
     "bottleneck width"},
    {"s", GR_SETTING(convpass_config, s), GRAFT_SETTING_FLOAT, "1", NULL, -1e6, 1e6,
     "scale of the bypass"},
    {"dropout", GR_SETTING(convpass_config, dropout), GRAFT_SETTING_FLOAT, "0.1", NULL, 0, 0.99,
     "dropout on the bottleneck"},
    {"conv_init", GR_SETTING(convpass_config, conv_init), GRAFT_SETTING_CHOICE, "xavier",
     "identity|xavier", 0, 0, "start of the 3x3 convolution"},
    {.key = NULL},
};

static const gr_init zero = {GR_INIT_ZERO, 0.0f, 0.0f};

static graft_status check(graft_log *log, const void *config, const gr_model_config *model,
                          const gr_methods *methods)
{
    (void)config, (void)model;
    if (gr_methods_have(methods, "vpt_shallow") || gr_methods_have(methods, "vpt_deep"))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "convpass: prompts have no place on the patch grid that it convolves; leave "
                       "out vpt or convpass");
    if (gr_methods_have(methods, "convpass") && gr_methods_have(methods, "convpass_attn"))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "convpass_attn: is the half of convpass; leave one of them out");
    return GRAFT_OK;
}

/* Q(conv3x3(z)) for tokens that have no neighbours: the class token and registers z [B, p, h]. */
static gr_value *centre_tap(gr_value *z, gr_value *weight, gr_value *bias)
{
    if (!weight)
        return NULL;
    int64_t h = weight->shape.dim[0];
    gr_value *tap = gr_slice(gr_slice(weight, 2, 1, 1), 3, 1, 1);
    return gr_linear(z, gr_reshape(tap, GR_SHAPE(h, h)), bias);
}

/* conv3x3 over all tokens z [B, prefix + g g, h]. */
static gr_value *convolve(gr_build *b, const gr_block *at, gr_value *z, gr_value *weight,
                          gr_value *bias)
{
    if (!z)
        return NULL;
    int64_t g = at->grid, h = z->shape.dim[2], n = g * g, prefix = at->prefix;
    if (!prefix) {
        z = gr_conv2d(gr_reshape(z, GR_SHAPE(b->batch, g, g, h)), weight, bias, 1);
        return gr_reshape(z, GR_SHAPE(b->batch, n, h));
    }
    gr_value *patches = gr_reshape(gr_slice(z, 1, prefix, n), GR_SHAPE(b->batch, g, g, h));
    gr_value *parts[] = {
        centre_tap(gr_slice(z, 1, 0, prefix), weight, bias),
        gr_reshape(gr_conv2d(patches, weight, bias, 1), GR_SHAPE(b->batch, n, h)),
    };
    return gr_concat(parts, 2, 1);
}

static gr_value *branch(const void *config, gr_build *b, const gr_block *at, gr_sublayer sublayer,
                        gr_value *x, gr_value *y)
{
    (void)x;
    const convpass_config *c = config;
    const char *name =
        gr_build_name(b, "%s.%s.convpass", at->name, sublayer == GR_SUBLAYER_ATTN ? "attn" : "mlp");
    int64_t dim = at->dim, h = c->h;
    float spread = sqrtf(6.0f / (float)(18 * h));
    gr_init xavier = {GR_INIT_UNIFORM, sqrtf(6.0f / (float)(dim + h)), 0.0f};
    gr_init conv = {c->conv_init == CONV_XAVIER ? GR_INIT_UNIFORM : GR_INIT_CONV_IDENTITY, spread,
                    0.0f};
    gr_value *z =
        gr_quick_gelu(gr_trained_linear(b, gr_build_name(b, "%s.down", name), y, h, xavier));
    gr_value *conv_w =
        gr_build_param(b, gr_build_name(b, "%s.conv.weight", name), GR_SHAPE(h, h, 3, 3), conv);
    gr_value *conv_b = gr_build_param(b, gr_build_name(b, "%s.conv.bias", name), GR_SHAPE(h), zero);
    z = gr_build_dropout(b, gr_quick_gelu(convolve(b, at, z, conv_w, conv_b)), c->dropout);
    z = gr_trained_linear(b, gr_build_name(b, "%s.up", name), z, dim, zero);
    return gr_scale(gr_build_drop_path(b, z, at->index), c->s);
}

static gr_value *branch_attn(const void *config, gr_build *b, const gr_block *at,
                             gr_sublayer sublayer, gr_value *x, gr_value *y)
{
    return sublayer == GR_SUBLAYER_ATTN ? branch(config, b, at, sublayer, x, y) : NULL;
}

const gr_method gr_method_convpass = {
    .name = "convpass",
    .summary = "convolutional bypasses beside attention and MLP",
    .source = "arXiv 2207.07039",
    .options = options,
    .config_bytes = sizeof(convpass_config),
    .check = check,
    .branch = branch,
    .not_foldable = "its bypass is not linear",
};

const gr_method gr_method_convpass_attn = {
    .name = "convpass_attn",
    .summary = "convolutional bypasses beside attention only",
    .source = "arXiv 2207.07039",
    .options = options,
    .config_bytes = sizeof(convpass_config),
    .check = check,
    .branch = branch_attn,
    .not_foldable = "its bypass is not linear",
};
