#include "model/block.h"

#include "ops/ops.h"
#include "peft/compose.h"

#include <math.h>

gr_value *gr_build_norm(gr_build *b, const char *name, gr_value *x)
{
    if (!x)
        return NULL;
    int64_t dim = x->shape.dim[x->shape.rank - 1];
    gr_value *gamma = gr_build_weight(b, gr_build_name(b, "%s.weight", name), GR_SHAPE(dim));
    gr_value *beta = gr_build_weight(b, gr_build_name(b, "%s.bias", name), GR_SHAPE(dim));
    gr_value *y = gr_layer_norm(x, gamma, beta, b->config->norm_eps);
    return gr_methods_output(b, GR_POINT_NORM, name, y);
}

gr_value *gr_build_head(gr_build *b, gr_value *feature)
{
    if (!feature)
        return NULL;
    int64_t dim = feature->shape.dim[1], classes = b->config->classes;
    float bound = 1.0f / sqrtf((float)dim);
    gr_init init = {GR_INIT_UNIFORM, bound, 0.0f};
    gr_value *weight = gr_build_param(b, "head.weight", GR_SHAPE(classes, dim), init);
    gr_value *bias = gr_build_param(b, "head.bias", GR_SHAPE(classes), init);
    return gr_linear(feature, weight, bias);
}

static gr_linear_site site_of(gr_build *b, const gr_block *at, const char *name,
                              gr_linear_target target, int64_t out, int64_t in)
{
    const char *module = gr_build_name(b, "%s.%s", at->name, name);
    return (gr_linear_site){
        .module = module,
        .target = target,
        .weight = gr_build_weight(b, gr_build_name(b, "%s.weight", module), GR_SHAPE(out, in)),
        .bias = gr_build_optional(b, gr_build_name(b, "%s.bias", module), GR_SHAPE(out)),
    };
}

/* q, k and v [B, T, D]: thirds of one product, or of three when a method changes their weights. */
static void query_key_value(gr_build *b, const gr_block *at, gr_value *x, gr_value *parts[3])
{
    static const char *const names[] = {"attn.q", "attn.k", "attn.v"};
    static const gr_linear_target targets[] = {GR_TARGET_Q, GR_TARGET_K, GR_TARGET_V};
    int64_t dim = at->dim;
    gr_linear_site qkv = site_of(b, at, "attn.qkv", GR_TARGET_QKV, 3 * dim, dim);
    bool apart = gr_methods_change_weights(b);
    gr_value *fused = apart ? NULL : gr_linear(x, qkv.weight, qkv.bias);
    for (int i = 0; i < 3; i++) {
        gr_linear_site part = {
            .module = gr_build_name(b, "%s.%s", at->name, names[i]),
            .target = targets[i],
            .weight = gr_slice(qkv.weight, 0, i * dim, dim),
            .bias = gr_slice(qkv.bias, 0, i * dim, dim),
        };
        gr_methods_weight(&part, b);
        gr_value *y =
            apart ? gr_linear(x, part.weight, part.bias) : gr_slice(fused, 2, i * dim, dim);
        parts[i] = gr_methods_add(&part, b, x, y);
    }
    if (!gr_methods_change_outputs(b))
        return;
    gr_value *joined = gr_methods_output(b, GR_POINT_LINEAR, qkv.module, gr_concat(parts, 3, 2));
    for (int i = 0; i < 3; i++)
        parts[i] = gr_slice(joined, 2, i * dim, dim);
}

/* [B, T, D] -> [B, heads, T, D / heads] */
static gr_value *split_heads(gr_value *x, int64_t heads)
{
    if (!x)
        return NULL;
    int64_t batch = x->shape.dim[0], tokens = x->shape.dim[1], dim = x->shape.dim[2];
    x = gr_reshape(x, GR_SHAPE(batch, tokens, heads, dim / heads));
    return gr_permute(x, (int[]){0, 2, 1, 3});
}

static gr_value *attention(gr_build *b, const gr_block *at, int64_t heads, gr_value *x)
{
    int64_t dim = at->dim;
    gr_value *parts[3];
    query_key_value(b, at, x, parts);
    gr_value *q = split_heads(parts[0], heads), *k = split_heads(parts[1], heads);
    gr_value *scores = gr_matmul(q, gr_transpose(k), NULL, 1.0f);
    float scale = 1.0f / sqrtf((float)(dim / heads));
    gr_value *y = gr_matmul(gr_softmax(scores, scale), split_heads(parts[2], heads), NULL, 1.0f);
    if (!y)
        return NULL;
    y = gr_permute(y, (int[]){0, 2, 1, 3});
    y = gr_reshape(y, GR_SHAPE(y->shape.dim[0], y->shape.dim[1], dim));
    gr_linear_site proj = site_of(b, at, "attn.proj", GR_TARGET_PROJ, dim, dim);
    return gr_methods_linear(&proj, b, y);
}

static gr_value *mlp(gr_build *b, const gr_block *at, int64_t hidden, gr_value *x)
{
    gr_linear_site fc1 = site_of(b, at, "mlp.fc1", GR_TARGET_FC1, hidden, at->dim);
    gr_linear_site fc2 = site_of(b, at, "mlp.fc2", GR_TARGET_FC2, at->dim, hidden);
    gr_value *h = gr_unary(gr_methods_linear(&fc1, b, x), b->config->activation, 1.0f);
    gr_value *y = gr_methods_linear(&fc2, b, h);
    return gr_methods_output(b, GR_POINT_MLP, gr_build_name(b, "%s.mlp", at->name), y);
}

/* x + half(norm(x)) + what methods put beside it. */
static gr_value *half_block(gr_build *b, const gr_block *at, const gr_block_shape *shape,
                            gr_half half, gr_value *x)
{
    const char *name = half == GR_HALF_ATTN ? "norm1" : "norm2";
    gr_value *y = gr_build_norm(b, gr_build_name(b, "%s.%s", at->name, name), x);
    gr_value *z =
        half == GR_HALF_ATTN ? attention(b, at, shape->heads, y) : mlp(b, at, shape->hidden, y);
    gr_value *sum = gr_add(x, gr_build_drop_path(b, z, at->index));
    return gr_methods_branch(b, at, half, x, y, sum);
}

gr_value *gr_block_forward(gr_build *b, const gr_block *at, const gr_block_shape *shape,
                           gr_value *x)
{
    x = half_block(b, at, shape, GR_HALF_ATTN, x);
    return half_block(b, at, shape, GR_HALF_MLP, x);
}
