/* FreqFit: a learnable filter on the spectrum of the patch tokens, before each block and after the
 * last: u = u + scale * irfft2(rfft2(u) * K) + shift (Ly and Nguyen, arXiv 2411.19297).
 * The class token is left alone. */
#include "ops/ops.h"
#include "peft/method.h"

#include <stddef.h>

typedef struct freqfit_config {
    int variant;
} freqfit_config;

static const gr_option options[] = {
    {"variant", GR_OPTION_CHOICE, offsetof(freqfit_config, variant), "2d", 0, 0, "2d",
     "2d: complex filter on the patch grid"},
    {0},
};

/* u [B, n, D] -> the filtered tokens, same shape. */
static gr_value *filter_2d(gr_build *b, const char *name, gr_value *u)
{
    int64_t g = gr_model_grid(b->config), dim = b->config->dim;
    gr_value *k =
        gr_build_param(b, gr_build_name(b, "%s.filter", name), GR_SHAPE(g, g / 2 + 1, dim, 2),
                       (gr_init){GR_INIT_NORMAL, 0.0f, 0.02f});
    gr_value *spectrum = gr_rfft2(gr_reshape(u, GR_SHAPE(b->batch, g, g, dim)));
    gr_value *filtered = gr_irfft2(gr_complex_mul(spectrum, k), g);
    return gr_reshape(filtered, GR_SHAPE(b->batch, g * g, dim));
}

static gr_value *before_block(const void *config, gr_build *b, int block, gr_value *x)
{
    (void)config;
    if (!x)
        return NULL;
    const char *name = gr_build_name(b, "freqfit.%d", block);
    int64_t dim = b->config->dim, tokens = x->shape.dim[1];
    gr_value *cls = gr_slice(x, 1, 0, 1), *u = gr_slice(x, 1, 1, tokens - 1);
    gr_value *scale = gr_build_param(b, gr_build_name(b, "%s.ssf.scale", name), GR_SHAPE(dim),
                                     (gr_init){GR_INIT_NORMAL, 1.0f, 0.02f});
    gr_value *shift = gr_build_param(b, gr_build_name(b, "%s.ssf.shift", name), GR_SHAPE(dim),
                                     (gr_init){GR_INIT_NORMAL, 0.0f, 0.02f});
    gr_value *parts[] = {cls, gr_add(gr_affine(filter_2d(b, name, u), scale, shift), u)};
    return gr_concat(parts, 2, 1);
}

const gr_method gr_method_freqfit = {
    .name = "freqfit",
    .summary = "learnable frequency filters between blocks",
    .source = "arXiv 2411.19297",
    .options = options,
    .config_bytes = sizeof(freqfit_config),
    .before_block = before_block,
    .not_foldable = "its filters act between blocks",
};
