/* LoRA: y = W x + b + (alpha / r) B (A x), A and B of rank r (Hu et al., arXiv 2106.09685). */
#include "ops/ops.h"
#include "peft/method.h"

#include <math.h>
#include <stddef.h>

typedef struct lora_config {
    int r, official;
    float alpha, dropout;
    unsigned targets;
} lora_config;

static const graft_setting options[] = {
    {"r", GR_SETTING(lora_config, r), GRAFT_SETTING_INT, "8", NULL, 1, 4096, "rank of the update"},
    {"alpha", GR_SETTING(lora_config, alpha), GRAFT_SETTING_FLOAT, "8", NULL, -1e6, 1e6,
     "the update is scaled by alpha / r"},
    {"targets", GR_SETTING(lora_config, targets), GRAFT_SETTING_FLAGS, "q,v", GR_TARGET_NAMES, 0, 0,
     "adapted linears"},
    {"dropout", GR_SETTING(lora_config, dropout), GRAFT_SETTING_FLOAT, "0", NULL, 0, 0.99,
     "dropout on the input of A"},
    {"official", GR_SETTING(lora_config, official), GRAFT_SETTING_INT, "0", NULL, 0, 1,
     "1: the scale is rounded down to a whole number, as in FreqFiT's released code"},
    {.key = NULL},
};

static float scale_of(const lora_config *c)
{
    float scale = c->alpha / (float)c->r;
    return c->official ? floorf(scale) : scale;
}

static gr_value *linear(const void *config, gr_build *b, const gr_linear_site *site, gr_value *x,
                        gr_value *y)
{
    const lora_config *c = config;
    if (!(c->targets & site->target) || !x || !site->weight)
        return y;
    int64_t out = site->weight->shape.dim[0], in = site->weight->shape.dim[1];
    gr_init uniform = {GR_INIT_UNIFORM, 1.0f / sqrtf((float)in), 0.0f};
    gr_value *down = gr_build_param(b, gr_build_name(b, "%s.lora_A.weight", site->module),
                                    GR_SHAPE(c->r, in), uniform);
    gr_value *up = gr_build_param(b, gr_build_name(b, "%s.lora_B.weight", site->module),
                                  GR_SHAPE(out, c->r), (gr_init){GR_INIT_ZERO, 0.0f, 0.0f});
    gr_value *z = gr_linear(gr_build_dropout(b, x, c->dropout), down, NULL);
    return gr_add_scaled(y, gr_linear(z, up, NULL), scale_of(c));
}

const gr_method gr_method_lora = {
    .name = "lora",
    .summary = "low-rank updates beside frozen linears",
    .source = "arXiv 2106.09685",
    .options = options,
    .config_bytes = sizeof(lora_config),
    .linear = linear,
};
