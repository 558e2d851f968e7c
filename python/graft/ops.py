"""The operators: each appends a value to the graph of its operands. graft/ops.h has the formulas;
channels of images are last, and values are float32 unless said."""
from __future__ import annotations

from typing import Any, Optional, Sequence

from graft._graft import ffi, lib
from graft.graph import Value, shape_of


def _made(x: Value, function: Any, *arguments: Any) -> Value:
    return x.graph._value(function(x._pointer, *arguments))


def _given(value: Optional[Value]) -> Any:
    return value._pointer if value is not None else ffi.NULL


def matmul(a: Value, b: Value, bias: Optional[Value] = None, alpha: float = 1.0) -> Value:
    """alpha a b + bias: a [.., M, K], b [.., K, N] -> [.., M, N]."""
    return _made(a, lib.graft_matmul, b._pointer, _given(bias), alpha)


def linear(x: Value, weight: Value, bias: Optional[Value] = None) -> Value:
    """x weight^T + bias: x [.., K], weight [N, K] -> [.., N]."""
    return _made(x, lib.graft_linear, weight._pointer, _given(bias))


def conv2d(x: Value, weight: Value, bias: Optional[Value] = None, pad: int = 0) -> Value:
    """Stride 1: x [B, H, W, C], weight [O, C, k, k] -> [B, H + 2 pad - k + 1, .., O]."""
    return _made(x, lib.graft_conv2d, weight._pointer, _given(bias), pad)


def patches(image: Value, patch: int) -> Value:
    """[B, C, H, W] as rows of patches [B, (H/p)(W/p), C p p]."""
    return _made(image, lib.graft_patches, patch)


def add(a: Value, b: Value, alpha: float = 1.0) -> Value:
    """a + alpha b; b has the shape of a, or its trailing axes."""
    return _made(a, lib.graft_add, b._pointer, alpha)


def mul(a: Value, b: Value) -> Value:
    """a b; b has the shape of a, or its trailing axes."""
    return _made(a, lib.graft_mul, b._pointer)


def affine(x: Value, scale: Value, shift: Value) -> Value:
    """x scale + shift along the last axis."""
    return _made(x, lib.graft_affine, scale._pointer, shift._pointer)


def outer_scale(w: Value, scale_out: Value, scale_in: Value) -> Value:
    """w[o, j] (1 + scale_out[o] scale_in[j])."""
    return _made(w, lib.graft_outer_scale, scale_out._pointer, scale_in._pointer)


def scale(x: Value, alpha: float) -> Value:
    """alpha x."""
    return _made(x, lib.graft_scale, alpha)


def relu(x: Value) -> Value:
    """max(x, 0)."""
    return _made(x, lib.graft_relu)


def gelu(x: Value) -> Value:
    """x Phi(x), Phi of the normal distribution."""
    return _made(x, lib.graft_gelu)


def quick_gelu(x: Value) -> Value:
    """x / (1 + e^(-1.702 x))."""
    return _made(x, lib.graft_quick_gelu)


def rsqrt(x: Value, eps: float) -> Value:
    """1 / sqrt(x + eps)."""
    return _made(x, lib.graft_rsqrt, eps)


def dropout(x: Value, rate: float, per_sample: bool = False) -> Value:
    """Elements become 0 with probability `rate`, the others are divided by 1 - rate."""
    return _made(x, lib.graft_dropout, rate, per_sample)


def softmax(x: Value, scale: float = 1.0) -> Value:
    """Of scale x, along the last axis."""
    return _made(x, lib.graft_softmax, scale)


def layer_norm(x: Value, gamma: Optional[Value] = None, beta: Optional[Value] = None,
               eps: float = 1e-6) -> Value:
    """Along the last axis, with the biased variance."""
    return _made(x, lib.graft_layer_norm, _given(gamma), _given(beta), eps)


def l2_normalize(x: Value) -> Value:
    """x / max(|x|, 1e-12) along the last axis."""
    return _made(x, lib.graft_l2_normalize)


def sum(x: Value, keep: int = 0) -> Value:
    """Over all axes but the last `keep`."""
    return _made(x, lib.graft_sum, keep)


def mean(x: Value, keep: int = 0) -> Value:
    """Over all axes but the last `keep`."""
    return _made(x, lib.graft_mean, keep)


def batch_norm(x: Value, eps: float = 1e-5) -> Value:
    """x [B, D] with the mean and biased variance of this batch."""
    return _made(x, lib.graft_batch_norm, eps)


def batch_norm_fixed(x: Value, mean: Value, variance: Value, eps: float = 1e-5) -> Value:
    """x [B, D] with a given mean [D] and variance [D]."""
    return _made(x, lib.graft_batch_norm_fixed, mean._pointer, variance._pointer, eps)


def batch_mean(x: Value) -> Value:
    """[D] of x [B, D]."""
    return _made(x, lib.graft_batch_mean)


def batch_variance(x: Value, mean: Value) -> Value:
    """[D] of x [B, D], unbiased."""
    return _made(x, lib.graft_batch_variance, mean._pointer)


def cross_entropy(logits: Value, labels: Value) -> Value:
    """Mean over logits [B, C] with labels [B] (int32); a negative label adds nothing."""
    return _made(logits, lib.graft_cross_entropy, labels._pointer)


def soft_cross_entropy(logits: Value, targets: Value) -> Value:
    """Mean over logits [B, C] with targets [B, C]."""
    return _made(logits, lib.graft_soft_cross_entropy, targets._pointer)


def rfft2(x: Value) -> Value:
    """Over axes 1 and 2 of x [B, H, W, D], scaled by 1/sqrt(H W) -> [B, H, W/2+1, D, 2]."""
    return _made(x, lib.graft_rfft2)


def irfft2(z: Value, cols: int) -> Value:
    """The inverse of rfft2, for W = cols."""
    return _made(z, lib.graft_irfft2, cols)


def complex_mul(z: Value, filter: Value) -> Value:
    """z [B, .., 2] times filter [.., 2]."""
    return _made(z, lib.graft_complex_mul, filter._pointer)


def real_dft2(x: Value) -> Value:
    """The real part of the unscaled transform of x [R, C]."""
    return _made(x, lib.graft_real_dft2)


def cayley(r: Value) -> Value:
    """(I - S)(I + S)^-1 with S = (r - r^T) / 2, for each block of r [.., b, b]."""
    return _made(r, lib.graft_cayley)


def resize_rgba8(pixels: Value, height: int, width: int, mean: Sequence[float],
                 deviation: Sequence[float], bgra: bool = False) -> Value:
    """8-bit images [B, H, W] (int32, four bytes each) as network input [B, 3, height, width]:
    resized and normalised by the three numbers of mean and deviation."""
    return _made(pixels, lib.graft_resize_rgba8, height, width, ffi.new("float[3]", list(mean)),
                 ffi.new("float[3]", list(deviation)), bgra)


def reshape(x: Value, shape: Sequence[int]) -> Value:
    """The same elements in another shape."""
    return _made(x, lib.graft_reshape, shape_of(shape))


def permute(x: Value, axes: Sequence[int]) -> Value:
    """Axis i of the result is x's axis axes[i]."""
    if sorted(axes) != list(range(len(x.shape))):
        axes = [-1] * len(x.shape)  # for the library to refuse
    return _made(x, lib.graft_permute, ffi.new("int[]", list(axes)))


def transpose(x: Value) -> Value:
    """The last two axes change places."""
    return _made(x, lib.graft_transpose)


def slice(x: Value, axis: int, start: int, length: int) -> Value:
    """Indices start .. start + length - 1 of one axis."""
    return _made(x, lib.graft_slice, axis, start, length)


def concat(values: Sequence[Value], axis: int) -> Value:
    """One after the other along an axis, 1 to 8 values."""
    pointers = ffi.new("graft_value *[]", [value._pointer for value in values])
    return values[0].graph._value(lib.graft_concat(pointers, len(values), axis))


def gather(x: Value, index: Value) -> Value:
    """x's elements index[j] (int32), counted row-major."""
    return _made(x, lib.graft_gather, index._pointer)


def scatter(values: Value, index: Value, shape: Sequence[int]) -> Value:
    """A tensor with values[j] at index[j], and zero elsewhere."""
    return _made(values, lib.graft_scatter, index._pointer, shape_of(shape))
