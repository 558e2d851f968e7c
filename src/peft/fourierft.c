/* FourierFT: W' = W + scaling Re(ifft2(E)), E zero but for n trained coefficients at random places
 * that are the same for all linears of one shape (Gao et al., arXiv 2405.03003). The places are
 * torch.randperm's, as in peft, so that a seed stands for them. */
#include "base/mt19937.h"
#include "ops/ops.h"
#include "peft/compose.h"
#include "peft/trained.h"
#include "weights/tensors.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct fourierft_config {
    int n, seed, train_bias;
    float scaling;
    unsigned targets;
} fourierft_config;

static const graft_setting options[] = {
    {"n_frequency", GR_SETTING(fourierft_config, n), GRAFT_SETTING_INT, "3000", NULL, 1, 1e9,
     "trained coefficients of each linear"},
    {"scaling", GR_SETTING(fourierft_config, scaling), GRAFT_SETTING_FLOAT, "300", NULL, -1e6, 1e6,
     "scale of the update; 300 suits width 768, narrower models less: 19 suits width 192"},
    {"random_loc_seed", GR_SETTING(fourierft_config, seed), GRAFT_SETTING_INT, "777", NULL, 0,
     2147483647, "seed of the places of the coefficients"},
    {"targets", GR_SETTING(fourierft_config, targets), GRAFT_SETTING_FLAGS, "q,k,v,proj,fc1,fc2",
     GR_TARGET_NAMES, 0, 0, "adapted linears"},
    {"train_bias", GR_SETTING(fourierft_config, train_bias), GRAFT_SETTING_INT, "0", NULL, 0, 1,
     "1: the biases of the adapted linears are trained, too"},
    {.key = NULL},
};

static const char INDICES[] = "fourierft_indices";

static bool trains(const void *config, const char *tensor)
{
    const fourierft_config *c = config;
    return c->train_bias && gr_is_bias_of(tensor, c->targets);
}

static graft_status check(graft_log *log, const void *config, const gr_model_config *model,
                          const gr_methods *methods)
{
    (void)methods;
    return gr_check_train_bias(log, "fourierft", ((const fourierft_config *)config)->train_bias,
                               model);
}

static bool keeps(const char *tensor)
{
    const char *dot = strrchr(tensor, '.');
    return dot && strcmp(dot + 1, INDICES) == 0;
}

/* Rows and columns [2, n] to places in row-major order. Returns what is wrong with them, or NULL.
 */
static const char *read_places(const gr_tensor *t, int64_t n, int64_t out, int64_t in,
                               int32_t *places)
{
    gr_shape shape = GR_SHAPE(2, n);
    if (!gr_shape_equal(&t->shape, &shape))
        return "expected rows and columns [2, fourierft.n_frequency]";
    int64_t *both = malloc(2 * (size_t)n * sizeof(*both));
    if (!both)
        return "out of memory";
    const char *wrong = gr_tensor_to_i64(NULL, t, both) == GRAFT_OK ? NULL : "expected integers";
    for (int64_t j = 0; j < n && !wrong; j++) {
        if (both[j] < 0 || both[j] >= out || both[n + j] < 0 || both[n + j] >= in)
            wrong = "a place lies outside the weight";
        else
            places[j] = (int32_t)(both[j] * in + both[n + j]);
    }
    free(both);
    return wrong;
}

/* Fills places[n]: those of the adapter's tensor "module.fourierft_indices", or drawn ones. */
static const char *find_places(const fourierft_config *c, const struct gr_tensors *adapter,
                               const char *name, int64_t out, int64_t in, int32_t *places)
{
    const gr_tensor *t = adapter ? gr_tensors_find(adapter, name) : NULL;
    gr_mt19937 generator;
    if (t)
        return read_places(t, c->n, out, in, places);
    gr_mt19937_seed(&generator, (uint32_t)c->seed);
    return gr_torch_randperm(&generator, (int32_t)(out * in), c->n, places) ? NULL
                                                                            : "out of memory";
}

/* The places as a value: one for a linear that has its own, else one for all of its shape. */
static gr_value *places_of(const fourierft_config *c, gr_build *b, const gr_linear_site *site)
{
    int64_t out = site->weight->shape.dim[0], in = site->weight->shape.dim[1];
    const char *name = gr_build_name(b, "%s.%s", site->module, INDICES);
    if (!b->adapter || !gr_tensors_find(b->adapter, name))
        name = gr_build_name(b, "fourierft.%lldx%lld", (long long)out, (long long)in);
    gr_value *found = gr_graph_find(b->graph, name);
    if (found)
        return found;
    int32_t *places = gr_graph_memory(b->graph, (size_t)c->n * sizeof(*places));
    if (!places)
        return NULL;
    const char *wrong = find_places(c, b->adapter, name, out, in, places);
    if (wrong)
        return gr_graph_fail(b->graph, GRAFT_ERR_SHAPE, "%s: %s", name, wrong);
    return gr_graph_frozen_i32(b->graph, name, GR_SHAPE(c->n), places);
}

static void weight(const void *config, gr_build *b, gr_linear_site *site)
{
    const fourierft_config *c = config;
    if (!(c->targets & site->target) || !site->weight)
        return;
    gr_shape shape = site->weight->shape;
    int64_t count = gr_shape_count(&shape);
    if (c->n > count || count > INT32_MAX) {
        gr_graph_fail(b->graph, GRAFT_ERR_ARGUMENT,
                      "%s: fourierft.n_frequency=%d, but the weight has %lld places; choose fewer",
                      site->module, c->n, (long long)count);
        return;
    }
    gr_value *spectrum = gr_build_param(b, gr_build_name(b, "%s.fourierft_spectrum", site->module),
                                        GR_SHAPE(c->n), (gr_init){GR_INIT_NORMAL, 0.0f, 1.0f});
    gr_value *update = gr_real_dft2(gr_scatter(spectrum, places_of(c, b, site), shape));
    site->weight = gr_add_scaled(site->weight, update, c->scaling / (float)count);
}

const gr_method gr_method_fourierft = {
    .name = "fourierft",
    .summary = "updates of frozen weights by a few Fourier coefficients",
    .source = "arXiv 2405.03003",
    .options = options,
    .config_bytes = sizeof(fourierft_config),
    .check = check,
    .trains = trains,
    .keeps = keeps,
    .weight = weight,
};
