/* The operators: functions that append values to the graph of their operands.
 *
 * Every function returns NULL when an operand is NULL, is of another graph, holds another type, or
 * does not fit; the reason is the graph's status (graph.h). Values are F32 unless said. All have
 * gradients with respect to F32 operands unless said. Channels of images are last.
 */
#ifndef GRAFT_OPS_H
#define GRAFT_OPS_H

#include <graft/graph.h>
#include <stdbool.h>

GRAFT_BEGIN_DECLS

/* ---- Products ---------------------------------------------------------------------------------
 */

/* alpha a b + bias: a [.., M, K], b [.., K, N] -> [.., M, N]. Leading axes of a and b are equal, or
 * b has none. bias [N] or NULL. A transposed operand (graft_transpose) is read where it lies. */
GRAFT_API graft_value *graft_matmul(graft_value *a, graft_value *b, graft_value *bias, float alpha);

/* x weight^T + bias: x [.., K], weight [N, K], bias [N] or NULL -> [.., N]. */
GRAFT_API graft_value *graft_linear(graft_value *x, graft_value *weight, graft_value *bias);

/* Stride-1 convolution, a cross-correlation as in torch: x [B, H, W, C], weight [O, C, k, k], bias
 * [O] or NULL -> [B, H + 2 pad - k + 1, W + 2 pad - k + 1, O]; 0 <= pad < k. */
GRAFT_API graft_value *graft_conv2d(graft_value *x, graft_value *weight, graft_value *bias,
                                    int pad);

/* The image [B, C, H, W] as rows of patches [B, (H/p)(W/p), C p p], row-major; p divides H and W.
 */
GRAFT_API graft_value *graft_patches(graft_value *image, int64_t patch);

/* ---- Elementwise ------------------------------------------------------------------------------
 */

/* a + alpha b, and a b. b has the shape of a, or a's trailing axes: then it is used for each index
 * of the leading ones. */
GRAFT_API graft_value *graft_add(graft_value *a, graft_value *b, float alpha);
GRAFT_API graft_value *graft_mul(graft_value *a, graft_value *b);

/* x scale + shift along the last axis: scale, shift [C]. */
GRAFT_API graft_value *graft_affine(graft_value *x, graft_value *scale, graft_value *shift);

/* w[o, j] (1 + scale_out[o] scale_in[j]) (RLRR, arXiv 2403.19067, eq. 6): w [O, I]. */
GRAFT_API graft_value *graft_outer_scale(graft_value *w, graft_value *scale_out,
                                         graft_value *scale_in);

/* alpha x; max(x, 0); x Phi(x) with the normal distribution's Phi (arXiv 1606.08415);
 * x / (1 + e^(-1.702 x)); 1 / sqrt(x + eps). */
GRAFT_API graft_value *graft_scale(graft_value *x, float alpha);
GRAFT_API graft_value *graft_relu(graft_value *x);
GRAFT_API graft_value *graft_gelu(graft_value *x);
GRAFT_API graft_value *graft_quick_gelu(graft_value *x);
GRAFT_API graft_value *graft_rsqrt(graft_value *x, float eps);

/* Elements become 0 with probability `rate`, 0 <= rate < 1, and the others are divided by 1 - rate
 * (JMLR 15, 2014); per_sample decides once for each index of the leading axis (arXiv 1603.09382).
 * The draws depend on the program's seed, the number of the run, the place of the element and how
 * many dropouts the graph had before: the same on every device (Philox, SC 2011). A program that is
 * not to drop anything is made of a graph without it. */
GRAFT_API graft_value *graft_dropout(graft_value *x, float rate, bool per_sample);

/* ---- Along the last axis ----------------------------------------------------------------------
 */

/* e^(scale x_i) / sum_j e^(scale x_j). */
GRAFT_API graft_value *graft_softmax(graft_value *x, float scale);

/* (x - mean) / sqrt(variance + eps) gamma + beta with the biased variance (arXiv 1607.06450):
 * gamma, beta [C], or both NULL. */
GRAFT_API graft_value *graft_layer_norm(graft_value *x, graft_value *gamma, graft_value *beta,
                                        float eps);

/* x / max(|x|, 1e-12), |x| the Euclidean norm. */
GRAFT_API graft_value *graft_l2_normalize(graft_value *x);

/* ---- Over the batch ---------------------------------------------------------------------------
 */

/* Sum and mean over all axes but the last `keep`: x [.., kept axes] -> [kept axes]; keep 0 leaves a
 * single number. Sums go in a fixed order. */
GRAFT_API graft_value *graft_sum(graft_value *x, int keep);
GRAFT_API graft_value *graft_mean(graft_value *x, int keep);

/* Batch normalisation (arXiv 1502.03167) of x [B, D] without scale and shift: with the mean and
 * biased variance of this batch, through which the gradient goes; or with a given mean [D] and
 * variance [D], usually running averages of the two below (unbiased; B > 1), kept as
 * graft_state(). */
GRAFT_API graft_value *graft_batch_norm(graft_value *x, float eps);
GRAFT_API graft_value *graft_batch_norm_fixed(graft_value *x, graft_value *mean,
                                              graft_value *variance, float eps);
GRAFT_API graft_value *graft_batch_mean(graft_value *x);
GRAFT_API graft_value *graft_batch_variance(graft_value *x, graft_value *mean);

/* Cross entropy of logits [B, C] with labels [B] (I32), or with targets [B, C] that have no
 * gradient: 1/B sum_b -log softmax(logits_b)[label_b], or 1/B sum_bc -target_bc log
 * softmax(logits_b)[c] -> a single number. A row whose label is negative adds nothing. */
GRAFT_API graft_value *graft_cross_entropy(graft_value *logits, graft_value *labels);
GRAFT_API graft_value *graft_soft_cross_entropy(graft_value *logits, graft_value *targets);

/* ---- Fourier transforms -----------------------------------------------------------------------
 */

/* Two-dimensional discrete Fourier transform over axes 1 and 2 of x [B, H, W, D], scaled by
 * 1/sqrt(H W) -> half spectrum [B, H, W/2+1, D, 2], the last axis (real, imaginary). H = 1 makes it
 * one-dimensional. */
GRAFT_API graft_value *graft_rfft2(graft_value *x);

/* Its inverse, z [B, H, cols/2+1, D, 2] -> [B, H, cols, D]. Imaginary parts that the spectrum of a
 * real signal cannot have are dropped. */
GRAFT_API graft_value *graft_irfft2(graft_value *z, int64_t cols);

/* Complex product of z [B, .., 2] with filter [.., 2], the same for the whole batch. */
GRAFT_API graft_value *graft_complex_mul(graft_value *z, graft_value *filter);

/* The real part of the unscaled transform of x [R, C]:
 * y[a, b] = sum_rc x[r, c] cos(2 pi (a r / R + b c / C)). */
GRAFT_API graft_value *graft_real_dft2(graft_value *x);

/* ---- Rotations --------------------------------------------------------------------------------
 */

/* (I - S)(I + S)^-1 with S = (r - r^T) / 2, a rotation, for each block of r [.., b, b], b up to 64
 * (Cayley transform; BOFT, arXiv 2311.06243). */
GRAFT_API graft_value *graft_cayley(graft_value *r);

/* ---- Images -----------------------------------------------------------------------------------
 */

/* 8-bit images as network input: pixels [B, H, W] (I32), four bytes each, red lowest in memory (or
 * blue, with `bgra`), the fourth ignored -> [B, 3, height, width], red first:
 * (v / 255 - mean[c]) / deviation[c]. v is interpolated bilinearly between the centres of pixels;
 * where the image becomes smaller, over as many pixels as one of the result covers, so that it does
 * not alias. Sides up to 16384; mean and deviation (above 0) [3] are copied. It has no gradient. */
GRAFT_API graft_value *graft_resize_rgba8(graft_value *pixels, int64_t height, int64_t width,
                                          const float *mean, const float *deviation, bool bgra);

/* ---- Moving elements --------------------------------------------------------------------------
 */

/* The same elements in another shape. This one and the next three are views: nothing moves until a
 * kernel needs its operand in order. */
GRAFT_API graft_value *graft_reshape(graft_value *x, graft_shape shape);

/* Axis i of the result is x's axis axes[i]; axes [rank of x] is copied. */
GRAFT_API graft_value *graft_permute(graft_value *x, const int *axes);

/* The last two axes change places. */
GRAFT_API graft_value *graft_transpose(graft_value *x);

/* Indices start .. start + length - 1 of one axis. */
GRAFT_API graft_value *graft_slice(graft_value *x, int axis, int64_t start, int64_t length);

/* inputs[0..count) one after the other along an axis, 1 <= count <= 8. The array is copied. */
GRAFT_API graft_value *graft_concat(graft_value *const *inputs, int count, int axis);

/* x's elements index[j], counted row-major -> [n]; and a tensor of `shape` with values[j] there and
 * zero elsewhere. index [n] (I32): distinct, and within the tensor. Of a constant this is checked;
 * of an input an index outside leaves the element out, or reads zero. */
GRAFT_API graft_value *graft_gather(graft_value *x, graft_value *index);
GRAFT_API graft_value *graft_scatter(graft_value *values, graft_value *index, graft_shape shape);

GRAFT_END_DECLS

#endif
