/* The operators: functions that append values to a graph.
 *
 * Shapes are written outermost first. Every function returns NULL when an input is NULL or does
 * not fit; the reason is the graph's status. All values are f32 unless said.
 */
#ifndef GR_OPS_H
#define GR_OPS_H

#include "graph/graph.h"

/* Elementwise functions; the numbers are those of shaders/activation.gkh. */
typedef enum gr_func {
    GR_FUNC_SCALE,
    GR_FUNC_GELU,
    GR_FUNC_QUICK_GELU,
    GR_FUNC_RELU,
    GR_FUNC_RSQRT,
    GR_FUNC_GELU_TANH, /* the approximation of GELU with a tanh */
} gr_func;

/* [.., M, K] x [.., K, N] -> [.., M, N], times alpha. Leading axes of a and b are equal, or b has
 * none. bias [N] may be NULL. Transpose an operand by gr_permute: that copies nothing. */
gr_value *gr_matmul(gr_value *a, gr_value *b, gr_value *bias, float alpha);

/* x [.., K], weight [N, K], bias [N] or NULL -> x weight^T + bias, [.., N]. */
gr_value *gr_linear(gr_value *x, gr_value *weight, gr_value *bias);

/* softmax(scale x) along the last axis. */
gr_value *gr_softmax(gr_value *x, float scale);

/* (x - mean) / sqrt(var + eps) along the last axis (biased variance), times gamma [C] plus
 * beta [C]; both NULL for the plain normalisation. */
gr_value *gr_layer_norm(gr_value *x, gr_value *gamma, gr_value *beta, float eps);

/* Batch normalisation of x [B, D] without affine. Training normalises each column with the mean and
 * biased variance of this batch, through which the gradient goes as well; evaluation with given
 * ones [D], usually running averages of gr_batch_mean and gr_batch_variance (unbiased, B > 1). All
 * of the batch must be there: a micro-batch has other statistics, and rows that do not count spoil
 * them. */
gr_value *gr_batch_norm(gr_value *x, float eps);
gr_value *gr_batch_norm_fixed(gr_value *x, gr_value *mean, gr_value *variance, float eps);
gr_value *gr_batch_mean(gr_value *x);
gr_value *gr_batch_variance(gr_value *x, gr_value *mean);

/* x / max(|x|, 1e-12) along the last axis, |x| the Euclidean norm. */
gr_value *gr_l2_normalize(gr_value *x);

gr_value *gr_unary(gr_value *x, gr_func func, float alpha);
gr_value *gr_gelu(gr_value *x);
gr_value *gr_quick_gelu(gr_value *x);
gr_value *gr_relu(gr_value *x);
gr_value *gr_scale(gr_value *x, float alpha);
gr_value *gr_rsqrt(gr_value *x, float eps); /* 1 / sqrt(x + eps) */

/* a + alpha b and alpha a b. b has the shape of a, or a's trailing axes (broadcast over the
 * leading ones). */
gr_value *gr_add(gr_value *a, gr_value *b);
gr_value *gr_add_scaled(gr_value *a, gr_value *b, float alpha);
gr_value *gr_mul(gr_value *a, gr_value *b);

/* x * scale + shift along the last axis; scale, shift [C]. */
gr_value *gr_affine(gr_value *x, gr_value *scale, gr_value *shift);

/* w[o, j] (1 + scale_out[o] scale_in[j]), RLRR's effective weight (arXiv 2403.19067, eq. 6). */
gr_value *gr_outer_scale(gr_value *w, gr_value *scale_out, gr_value *scale_in);

/* The Cayley transform of each block of r [.., b, b], b up to 64: with S = (r - r^T) / 2, the
 * rotation (I - S)(I + S)^-1 (BOFT, arXiv 2311.06243). */
gr_value *gr_cayley(gr_value *r);

/* Sums over all axes but the last `keep`. */
gr_value *gr_sum_leading(gr_value *x, int keep);

/* Stride-1 convolution, channels last: x [B, H, W, Cin], weight [Cout, Cin, k, k] (as in torch: a
 * cross-correlation), bias [Cout] or NULL -> [B, H + 2 pad - k + 1, .., Cout]. */
gr_value *gr_conv2d(gr_value *x, gr_value *weight, gr_value *bias, int pad);

/* Two-dimensional discrete Fourier transform over axes 1 and 2 of x [B, H, W, D] (channels last),
 * ortho normalisation -> half spectrum [B, H, W/2+1, D, 2], last axis (re, im). H = 1 makes it
 * one-dimensional. */
gr_value *gr_rfft2(gr_value *x);

/* The inverse, [B, H, cols/2+1, D, 2] -> [B, H, cols, D]; imaginary parts that the spectrum of a
 * real signal cannot have are dropped. */
gr_value *gr_irfft2(gr_value *z, int64_t cols);

/* The real part of the unnormalised transform of x [R, C] -> [R, C]:
 * y[a, b] = sum_rc x[r, c] cos(2 pi (a r / R + b c / C)). */
gr_value *gr_real_dft2(gr_value *x);

/* Complex product [B, .., 2] x [.., 2], the second broadcast over the leading axis. */
gr_value *gr_complex_mul(gr_value *z, gr_value *filter);

/* Zeroes elements with probability `rate` and divides the others by 1 - rate; per_sample decides
 * once per index of the leading axis (DropPath). Draws from Philox keyed by the run's seed, step,
 * `stream` and the element's place in the whole batch: the same on every device and for every split
 * into micro-batches. rate 0 returns x itself. */
gr_value *gr_dropout(gr_value *x, float rate, uint32_t stream, bool per_sample, gr_value *scalars);

/* Mean cross entropy of logits [B, C] and labels [B] (I32; negative: row does not count), scaled
 * by the run's inv_count scalar instead of 1/B -> []. */
gr_value *gr_cross_entropy(gr_value *logits, gr_value *labels, gr_value *scalars);

/* The same for targets [B, C] (F32, without gradient) instead of labels: the sum over rows and
 * classes of -target log softmax(logits), times inv_count -> []. A row of zeros does not count. */
gr_value *gr_soft_cross_entropy(gr_value *logits, gr_value *targets, gr_value *scalars);

/* A tensor of `shape` with values[j] at index[j] of its elements, in row-major order, and zero
 * elsewhere. values [n]; index [n] (I32), distinct and within the tensor. */
gr_value *gr_scatter(gr_value *values, gr_value *index, gr_shape shape);

/* The elements index[j] of x, in row-major order -> [n]; index [n] (I32), distinct. */
gr_value *gr_gather(gr_value *x, gr_value *index);

/* 8-bit images as network input, without a gradient: pixels [B, H, W] (I32), four bytes each, red
 * (or with `bgra` blue) lowest, the fourth ignored -> [B, 3, height, width], red first: (v / 255 -
 * mean[c]) / deviation[c], v bilinearly interpolated between pixel centres with a filter as wide as
 * a pixel of the result where that is the larger one. Sides up to 16384. */
gr_value *gr_resize_rgba8(gr_value *pixels, int64_t height, int64_t width, const float mean[3],
                          const float deviation[3], bool bgra);

/* Views: no data moves unless a kernel needs it contiguous. */
gr_value *gr_reshape(gr_value *x, gr_shape shape);
gr_value *gr_detach(gr_value *x); /* x itself, which counts as a constant for gradients */
gr_value *gr_permute(gr_value *x, const int *axes); /* result axis i is x's axis axes[i] */
gr_value *gr_transpose(gr_value *x);                /* last two axes */
gr_value *gr_slice(gr_value *x, int axis, int64_t start, int64_t length);

/* Joins along an axis. */
gr_value *gr_concat(gr_value *const *inputs, int count, int axis);

/* As concat, with each input at start[i] of an axis of `size`; gaps are zero. */
gr_value *gr_concat_at(gr_value *const *inputs, const int64_t *start, int count, int axis,
                       int64_t size);

/* The image [B, 3, H, W] as rows of patches [B, (H/p)(W/p), 3 p p], row-major patches. */
gr_value *gr_patches(gr_value *image, int64_t patch);

#endif
