/* VeRA: y = W x + b + lambda_b * (B (lambda_d * (A x))), A and B random, frozen and the same for
 * the whole model (Kopiczko et al., arXiv 2310.11454). They are drawn as peft draws them: from
 * torch's generator on the CPU, so that the seed alone stands for them. */
#include "base/mt19937.h"
#include "ops/ops.h"
#include "peft/compose.h"
#include "peft/trained.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

typedef struct vera_config {
    int r, seed, train_bias;
    float dropout;
    unsigned targets;
} vera_config;

static const graft_setting options[] = {
    {"r", GR_SETTING(vera_config, r), GRAFT_SETTING_INT, "256", NULL, 1, 65536,
     "rank of the shared projections"},
    {"targets", GR_SETTING(vera_config, targets), GRAFT_SETTING_FLAGS, "q,k,v,proj,fc1,fc2",
     GR_TARGET_NAMES, 0, 0, "adapted linears"},
    {"projection_prng_key", GR_SETTING(vera_config, seed), GRAFT_SETTING_INT, "0", NULL, 0,
     2147483647, "seed of the projections"},
    {"dropout", GR_SETTING(vera_config, dropout), GRAFT_SETTING_FLOAT, "0", NULL, 0, 0.99,
     "dropout on the input of A"},
    {"train_bias", GR_SETTING(vera_config, train_bias), GRAFT_SETTING_INT, "0", NULL, 0, 1,
     "1: the biases of the adapted linears are trained, too"},
    {.key = NULL},
};

static bool trains(const void *config, const char *tensor)
{
    const vera_config *c = config;
    return c->train_bias && gr_is_bias_of(tensor, c->targets);
}

static graft_status check(graft_log *log, const void *config, const gr_model_config *model,
                          const gr_methods *methods)
{
    (void)methods;
    return gr_check_train_bias(log, "vera", ((const vera_config *)config)->train_bias, model);
}

static bool keeps(const char *tensor)
{
    return strcmp(tensor, "vera_A") == 0 || strcmp(tensor, "vera_B") == 0;
}

/* A [r, in] and B [out, r] serve the widest input and output among the targets. */
typedef struct projections {
    int64_t in, out, r;
} projections;

static projections size_of(const vera_config *c, const gr_model_config *model)
{
    if (model->family == GR_FAMILY_OWN)
        return (projections){.in = model->hidden, .out = model->hidden, .r = c->r};
    int last = model->stages ? model->stages - 1 : 0;
    int64_t dim = (int64_t)model->dim << last, hidden = (int64_t)model->hidden << last;
    int64_t gated = model->swiglu ? 2 : 1;
    return (projections){
        .in = c->targets & GR_TARGET_FC2 ? hidden : dim,
        .out = c->targets & GR_TARGET_FC1 ? gated * hidden : dim,
        .r = c->r,
    };
}

static void draw(const vera_config *c, const projections *p, float *a, float *b)
{
    gr_mt19937 generator;
    float bound_a = sqrtf(6.0f / (float)p->in), bound_b = sqrtf(6.0f / (float)p->r);
    gr_mt19937_seed(&generator, (uint32_t)c->seed);
    gr_torch_uniform(&generator, -bound_a, bound_a, (size_t)(p->r * p->in), a);
    gr_torch_uniform(&generator, -bound_b, bound_b, (size_t)(p->out * p->r), b);
}

/* Puts both into the graph, from the adapter or drawn. Only shapes are needed without weights. */
static void add_projections(const vera_config *c, gr_build *b, const projections *p)
{
    gr_shape shape_a = GR_SHAPE(p->r, p->in), shape_b = GR_SHAPE(p->out, p->r);
    if (gr_build_adapter_tensor(b, "vera_A", shape_a) &&
        gr_build_adapter_tensor(b, "vera_B", shape_b))
        return;
    float *a = NULL, *up = NULL;
    if (b->weights || b->from_scratch) {
        a = gr_graph_memory(b->graph, (size_t)gr_shape_count(&shape_a) * sizeof(*a));
        up = gr_graph_memory(b->graph, (size_t)gr_shape_count(&shape_b) * sizeof(*up));
        if (!a || !up)
            return;
        draw(c, p, a, up);
    }
    gr_graph_frozen(b->graph, "vera_A", shape_a, GR_F32, a);
    gr_graph_frozen(b->graph, "vera_B", shape_b, GR_F32, up);
}

static gr_value *linear(const void *config, gr_build *b, const gr_linear_site *site, gr_value *x,
                        gr_value *y)
{
    const vera_config *c = config;
    if (!(c->targets & site->target) || !x || !site->weight)
        return y;
    int64_t out = site->weight->shape.dim[0], in = site->weight->shape.dim[1];
    projections p = size_of(c, b->config);
    if (!gr_graph_find(b->graph, "vera_A"))
        add_projections(c, b, &p);
    gr_value *down = gr_slice(gr_graph_find(b->graph, "vera_A"), 1, 0, in);
    gr_value *up = gr_slice(gr_graph_find(b->graph, "vera_B"), 0, 0, out);
    gr_value *lambda_d = gr_build_param(b, gr_build_name(b, "%s.vera_lambda_d", site->module),
                                        GR_SHAPE(p.r), (gr_init){GR_INIT_CONSTANT, 0.1f, 0.0f});
    gr_value *lambda_b = gr_build_param(b, gr_build_name(b, "%s.vera_lambda_b", site->module),
                                        GR_SHAPE(out), (gr_init){GR_INIT_ZERO, 0.0f, 0.0f});
    gr_value *z = gr_mul(gr_linear(gr_build_dropout(b, x, c->dropout), down, NULL), lambda_d);
    return gr_add(y, gr_mul(gr_linear(z, up, NULL), lambda_b));
}

const gr_method gr_method_vera = {
    .name = "vera",
    .summary = "scales of one pair of random projections beside all linears",
    .source = "arXiv 2310.11454",
    .options = options,
    .config_bytes = sizeof(vera_config),
    .check = check,
    .trains = trains,
    .keeps = keeps,
    .linear = linear,
};
