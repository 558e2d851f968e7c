/* Two-dimensional real Fourier transforms over axes 1 and 2 of [B, H, W, D]: one pass for each
 * axis. Grids of vision transformers are small (14 x 14), and there a direct sum with a table of
 * twiddles is simple, exact to rounding and fast. For longer axes, such as the 197 tokens of a
 * class token and a grid, a vendor library is a candidate. */
#include "ops/op.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/dft.gk.h"
#include "shaders/fft_pair.gk.h"

#include <math.h>
#include <stdio.h>

/* Modes of shaders/dft.gk. */
enum {
    REAL_TO_HALF = 0,
    COMPLEX_FORWARD = 1,
    COMPLEX_INVERSE = 2,
    HALF_TO_REAL = 3,
    REAL_TO_HALF_ADJOINT = 4,
    HALF_TO_REAL_ADJOINT = 5,
};

/* (cos, sin) of 2 pi t / n for t < n, one table per graph and length. */
static gr_value *twiddles(gr_graph *graph, int64_t n)
{
    char name[32];
    snprintf(name, sizeof(name), "twiddles.%lld", (long long)n);
    gr_value *found = gr_graph_find(graph, name);
    if (found)
        return found;
    float *table = gr_graph_memory(graph, (size_t)n * 2 * sizeof(*table));
    if (!table)
        return NULL;
    for (int64_t t = 0; t < n; t++) {
        double angle = 2.0 * 3.14159265358979323846 * (double)t / (double)n;
        table[2 * t] = (float)cos(angle);
        table[2 * t + 1] = (float)sin(angle);
    }
    return gr_graph_frozen(graph, name, GR_SHAPE(n, 2), GR_F32, table);
}

static bool infer_rfft2(gr_value *y)
{
    const gr_shape *x = &y->input[0]->shape;
    if (x->rank != 4)
        return gr_op_mismatch(y, "expected [B, H, W, D]");
    y->shape = GR_SHAPE(x->dim[0], x->dim[1], x->dim[2] / 2 + 1, x->dim[3], 2);
    return true;
}

static bool infer_irfft2(gr_value *y)
{
    const gr_shape *z = &y->input[0]->shape;
    int64_t cols = y->attr.fft.cols;
    if (z->rank != 5 || z->dim[4] != 2 || z->dim[2] != cols / 2 + 1)
        return gr_op_mismatch(y, "expected [B, H, cols/2+1, D, 2]");
    y->shape = GR_SHAPE(z->dim[0], z->dim[1], cols, z->dim[3]);
    return true;
}

static gr_value *transform(const gr_op *op, gr_value *x, int64_t rows, int64_t cols, bool weights)
{
    gr_attrs attrs = {.fft = {.half_weights = weights, .cols = cols}};
    gr_value *inputs[] = {x, twiddles(x->graph, rows), twiddles(x->graph, cols)};
    return gr_graph_result(x->graph, op, inputs, 3, &attrs);
}

/* The adjoint of the half-spectrum transform does not double the mirrored bins; the adjoint of
 * the inverse does: that is what half_weights says. */
static void grad_rfft2(gr_value *y, gr_value *dy, gr_value **dx)
{
    const gr_shape *x = &y->input[0]->shape;
    if (dy)
        dx[0] = transform(&gr_op_irfft2, dy, x->dim[1], x->dim[2], y->attr.fft.half_weights);
}

static void grad_irfft2(gr_value *y, gr_value *dy, gr_value **dx)
{
    if (dy)
        dx[0] =
            transform(&gr_op_rfft2, dy, y->shape.dim[1], y->shape.dim[2], y->attr.fft.half_weights);
}

typedef struct axis_pass {
    int mode;
    int64_t outer, n, inner;
    float scale;
} axis_pass;

static bool takes_reals(const axis_pass *pass)
{
    return pass->mode == REAL_TO_HALF || pass->mode == HALF_TO_REAL_ADJOINT;
}

static bool gives_reals(const axis_pass *pass)
{
    return pass->mode == HALF_TO_REAL || pass->mode == REAL_TO_HALF_ADJOINT;
}

static void lower_direct(gr_plan *plan, const axis_pass *pass, const gr_view *x,
                         const gr_value *twiddle, const gr_view *y)
{
    int64_t bins = pass->n / 2 + 1;
    bool real_in = takes_reals(pass), real_out = gives_reals(pass);
    gr_dft_params params = {
        .outer = (uint32_t)pass->outer,
        .n = (uint32_t)pass->n,
        .bins = (uint32_t)bins,
        .inner = (uint32_t)pass->inner,
        .x_stride = (uint32_t)(pass->inner * (real_in ? pass->n : 2 * (real_out ? bins : pass->n))),
        .y_stride = (uint32_t)(pass->inner * (real_out ? pass->n : 2 * (real_in ? bins : pass->n))),
        .scale = pass->scale,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_dft, &params);
    launch.slot[0] = x->slot;
    launch.slot[1] = gr_lower_dense(plan, twiddle, true).slot;
    launch.slot[2] = y->slot;
    launch.tunable[1] = (uint32_t)pass->mode;
    int64_t results = real_in ? bins : pass->n;
    gr_launch_elements(plan, &launch, params.outer, (uint32_t)(results * pass->inner));
    gr_lower_dispatch(plan, &launch);
}

/* Between the spectra of pairs of real channels and their half spectra, see the kernel. */
static void lower_pair(gr_plan *plan, const axis_pass *pass, const gr_view *x, const gr_view *y)
{
    bool merge = gives_reals(pass);
    gr_fft_pair_params params = {
        .outer = (uint32_t)pass->outer,
        .n = (uint32_t)pass->n,
        .bins = (uint32_t)(pass->n / 2 + 1),
        .pairs = (uint32_t)(pass->inner / 2),
        .scale = pass->scale,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_fft_pair, &params);
    launch.slot[0] = x->slot;
    launch.slot[1] = y->slot;
    launch.tunable[1] = merge;
    launch.tunable[2] = pass->mode == HALF_TO_REAL || pass->mode == HALF_TO_REAL_ADJOINT;
    gr_launch_elements(plan, &launch, params.outer,
                       (merge ? params.n : params.bins) * params.pairs);
    gr_lower_dispatch(plan, &launch);
}

/* From this length on a fast transform pays for its copy, and for the time to prepare it. */
enum { LIBRARY_LENGTH = 65 };

/* The library transforms complex values in place. Channels 2j and 2j+1 of real data, as they lie
 * in memory, are the real and imaginary part of one. */
static bool lower_fast(gr_plan *plan, const axis_pass *pass, const gr_view *x, const gr_view *y)
{
    bool real_in = takes_reals(pass), real_out = gives_reals(pass), reals = real_in || real_out;
    if (pass->n < LIBRARY_LENGTH || (reals && pass->inner % 2))
        return false;
    gr_library_desc desc = {
        .kind = GR_LIBRARY_FFT,
        .fft = {.batch = (uint32_t)pass->outer,
                .length = (uint32_t)pass->n,
                .inner = (uint32_t)(reals ? pass->inner / 2 : pass->inner),
                .inverse = real_out || pass->mode == COMPLEX_INVERSE},
    };
    gr_library *library = gr_lower_library(plan, &desc);
    if (!library)
        return false;
    gr_view data = real_in ? gr_lower_scratch(plan, x->shape) : *y;
    if (real_out)
        lower_pair(plan, pass, x, &data);
    else
        gr_lower_copy(plan, x, &data, false);
    gr_lower_library_run(plan, library, &data.slot, 1);
    if (real_in)
        lower_pair(plan, pass, &data, y);
    return true;
}

static void lower_pass(gr_plan *plan, const axis_pass *pass, const gr_view *x,
                       const gr_value *twiddle, const gr_view *y)
{
    if (!lower_fast(plan, pass, x, y))
        lower_direct(plan, pass, x, twiddle, y);
}

static float ortho(int64_t h, int64_t w)
{
    return (float)(1.0 / sqrt((double)h * (double)w));
}

/* Axis 2 to its half spectrum, then axis 1. */
static graft_status lower_rfft2(gr_plan *plan, const gr_value *y)
{
    const gr_shape *s = &y->input[0]->shape;
    int64_t b = s->dim[0], h = s->dim[1], w = s->dim[2], d = s->dim[3];
    gr_view x = gr_lower_dense(plan, y->input[0], true), out = gr_lower_dense_result(plan, y);
    gr_view half = h == 1 ? out : gr_lower_scratch(plan, y->shape);
    int mode = y->attr.fft.half_weights ? HALF_TO_REAL_ADJOINT : REAL_TO_HALF;
    lower_pass(plan, &(axis_pass){mode, b * h, w, d, ortho(h, w)}, &x, y->input[2], &half);
    if (h > 1)
        lower_pass(plan, &(axis_pass){COMPLEX_FORWARD, b, h, (w / 2 + 1) * d, 1.0f}, &half,
                   y->input[1], &out);
    return gr_lower_status(plan);
}

/* Axis 1, then axis 2 from its half spectrum. */
static graft_status lower_irfft2(gr_plan *plan, const gr_value *y)
{
    int64_t b = y->shape.dim[0], h = y->shape.dim[1], w = y->shape.dim[2], d = y->shape.dim[3];
    gr_view z = gr_lower_dense(plan, y->input[0], true), out = gr_lower_dense_result(plan, y);
    gr_view half = h == 1 ? z : gr_lower_scratch(plan, y->input[0]->shape);
    if (h > 1)
        lower_pass(plan, &(axis_pass){COMPLEX_INVERSE, b, h, (w / 2 + 1) * d, 1.0f}, &z,
                   y->input[1], &half);
    int mode = y->attr.fft.half_weights ? HALF_TO_REAL : REAL_TO_HALF_ADJOINT;
    lower_pass(plan, &(axis_pass){mode, b * h, w, d, ortho(h, w)}, &half, y->input[2], &out);
    return gr_lower_status(plan);
}

/* Inputs x and the twiddles of axes 1 and 2. */
const gr_op gr_op_rfft2 = {
    .name = "rfft2",
    .infer = infer_rfft2,
    .grad = grad_rfft2,
    .lower = lower_rfft2,
};

const gr_op gr_op_irfft2 = {
    .name = "irfft2",
    .infer = infer_irfft2,
    .grad = grad_irfft2,
    .lower = lower_irfft2,
};

gr_value *gr_rfft2(gr_value *x)
{
    if (!x)
        return NULL;
    if (x->shape.rank != 4)
        return gr_graph_fail(x->graph, GRAFT_ERR_SHAPE, "rfft2: expected [B, H, W, D]");
    return transform(&gr_op_rfft2, x, x->shape.dim[1], x->shape.dim[2], false);
}

gr_value *gr_irfft2(gr_value *z, int64_t cols)
{
    if (!z)
        return NULL;
    if (z->shape.rank != 5 || cols < 1)
        return gr_graph_fail(z->graph, GRAFT_ERR_SHAPE, "irfft2: expected [B, H, cols/2+1, D, 2]");
    return transform(&gr_op_irfft2, z, z->shape.dim[1], cols, true);
}
