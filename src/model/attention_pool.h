/* Pooling by attention, as SigLIP has it (Zhai et al., arXiv 2303.15343): a learned query looks at
 * all tokens, and an MLP follows. */
#ifndef GR_ATTENTION_POOL_H
#define GR_ATTENTION_POOL_H

#include "build/build.h"

/* x [B, T, D] -> [B, D] with the tensors "attn_pool.latent" [1, 1, D], "attn_pool.qkv", "..proj",
 * "..norm", "..mlp.fc1", "..mlp.fc2". Methods do not act in it, but for those that train tensors of
 * the backbone. NULL on error, see gr_graph_status. */
gr_value *gr_attention_pool(gr_build *b, gr_value *x);

#endif
