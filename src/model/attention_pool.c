#include "model/attention_pool.h"

#include "model/backbone.h"
#include "model/layers.h"
#include "ops/ops.h"
#include "peft/trained.h"

#include <math.h>

static gr_value *linear(gr_build *b, const char *module, int64_t out, int64_t in, gr_value *x)
{
    gr_value *weight = gr_build_weight(b, gr_build_name(b, "%s.weight", module), GR_SHAPE(out, in));
    gr_value *bias = gr_build_optional(b, gr_build_name(b, "%s.bias", module), GR_SHAPE(out));
    return gr_linear(x, weight, bias);
}

/* [B, T, D] -> [B, heads, T, D / heads] */
static gr_value *split_heads(gr_value *x, int64_t heads)
{
    if (!x)
        return NULL;
    gr_shape s = x->shape;
    x = gr_reshape(x, GR_SHAPE(s.dim[0], s.dim[1], heads, s.dim[2] / heads));
    return gr_permute(x, (int[]){0, 2, 1, 3});
}

gr_value *gr_attention_pool(gr_build *b, gr_value *x)
{
    const gr_model_config *c = b->config;
    int64_t dim = c->dim, heads = c->heads;
    gr_value *latent = gr_build_weight(b, "attn_pool.latent", GR_SHAPE(1, 1, dim));
    gr_value *weight = gr_build_weight(b, "attn_pool.qkv.weight", GR_SHAPE(3 * dim, dim));
    gr_value *bias = gr_build_weight(b, "attn_pool.qkv.bias", GR_SHAPE(3 * dim));
    if (!x || !latent || !weight || !bias)
        return NULL;
    gr_value *q = gr_linear(gr_reshape(latent, GR_SHAPE(1, dim)), gr_slice(weight, 0, 0, dim),
                            gr_slice(bias, 0, 0, dim));
    gr_value *kv = gr_linear(x, gr_slice(weight, 0, dim, 2 * dim), gr_slice(bias, 0, dim, 2 * dim));
    q = split_heads(gr_repeated(b, q), heads);
    gr_value *k = split_heads(gr_slice(kv, 2, 0, dim), heads);
    gr_value *v = split_heads(gr_slice(kv, 2, dim, dim), heads);
    gr_value *scores = gr_matmul(q, gr_transpose(k), NULL, 1.0f / sqrtf((float)(dim / heads)));
    x = gr_matmul(gr_softmax(scores, 1.0f), v, NULL, 1.0f);
    x = linear(b, "attn_pool.proj", dim, dim, gr_reshape(x, GR_SHAPE(b->batch, dim)));
    gr_value *y = gr_build_norm(b, GR_POINT_OUTER_NORM, "attn_pool.norm", x);
    y = gr_unary(linear(b, "attn_pool.mlp.fc1", c->hidden, dim, y), c->activation, 1.0f);
    return gr_add(x, linear(b, "attn_pool.mlp.fc2", dim, c->hidden, y));
}
