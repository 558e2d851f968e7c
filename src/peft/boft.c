/* BOFT: a frozen weight is turned by block-diagonal rotations between butterfly permutations, and
 * its rows are scaled: W' = diag(s) W (B_{m-1} .. B_0)^T, B_k = P_k diag(Q_k) P_k^T with Q the
 * Cayley transform of trained blocks R (Liu et al., arXiv 2311.06243).
 *
 * P_k sorts: the inputs are cut into pieces of half a block, and in each run of 2^(k+1) pieces the
 * even ones come first. Acting on the weight and not on activations, it costs nothing per token. */
#include "ops/ops.h"
#include "peft/compose.h"
#include "peft/trained.h"

#include <stddef.h>

typedef struct boft_config {
    int block, factors, train_bias, official;
    unsigned targets;
} boft_config;

enum { MAX_BLOCK = 64, MAX_FACTORS = 16 };

static const graft_setting options[] = {
    {"block_size", GR_SETTING(boft_config, block), GRAFT_SETTING_INT, "4", NULL, 2, MAX_BLOCK,
     "width of the rotated blocks"},
    {"n_butterfly_factor", GR_SETTING(boft_config, factors), GRAFT_SETTING_INT, "2", NULL, 1,
     MAX_FACTORS, "number of rotations, one after the other"},
    {"targets", GR_SETTING(boft_config, targets), GRAFT_SETTING_FLAGS, "q,k,v,proj,fc1,fc2",
     GR_TARGET_NAMES, 0, 0, "adapted linears"},
    {"train_bias", GR_SETTING(boft_config, train_bias), GRAFT_SETTING_INT, "0", NULL, 0, 1,
     "1: the biases of the adapted linears are trained, too"},
    {"official", GR_SETTING(boft_config, official), GRAFT_SETTING_INT, "0", NULL, 0, 1,
     "1: one rotation whatever n_butterfly_factor says, as peft does without its CUDA extension"},
    {.key = NULL},
};

static int factors_of(const boft_config *c)
{
    return c->official ? 1 : c->factors;
}

static bool trains(const void *config, const char *tensor)
{
    const boft_config *c = config;
    return c->train_bias && gr_is_bias_of(tensor, c->targets);
}

/* Blocks fill the input of every target, and the runs of pieces do, too. */
static graft_status check(graft_log *log, const void *config, const gr_model_config *model,
                          const gr_methods *methods)
{
    const boft_config *c = config;
    GR_TRY(gr_check_train_bias(log, "boft", c->train_bias, model));
    (void)methods;
    int m = factors_of(c), widths[] = {model->dim, model->hidden};
    if (m > 1 && c->block % 2)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "boft.block_size=%d: several rotations cut blocks in halves; use an even "
                       "block_size, or `set` boft.n_butterfly_factor=1",
                       c->block);
    int known = model->family == GR_FAMILY_OWN ? 0 : c->targets & GR_TARGET_FC2 ? 2 : 1;
    for (int i = 0; i < known; i++)
        if (widths[i] % ((int64_t)c->block << (m - 1)))
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "boft: %d rotations of blocks of %d need multiples of %lld, and the "
                           "backbone has a width of %d; choose a smaller boft.block_size or "
                           "boft.n_butterfly_factor",
                           m, c->block, (long long)c->block << (m - 1), widths[i]);
    return GRAFT_OK;
}

/* x [out, in] with its columns sorted by P_k, or put back. */
static gr_value *permuted(gr_value *x, int64_t block, int k, bool sort)
{
    if (!x || k == 0)
        return x;
    gr_shape shape = x->shape;
    int64_t pieces = (int64_t)1 << k, run = block * pieces;
    x = gr_reshape(x, GR_SHAPE(shape.dim[0], shape.dim[1] / run, sort ? pieces : 2,
                               sort ? 2 : pieces, block / 2));
    return gr_reshape(gr_permute(x, (int[]){0, 1, 3, 2, 4}), shape);
}

/* w [out, in] times B^T, with the rotations q [in / b, b, b]. */
static gr_value *turned(gr_value *w, gr_value *q, int64_t block, int k)
{
    if (!w || !q)
        return NULL;
    gr_shape shape = w->shape;
    int64_t blocks = shape.dim[1] / block;
    w = gr_reshape(permuted(w, block, k, false), GR_SHAPE(shape.dim[0], blocks, block));
    w = gr_matmul(gr_permute(w, (int[]){1, 0, 2}), gr_transpose(q), NULL, 1.0f);
    w = gr_reshape(gr_permute(w, (int[]){1, 0, 2}), shape);
    return permuted(w, block, k, true);
}

static void weight(const void *config, gr_build *b, gr_linear_site *site)
{
    const boft_config *c = config;
    if (!(c->targets & site->target) || !site->weight)
        return;
    int64_t out = site->weight->shape.dim[0], in = site->weight->shape.dim[1];
    int64_t block = c->block, blocks = in / block, m = factors_of(c);
    if (in % (block << (m - 1))) {
        gr_graph_fail(b->graph, GRAFT_ERR_ARGUMENT,
                      "%s: an input of %lld is no multiple of %lld, which %lld rotations of blocks "
                      "of %d need; choose a smaller boft.block_size or boft.n_butterfly_factor",
                      site->module, (long long)in, (long long)(block << (m - 1)), (long long)m,
                      c->block);
        return;
    }
    gr_value *r =
        gr_build_param(b, gr_build_name(b, "%s.boft_R", site->module),
                       GR_SHAPE(m, blocks, block, block), (gr_init){GR_INIT_ZERO, 0.0f, 0.0f});
    gr_value *s = gr_build_param(b, gr_build_name(b, "%s.boft_s", site->module), GR_SHAPE(out, 1),
                                 (gr_init){GR_INIT_CONSTANT, 1.0f, 0.0f});
    gr_value *q = gr_cayley(r), *w = site->weight;
    for (int k = 0; k < m; k++) {
        gr_value *factor = gr_reshape(gr_slice(q, 0, k, 1), GR_SHAPE(blocks, block, block));
        w = turned(w, factor, block, k);
    }
    site->weight = gr_transpose(gr_mul(gr_transpose(w), gr_reshape(s, GR_SHAPE(out))));
}

const gr_method gr_method_boft = {
    .name = "boft",
    .summary = "frozen weights turned by butterflies of small rotations",
    .source = "arXiv 2311.06243",
    .options = options,
    .config_bytes = sizeof(boft_config),
    .check = check,
    .trains = trains,
    .weight = weight,
};
