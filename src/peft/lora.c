/* LoRA: y = W x + b + (alpha / r) B (A x), A and B of rank r (Hu et al., arXiv 2106.09685). */
#include "ops/ops.h"
#include "peft/compose.h"
#include "peft/low_rank.h"

#include <math.h>
#include <stddef.h>

typedef struct lora_config {
    gr_low_rank low;
    int official;
} lora_config;

static const graft_setting options[] = {
    GR_LOW_RANK_SETTINGS(lora_config),
    {"official", GR_SETTING(lora_config, official), GRAFT_SETTING_INT, "0", NULL, 0, 1,
     "1: the scale is rounded down to a whole number, as in FreqFiT's released code"},
    {.key = NULL},
};

static graft_status check(graft_log *log, const void *config, const gr_model_config *model,
                          const gr_methods *methods)
{
    (void)model, (void)methods;
    return gr_low_rank_check(log, &((const lora_config *)config)->low, "lora");
}

static float scale_of(const void *config, const char *module, int rank)
{
    const lora_config *c = config;
    float scale = gr_low_rank_module_scale(&c->low, module, rank);
    return c->official ? floorf(scale) : scale;
}

static gr_value *linear(const void *config, gr_build *b, const gr_linear_site *site, gr_value *x,
                        gr_value *y)
{
    const lora_config *c = config;
    gr_value *down, *up;
    int rank = gr_low_rank_of(&c->low, site);
    if (!rank || !x)
        return y;
    gr_low_rank_factors(b, site, rank, &down, &up);
    gr_value *z = gr_linear(gr_build_dropout(b, x, c->low.dropout), down, NULL);
    return gr_add_scaled(y, gr_linear(z, up, NULL), scale_of(config, site->module, rank));
}

const gr_method gr_method_lora = {
    .name = "lora",
    .summary = "low-rank updates beside frozen linears",
    .source = "arXiv 2106.09685",
    .options = options,
    .config_bytes = sizeof(lora_config),
    .check = check,
    .linear = linear,
    .low_rank_scale = scale_of,
};
