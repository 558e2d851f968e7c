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

static const gr_option options[] = {
    {"r", GR_OPTION_INT, offsetof(lora_config, r), "8", 1, 4096, NULL, "rank of the update"},
    {"alpha", GR_OPTION_FLOAT, offsetof(lora_config, alpha), "8", -1e6, 1e6, NULL,
     "the update is scaled by alpha / r"},
    {"targets", GR_OPTION_TARGETS, offsetof(lora_config, targets), "q,v", 0, 0, NULL,
     "adapted linears"},
    {"dropout", GR_OPTION_FLOAT, offsetof(lora_config, dropout), "0", 0, 0.99, NULL,
     "dropout on the input of A"},
    {"official", GR_OPTION_INT, offsetof(lora_config, official), "0", 0, 1, NULL,
     "1: the scale is rounded down to a whole number, as in FreqFiT's released code"},
    {0},
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
