/* AdaptFormer: a bottleneck beside the MLP that reads the stream before its norm,
 * s * up(drop(relu(down(x)))) (Chen et al., arXiv 2205.13535). */
#include "ops/ops.h"
#include "peft/method.h"
#include "peft/trained.h"

#include <math.h>
#include <stddef.h>

typedef struct adaptformer_config {
    int h;
    float s, dropout;
} adaptformer_config;

static const graft_setting options[] = {
    {"h", GR_SETTING(adaptformer_config, h), GRAFT_SETTING_INT, "64", NULL, 1, 65536,
     "bottleneck width"},
    {"s", GR_SETTING(adaptformer_config, s), GRAFT_SETTING_FLOAT, "0.1", NULL, -1e6, 1e6,
     "scale of the branch"},
    {"dropout", GR_SETTING(adaptformer_config, dropout), GRAFT_SETTING_FLOAT, "0.1", NULL, 0, 0.99,
     "dropout on the bottleneck"},
    {.key = NULL},
};

static gr_value *branch(const void *config, gr_build *b, const gr_block *block,
                        gr_sublayer sublayer, gr_value *x, gr_value *y)
{
    const adaptformer_config *c = config;
    (void)y;
    if (sublayer != GR_SUBLAYER_MLP)
        return NULL;
    const char *name = gr_build_name(b, "%s.mlp.adaptformer", block->name);
    gr_init down = {GR_INIT_UNIFORM, 1.0f / sqrtf((float)block->dim), 0.0f};
    gr_value *z = gr_trained_linear(b, gr_build_name(b, "%s.down", name), x, c->h, down);
    z = gr_build_dropout(b, gr_relu(z), c->dropout);
    z = gr_trained_linear(b, gr_build_name(b, "%s.up", name), z, block->dim,
                          (gr_init){GR_INIT_ZERO, 0.0f, 0.0f});
    return gr_scale(z, c->s);
}

const gr_method gr_method_adaptformer = {
    .name = "adaptformer",
    .summary = "bottlenecks beside the MLPs",
    .source = "arXiv 2205.13535",
    .options = options,
    .config_bytes = sizeof(adaptformer_config),
    .branch = branch,
    .not_foldable = "its bottleneck is not linear",
};
