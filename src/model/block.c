#include "model/block.h"

#include "model/backbone.h"
#include "model/layers.h"
#include "model/rope.h"
#include "ops/ops.h"
#include "peft/compose.h"

#include <math.h>

static gr_linear_site site_of(gr_build *b, const gr_block *at, const char *name,
                              gr_linear_target target, int64_t out, int64_t in)
{
    return gr_build_linear(b, gr_build_name(b, "%s.%s", at->name, name), target, out, in);
}

/* [B, T, D] -> [B T / tokens, heads, tokens, D / heads]: attention is among `tokens` neighbours. */
static gr_value *split_heads(gr_value *x, int64_t tokens, int64_t heads)
{
    if (!x)
        return NULL;
    int64_t groups = x->shape.dim[0] * x->shape.dim[1] / tokens, dim = x->shape.dim[2];
    x = gr_reshape(x, GR_SHAPE(groups, tokens, heads, dim / heads));
    return gr_permute(x, (int[]){0, 2, 1, 3});
}

/* [tokens, tokens]: 0, or what leaves nothing of a key that comes after the query. */
static gr_value *causal_mask(gr_build *b, int64_t tokens)
{
    gr_value *existing = gr_graph_find(b->graph, "causal.mask");
    if (existing)
        return existing;
    float *values = gr_graph_memory(b->graph, (size_t)(tokens * tokens) * sizeof(*values));
    if (!values)
        return NULL;
    for (int64_t q = 0; q < tokens; q++)
        for (int64_t k = q + 1; k < tokens; k++)
            values[q * tokens + k] = -1e9f;
    return gr_graph_frozen(b->graph, "causal.mask", GR_SHAPE(tokens, tokens), GR_F32, values);
}

/* A norm inside a half of a block: of what attention or the MLP is about to project back. */
static gr_value *inner_norm(gr_build *b, const gr_block *at, const char *name, gr_value *x)
{
    return gr_build_norm(b, GR_POINT_OUTER_NORM, gr_build_name(b, "%s.%s", at->name, name), x);
}

static gr_value *attention(gr_build *b, const gr_block *at, const gr_block_shape *shape,
                           gr_value *x)
{
    if (!x)
        return NULL;
    const gr_window *window = shape->window;
    const gr_shape stream = x->shape;
    int64_t dim = at->dim, heads = shape->heads;
    int64_t tokens = window ? window->side * window->side : stream.dim[1];
    gr_value *parts[3];
    gr_build_qkv(b, gr_build_name(b, "%s.attn", at->name), window ? gr_window_cut(window, x) : x,
                 parts);
    gr_value *q = split_heads(parts[0], tokens, heads), *k = split_heads(parts[1], tokens, heads);
    if (b->config->rope) {
        q = gr_rope_rotate(b, q);
        k = gr_rope_rotate(b, k);
    }
    gr_value *scores = gr_matmul(q, gr_transpose(k), NULL, 1.0f / sqrtf((float)(dim / heads)));
    if (shape->causal)
        scores = gr_add(scores, causal_mask(b, tokens));
    if (window)
        scores = gr_window_bias(b, window, gr_build_name(b, "%s.attn", at->name), scores);
    if (shape->bias)
        scores = gr_add(scores, shape->bias);
    scores = gr_methods_scores(b, at->index, scores);
    gr_value *v = split_heads(parts[2], tokens, heads);
    gr_value *y = gr_matmul(gr_softmax(scores, 1.0f), v, NULL, 1.0f);
    y = gr_reshape(gr_permute(y, (int[]){0, 2, 1, 3}), stream);
    if (b->config->attn_norm)
        y = inner_norm(b, at, "attn.norm", y);
    gr_linear_site proj = site_of(b, at, "attn.proj", GR_TARGET_PROJ, dim, dim);
    y = gr_methods_linear(&proj, b, y);
    return window ? gr_window_join(window, y) : y;
}

/* silu(first half) times second half along the last axis of h [B, T, 2 hidden] (SwiGLU, Shazeer,
 * arXiv 2002.05202). silu(x) = 1.702 quick_gelu(x / 1.702). */
static gr_value *swiglu(gr_value *h, int64_t hidden)
{
    const float k = 1.702f;
    gr_value *gate = gr_quick_gelu(gr_scale(gr_slice(h, 2, 0, hidden), 1.0f / k));
    return gr_mul(gr_scale(gate, k), gr_slice(h, 2, hidden, hidden));
}

static gr_value *mlp(gr_build *b, const gr_block *at, int64_t hidden, gr_value *x)
{
    bool gated = b->config->swiglu;
    gr_linear_site fc1 =
        site_of(b, at, "mlp.fc1", GR_TARGET_FC1, gated ? 2 * hidden : hidden, at->dim);
    gr_linear_site fc2 = site_of(b, at, "mlp.fc2", GR_TARGET_FC2, at->dim, hidden);
    gr_value *h = gr_methods_linear(&fc1, b, x);
    h = gated ? swiglu(h, hidden) : gr_unary(h, b->config->activation, 1.0f);
    if (b->config->mlp_norm)
        h = inner_norm(b, at, "mlp.norm", h);
    gr_value *y = gr_methods_linear(&fc2, b, h);
    return gr_methods_output(b, GR_POINT_MLP, gr_build_name(b, "%s.mlp", at->name), y);
}

/* LayerScale (Touvron et al., arXiv 2103.17239): z times "ls1.gamma" or "ls2.gamma" [D]. */
static gr_value *layer_scale(gr_build *b, const gr_block *at, gr_sublayer sublayer, gr_value *z)
{
    const char *name = sublayer == GR_SUBLAYER_ATTN ? "ls1" : "ls2";
    if (!b->config->layer_scale)
        return z;
    const char *tensor = gr_build_name(b, "%s.%s.gamma", at->name, name);
    return gr_mul(z, gr_build_weight(b, tensor, GR_SHAPE(at->dim)));
}

/* x + sublayer(norm(x)) + what methods put beside it. */
static gr_value *residual_sublayer(gr_build *b, const gr_block *at, const gr_block_shape *shape,
                                   gr_sublayer sublayer, gr_value *x)
{
    const char *name = sublayer == GR_SUBLAYER_ATTN ? "norm1" : "norm2";
    gr_value *y = gr_build_norm(b, GR_POINT_NORM, gr_build_name(b, "%s.%s", at->name, name), x);
    gr_value *z =
        sublayer == GR_SUBLAYER_ATTN ? attention(b, at, shape, y) : mlp(b, at, shape->hidden, y);
    z = layer_scale(b, at, sublayer, z);
    z = gr_methods_addend(b, at, sublayer, gr_build_drop_path(b, z, at->index));
    gr_value *sum = gr_add(x, z);
    return gr_methods_branch(b, at, sublayer, x, y, sum);
}

gr_value *gr_block_forward(gr_build *b, const gr_block *at, const gr_block_shape *shape,
                           gr_value *x)
{
    if (x)
        x->boundary = true;
    x = residual_sublayer(b, at, shape, GR_SUBLAYER_ATTN, x);
    return residual_sublayer(b, at, shape, GR_SUBLAYER_MLP, x);
}
