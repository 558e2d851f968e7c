/* IA3: trained vectors scale the outputs of linears, y = l (W x + b), and the inputs of others,
 * y = W (l x) + b: keys, values and the hidden layer of the MLP (Liu et al., arXiv 2205.05638,
 * section 3.3; the split into outputs and inputs is that of peft). */
#include "ops/ops.h"
#include "peft/compose.h"

#include <stddef.h>

typedef struct ia3_config {
    unsigned targets, feedforward;
} ia3_config;

static const graft_setting options[] = {
    {"targets", GR_SETTING(ia3_config, targets), GRAFT_SETTING_FLAGS, "k,v,fc2", GR_TARGET_NAMES, 0,
     0, "adapted linears"},
    {"feedforward", GR_SETTING(ia3_config, feedforward), GRAFT_SETTING_FLAGS, "fc2",
     GR_TARGET_NAMES, 0, 0, "of these the input is scaled, not the output: proj, fc1 or fc2"},
    {.key = NULL},
};

static graft_status check(graft_log *log, const void *config, const gr_model_config *model,
                          const gr_methods *methods)
{
    const ia3_config *c = config;
    (void)model, (void)methods;
    if (c->targets & c->feedforward & GR_TARGET_QKV)
        return gr_fail(
            log, GRAFT_ERR_ARGUMENT,
            "ia3.feedforward: q, k and v have one input together, which cannot be scaled "
            "for one of them; leave them out of it");
    return GRAFT_OK;
}

/* "module.ia3_l" [count], which starts at one. */
static gr_value *factors(gr_build *b, const gr_linear_site *site, int64_t count)
{
    return gr_build_param(b, gr_build_name(b, "%s.ia3_l", site->module), GR_SHAPE(count),
                          (gr_init){GR_INIT_CONSTANT, 1.0f, 0.0f});
}

static gr_value *scale_input(const void *config, gr_build *b, const gr_linear_site *site,
                             gr_value *x)
{
    const ia3_config *c = config;
    if (!(c->targets & c->feedforward & site->target) || !site->weight)
        return x;
    return gr_mul(x, factors(b, site, site->weight->shape.dim[1]));
}

static gr_value *linear(const void *config, gr_build *b, const gr_linear_site *site, gr_value *x,
                        gr_value *y)
{
    const ia3_config *c = config;
    (void)x;
    if (!(c->targets & ~c->feedforward & site->target) || !site->weight)
        return y;
    return gr_mul(y, factors(b, site, site->weight->shape.dim[0]));
}

const gr_method gr_method_ia3 = {
    .name = "ia3",
    .summary = "scales of keys, values and the hidden layer of MLPs",
    .source = "arXiv 2205.05638",
    .options = options,
    .config_bytes = sizeof(ia3_config),
    .check = check,
    .scale_input = scale_input,
    .linear = linear,
};
