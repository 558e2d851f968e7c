/* The original JAX checkpoints of the Vision Transformer (ViT-B_16.npz and its like).
 *
 * Names there are those of flax modules, linear kernels are [in, out], the patch convolution is
 * [height, width, in, out], and attention keeps query, key and value apart, with heads as a
 * dimension of their own.
 */
#ifndef GR_WEIGHTS_JAX_H
#define GR_WEIGHTS_JAX_H

#include "weights/tensors.h"

/* Whether the names are those of such a checkpoint. */
bool gr_jax_recognise(const gr_tensors *tensors);

/* Appends to `timm` the same model with timm's names and layouts, all F32: linears [out, in], the
 * patch convolution [out, in, height, width], query, key and value stacked as attn.qkv. The head
 * may be absent; pre_logits, which no fine-tuning uses, is left out. A tensor that is missing is
 * GRAFT_ERR_NOT_FOUND, one of an unexpected shape GRAFT_ERR_SHAPE, one that a plain ViT does not
 * have GRAFT_ERR_UNSUPPORTED. Drops the values of `jax` on the way, so that both are never whole in
 * memory at once. */
graft_status gr_jax_to_timm(graft_log *log, gr_tensors *jax, gr_tensors *timm);

#endif
