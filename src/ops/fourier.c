/* Two-dimensional Fourier transforms of real tensors: one pass for each axis. */
#include "ops/fourier_pass.h"
#include "ops/operators.h"
#include "ops/ops.h"

#include "shaders/unfold_real.gk.h"

#include <math.h>

typedef struct fft_attrs {
    bool half_weights; /* see grad_rfft2 */
    int64_t cols;      /* irfft2: length of the last transformed axis */
} fft_attrs;

static bool has_half_weights(const gr_value *y)
{
    const fft_attrs *attrs = y->attrs;
    return attrs->half_weights;
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
    const fft_attrs *attrs = y->attrs;
    int64_t cols = attrs->cols;
    if (z->rank != 5 || z->dim[4] != 2 || z->dim[2] != cols / 2 + 1)
        return gr_op_mismatch(y, "expected [B, H, cols/2+1, D, 2]");
    y->shape = GR_SHAPE(z->dim[0], z->dim[1], cols, z->dim[3]);
    return true;
}

static gr_value *transform(const gr_op *op, gr_value *x, int64_t rows, int64_t cols, bool weights)
{
    fft_attrs attrs = {.half_weights = weights, .cols = cols};
    gr_value *inputs[] = {x, gr_fourier_twiddles(x->graph, rows),
                          gr_fourier_twiddles(x->graph, cols)};
    return gr_graph_result(x->graph, op, inputs, 3, &attrs);
}

/* The adjoint of the half-spectrum transform does not double the mirrored bins; the adjoint of
 * the inverse does: that is what half_weights says. */
static void grad_rfft2(gr_value *y, gr_value *dy, gr_value **dx)
{
    const gr_shape *x = &y->input[0]->shape;
    if (dy)
        dx[0] = transform(&gr_op_irfft2, dy, x->dim[1], x->dim[2], has_half_weights(y));
}

static void grad_irfft2(gr_value *y, gr_value *dy, gr_value **dx)
{
    if (dy)
        dx[0] = transform(&gr_op_rfft2, dy, y->shape.dim[1], y->shape.dim[2], has_half_weights(y));
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
    int mode = has_half_weights(y) ? GR_FOURIER_HALF_TO_REAL_ADJOINT : GR_FOURIER_REAL_TO_HALF;
    gr_lower_fourier_pass(plan, &(gr_fourier_pass){mode, b * h, w, d, ortho(h, w)}, &x, y->input[2],
                          &half);
    if (h > 1)
        gr_lower_fourier_pass(
            plan, &(gr_fourier_pass){GR_FOURIER_COMPLEX_FORWARD, b, h, (w / 2 + 1) * d, 1.0f},
            &half, y->input[1], &out);
    return gr_lower_status(plan);
}

/* Axis 1, then axis 2 from its half spectrum. */
static graft_status lower_irfft2(gr_plan *plan, const gr_value *y)
{
    int64_t b = y->shape.dim[0], h = y->shape.dim[1], w = y->shape.dim[2], d = y->shape.dim[3];
    gr_view z = gr_lower_dense(plan, y->input[0], true), out = gr_lower_dense_result(plan, y);
    gr_view half = h == 1 ? z : gr_lower_scratch(plan, y->input[0]->shape);
    if (h > 1)
        gr_lower_fourier_pass(
            plan, &(gr_fourier_pass){GR_FOURIER_COMPLEX_INVERSE, b, h, (w / 2 + 1) * d, 1.0f}, &z,
            y->input[1], &half);
    int mode = has_half_weights(y) ? GR_FOURIER_HALF_TO_REAL : GR_FOURIER_REAL_TO_HALF_ADJOINT;
    gr_lower_fourier_pass(plan, &(gr_fourier_pass){mode, b * h, w, d, ortho(h, w)}, &half,
                          y->input[2], &out);
    return gr_lower_status(plan);
}

static bool infer_real_dft2(gr_value *y)
{
    y->shape = y->input[0]->shape;
    return y->shape.rank == 2 || gr_op_mismatch(y, "expected [R, C]");
}

/* Its matrix, cos(2 pi (a r / R + b c / C)), is symmetric. */
static void grad_real_dft2(gr_value *y, gr_value *dy, gr_value **dx)
{
    dx[0] = gr_real_dft2(dy);
}

/* Axis 0 to its half spectrum, whose channels are the columns, then axis 1; then both halves. */
static graft_status lower_real_dft2(gr_plan *plan, const gr_value *y)
{
    int64_t r = y->shape.dim[0], c = y->shape.dim[1], bins = r / 2 + 1;
    gr_view x = gr_lower_dense(plan, y->input[0], true), out = gr_lower_dense_result(plan, y);
    gr_view half = gr_lower_scratch(plan, GR_SHAPE(bins, c, 2)), z = half;
    gr_fourier_pass down = {GR_FOURIER_REAL_TO_HALF, 1, r, c, 1.0f};
    gr_fourier_pass across = {GR_FOURIER_COMPLEX_FORWARD, bins, c, 1, 1.0f};
    gr_lower_fourier_pass(plan, &down, &x, y->input[1], &half);
    if (c > 1) {
        z = gr_lower_scratch(plan, half.shape);
        gr_lower_fourier_pass(plan, &across, &half, y->input[2], &z);
    }
    gr_unfold_real_params params = {(uint32_t)r, (uint32_t)c};
    gr_launch launch = gr_launch_of(plan, &gr_kernel_unfold_real, &params);
    launch.slot[0] = z.slot;
    launch.slot[1] = out.slot;
    gr_launch_elements(plan, &launch, params.rows, params.cols);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

/* Inputs x and the twiddles of axes 1 and 2. */
const gr_op gr_op_rfft2 = {
    .name = "rfft2",
    .attrs_bytes = sizeof(fft_attrs),
    .infer = infer_rfft2,
    .grad = grad_rfft2,
    .lower = lower_rfft2,
};

const gr_op gr_op_irfft2 = {
    .name = "irfft2",
    .attrs_bytes = sizeof(fft_attrs),
    .infer = infer_irfft2,
    .grad = grad_irfft2,
    .lower = lower_irfft2,
};

/* Inputs x and the twiddles of axes 0 and 1. */
const gr_op gr_op_real_dft2 = {
    .name = "real_dft2",
    .infer = infer_real_dft2,
    .grad = grad_real_dft2,
    .lower = lower_real_dft2,
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

gr_value *gr_real_dft2(gr_value *x)
{
    if (!x)
        return NULL;
    if (x->shape.rank != 2)
        return gr_graph_fail(x->graph, GRAFT_ERR_SHAPE, "real_dft2: expected [R, C]");
    gr_value *down = gr_fourier_twiddles(x->graph, x->shape.dim[0]);
    gr_value *across = gr_fourier_twiddles(x->graph, x->shape.dim[1]);
    return gr_graph_result(x->graph, &gr_op_real_dft2, (gr_value *[]){x, down, across}, 3, NULL);
}
