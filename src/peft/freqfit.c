/* FreqFit: a learnable filter on the spectrum of the patch tokens, before each block and after the
 * last: u = u + scale * F(u) + shift (Ly and Nguyen, arXiv 2411.19297). The class token is left
 * alone, except by scale-shift, which has no filter and no residual. */
#include "ops/ops.h"
#include "peft/compose.h"
#include "peft/trained.h"
#include "weights/tensors.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

typedef struct freqfit_config {
    int variant;
} freqfit_config;

enum { COMPLEX_2D, REAL_2D, COMPLEX_1D, COSINE, SCALE_SHIFT };

static const graft_setting options[] = {
    {"variant", GR_SETTING(freqfit_config, variant), GRAFT_SETTING_CHOICE, "2d",
     "2d|2d-real|1d|dct|scale-shift", 0, 0,
     "2d, 2d-real: complex or real filter on the patch grid; 1d: complex filter on the sequence of "
     "prompts and patches; dct: real filter on the cosine spectrum of the grid; scale-shift: all "
     "tokens scaled and shifted, no filter"},
    {.key = NULL},
};

static graft_status check(graft_log *log, const void *config, const gr_model_config *model,
                          const gr_methods *methods)
{
    int variant = ((const freqfit_config *)config)->variant;
    bool prompts = gr_methods_have(methods, "vpt_shallow") || gr_methods_have(methods, "vpt_deep");
    if (model->family != GR_FAMILY_VIT)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "freqfit: a Swin's grid is not the same for all blocks; choose another "
                       "method, such as ssf or convpass, or a plain ViT");
    if (prompts && variant != COMPLEX_1D && variant != SCALE_SHIFT)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "freqfit: prompts have no place on the patch grid; use `set` "
                       "freqfit.variant=1d");
    return GRAFT_OK;
}

/* A learned filter fits one size of images only. */
static bool has_size(gr_build *b, const char *name, const gr_shape *shape)
{
    const gr_tensor *t = b->adapter ? gr_tensors_find(b->adapter, name) : NULL;
    if (!t || t->shape.rank != shape->rank || t->shape.dim[0] == shape->dim[0])
        return true;
    long long old = t->shape.dim[0], patch = b->config->patch_size, now = gr_model_grid(b->config);
    bool sequence = shape->rank == 3 && shape->dim[2] == 2;
    if (!sequence)
        gr_graph_fail(b->graph, GRAFT_ERR_SHAPE,
                      "%s: learned on a grid of %lldx%lld patches, found one of %lldx%lld; use "
                      "images of %lldx%lld pixels",
                      name, old, old, now, now, old * patch, old * patch);
    else
        gr_graph_fail(b->graph, GRAFT_ERR_SHAPE,
                      "%s: learned on %lld frequencies, a grid of %lldx%lld patches has %lld; use "
                      "images and prompts as in training",
                      name, old, now, now, (long long)shape->dim[0]);
    return false;
}

static gr_value *filter(gr_build *b, const char *module, gr_shape shape)
{
    const char *name = gr_build_name(b, "%s.filter", module);
    if (!has_size(b, name, &shape))
        return NULL;
    return gr_build_param(b, name, shape, (gr_init){GR_INIT_NORMAL, 0.0f, 0.02f});
}

/* Filters the complex spectrum of u [B, rows * cols, D], on a grid or, with one row, a sequence. */
static gr_value *filter_complex(gr_build *b, gr_value *u, int64_t rows, int64_t cols, gr_value *k)
{
    int64_t dim = u->shape.dim[2];
    gr_value *spectrum = gr_rfft2(gr_reshape(u, GR_SHAPE(b->batch, rows, cols, dim)));
    gr_value *filtered = gr_irfft2(gr_complex_mul(spectrum, k), cols);
    return gr_reshape(filtered, GR_SHAPE(b->batch, rows * cols, dim));
}

/* A real filter is a complex one without imaginary parts. */
static gr_value *as_complex(gr_value *k)
{
    if (!k)
        return NULL;
    gr_shape s = k->shape;
    k = gr_reshape(k, GR_SHAPE(s.dim[0], s.dim[1], s.dim[2], 1));
    return gr_concat_at(&k, (int64_t[]){0}, 1, 3, 2);
}

/* The two-dimensional cosine transform of a g x g grid as one matrix [g g, g g]. */
static gr_value *cosine_matrix(gr_build *b, int64_t g)
{
    const char *name = gr_build_name(b, "dct.%lld", (long long)g);
    gr_value *found = gr_graph_find(b->graph, name);
    int64_t n = g * g;
    float *m = found ? NULL : gr_graph_memory(b->graph, (size_t)(n * n) * sizeof(*m));
    double *c = found ? NULL : gr_graph_memory(b->graph, (size_t)n * sizeof(*c));
    if (!m || !c)
        return found;
    for (int64_t k = 0; k < g; k++)
        for (int64_t j = 0; j < g; j++)
            c[k * g + j] =
                sqrt((k ? 2.0 : 1.0) / (double)g) *
                cos(3.14159265358979323846 * (double)((2 * j + 1) * k) / (double)(2 * g));
    for (int64_t row = 0; row < n; row++)
        for (int64_t col = 0; col < n; col++)
            m[row * n + col] = (float)(c[row / g * g + col / g] * c[row % g * g + col % g]);
    return gr_graph_frozen(b->graph, name, GR_SHAPE(n, n), GR_F32, m);
}

/* M^T (K * (M u)) for u [B, n, D] and K [g, g, D]; channels first, as products need them. */
static gr_value *filter_cosine(gr_build *b, gr_value *u, gr_value *k)
{
    int64_t n = u->shape.dim[1], dim = u->shape.dim[2];
    gr_value *m = cosine_matrix(b, gr_model_grid(b->config));
    gr_value *spectrum = gr_matmul(gr_transpose(u), gr_transpose(m), NULL, 1.0f);
    spectrum = gr_mul(spectrum, gr_transpose(gr_reshape(k, GR_SHAPE(n, dim))));
    return gr_transpose(gr_matmul(spectrum, m, NULL, 1.0f));
}

/* u [B, n, D], the tokens without the class token -> filtered, same shape. */
static gr_value *filtered(gr_build *b, int variant, const char *name, gr_value *u)
{
    int64_t g = gr_model_grid(b->config), n = u->shape.dim[1], dim = u->shape.dim[2];
    switch (variant) {
    case COMPLEX_1D:
        return filter_complex(b, u, 1, n,
                              gr_reshape(filter(b, name, GR_SHAPE(n / 2 + 1, dim, 2)),
                                         GR_SHAPE(1, n / 2 + 1, dim, 2)));
    case COSINE:
        return filter_cosine(b, u, filter(b, name, GR_SHAPE(g, g, dim)));
    case REAL_2D:
        return filter_complex(b, u, g, g, as_complex(filter(b, name, GR_SHAPE(g, g / 2 + 1, dim))));
    default:
        return filter_complex(b, u, g, g, filter(b, name, GR_SHAPE(g, g / 2 + 1, dim, 2)));
    }
}

static gr_value *before_block(const void *config, gr_build *b, int block, gr_value *x)
{
    int variant = ((const freqfit_config *)config)->variant;
    const char *name = gr_build_name(b, "freqfit.%d", block);
    if (!x || variant == SCALE_SHIFT)
        return gr_trained_scale_shift(b, name, x);
    int64_t prefix = gr_model_prefix(b->config);
    gr_value *u = prefix ? gr_slice(x, 1, prefix, x->shape.dim[1] - prefix) : x;
    if (!u)
        return NULL;
    u = gr_add(gr_trained_scale_shift(b, name, filtered(b, variant, name, u)), u);
    return prefix ? gr_concat((gr_value *[]){gr_slice(x, 1, 0, prefix), u}, 2, 1) : u;
}

const gr_method gr_method_freqfit = {
    .name = "freqfit",
    .summary = "learnable frequency filters between blocks",
    .source = "arXiv 2411.19297",
    .options = options,
    .config_bytes = sizeof(freqfit_config),
    .check = check,
    .before_block = before_block,
    .not_foldable = "it acts on the residual stream between blocks, where there are no weights",
};
