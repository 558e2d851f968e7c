/* Adapter: a bottleneck after the MLP, m + up(gelu(down(m))) (Houlsby et al., arXiv 1902.00751, in
 * the form of Pfeiffer et al., arXiv 2005.00247). */
#include "ops/ops.h"
#include "peft/method.h"
#include "peft/trained.h"

#include <math.h>
#include <stddef.h>

typedef struct adapter_config {
    int reduction, h, official;
} adapter_config;

static const graft_setting options[] = {
    {"reduction", GR_SETTING(adapter_config, reduction), GRAFT_SETTING_INT, "8", NULL, 1, 4096,
     "the bottleneck is this many times narrower than the tokens"},
    {"h", GR_SETTING(adapter_config, h), GRAFT_SETTING_INT, "0", NULL, 0, 65536,
     "width of the bottleneck, in place of reduction; 0: by reduction"},
    {"official", GR_SETTING(adapter_config, official), GRAFT_SETTING_INT, "0", NULL, 0, 1,
     "1: both weights start at zero as in the released code, where only up.bias ever learns"},
    {.key = NULL},
};

static gr_value *output(const void *config, gr_build *b, gr_point point, const char *module,
                        gr_value *y)
{
    const adapter_config *c = config;
    if (point != GR_POINT_MLP || !y)
        return y;
    int64_t dim = y->shape.dim[y->shape.rank - 1], h = dim / c->reduction;
    h = c->h ? c->h : h ? h : 1;
    gr_init zero = {GR_INIT_ZERO, 0.0f, 0.0f};
    gr_init down = {GR_INIT_UNIFORM, 1.0f / sqrtf((float)dim), 0.0f};
    gr_value *z = gr_trained_linear(b, gr_build_name(b, "%s.adapter.down", module), y, h,
                                    c->official ? zero : down);
    z = gr_trained_linear(b, gr_build_name(b, "%s.adapter.up", module), gr_gelu(z), dim, zero);
    return gr_add(y, z);
}

const gr_method gr_method_adapter = {
    .name = "adapter",
    .summary = "bottlenecks after the MLPs",
    .source = "arXiv 2005.00247",
    .options = options,
    .config_bytes = sizeof(adapter_config),
    .output = output,
    .not_foldable = "its bottleneck is not linear",
};
