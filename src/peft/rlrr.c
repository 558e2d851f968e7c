/* RLRR: a frozen weight is rescaled by a rank-one matrix with a residual,
 * W' = W + W * (scale_out outer scale_in), b' = b + shift, and every norm gets a scale and a shift
 * (Dong et al., arXiv 2403.19067). */
#include "ops/ops.h"
#include "peft/method.h"
#include "peft/trained.h"

#include <math.h>

static gr_value *module_param(gr_build *b, const char *module, const char *name, int64_t count,
                              gr_init init)
{
    return gr_build_param(b, gr_build_name(b, "%s.%s", module, name), GR_SHAPE(count), init);
}

/* Start values are Kaiming uniform on the official code's 2-d shapes (1, in) and (out, 1), whose
 * fan-ins are `in` and 1: the tuned weight does not start at the pretrained one. */
static void weight(const void *config, gr_build *b, gr_linear_site *site)
{
    (void)config;
    if (!site->weight)
        return;
    int64_t out = site->weight->shape.dim[0], in = site->weight->shape.dim[1];
    gr_value *scale_in = module_param(b, site->module, "rlrr.scale_in", in,
                                      (gr_init){GR_INIT_UNIFORM, sqrtf(6.0f / (float)in), 0.0f});
    gr_value *scale_out = module_param(b, site->module, "rlrr.scale_out", out,
                                       (gr_init){GR_INIT_UNIFORM, sqrtf(6.0f), 0.0f});
    gr_value *shift =
        module_param(b, site->module, "rlrr.shift", out, (gr_init){GR_INIT_ZERO, 0.0f, 0.0f});
    site->weight = gr_outer_scale(site->weight, scale_out, scale_in);
    site->bias = site->bias ? gr_add(site->bias, shift) : shift;
}

/* Norms have a scale and a shift, and the patch embedding, but not Swin's, as in the official code.
 */
static bool has_scale(gr_point point, const gr_model_config *model)
{
    return point == GR_POINT_NORM || (point == GR_POINT_EMBED && model->family == GR_FAMILY_VIT);
}

static gr_value *output(const void *config, gr_build *b, gr_point point, const char *module,
                        gr_value *y)
{
    (void)config;
    return has_scale(point, b->config) ? gr_trained_scale_shift(b, module, y) : y;
}

const gr_method gr_method_rlrr = {
    .name = "rlrr",
    .summary = "low-rank rescaling of frozen weights with a residual",
    .source = "arXiv 2403.19067",
    .fused_qkv = true,
    .weight = weight,
    .output = output,
};
