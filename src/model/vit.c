#include "model/vit.h"

#include "ops/ops.h"
#include "peft/compose.h"

#include <math.h>

/* x [B, T, D] of one block, with where it is. */
typedef struct block_site {
    gr_build *b;
    int index;
    const char *name; /* "blocks.3" */
} block_site;

static gr_value *norm(gr_build *b, const char *name, gr_value *x)
{
    int64_t dim = b->config->dim;
    gr_value *gamma = gr_build_weight(b, gr_build_name(b, "%s.weight", name), GR_SHAPE(dim));
    gr_value *beta = gr_build_weight(b, gr_build_name(b, "%s.bias", name), GR_SHAPE(dim));
    gr_value *y = gr_layer_norm(x, gamma, beta, b->config->norm_eps);
    return gr_methods_output(b, name, y);
}

/* Patches as tokens with position embeddings; the class token stands first. */
static gr_value *embed(gr_build *b, gr_value *image)
{
    const gr_vit_config *c = b->config;
    int64_t p = c->patch_size, dim = c->dim, n = (int64_t)gr_vit_grid(c) * gr_vit_grid(c);
    gr_value *weight = gr_build_weight(b, "patch_embed.proj.weight", GR_SHAPE(dim, 3, p, p));
    gr_value *bias = gr_build_optional(b, "patch_embed.proj.bias", GR_SHAPE(dim));
    if (!weight)
        return NULL;
    gr_value *x =
        gr_linear(gr_patches(image, p), gr_reshape(weight, GR_SHAPE(dim, 3 * p * p)), bias);
    x = gr_methods_output(b, "patch_embed", x);

    gr_value *cls = gr_build_weight(b, "cls_token", GR_SHAPE(1, 1, dim));
    gr_value *pos = gr_build_weight(b, "pos_embed", GR_SHAPE(1, n + 1, dim));
    if (!cls || !pos || !x)
        return NULL;
    gr_value *row = gr_reshape(cls, GR_SHAPE(1, dim));
    gr_value *first = gr_place(&row, (int64_t[]){0}, 1, 0, n + 1);
    pos = gr_add(gr_reshape(pos, GR_SHAPE(n + 1, dim)), first);
    return gr_add(gr_place(&x, (int64_t[]){1}, 1, 1, n + 1), pos);
}

static gr_linear_site site_of(const block_site *s, const char *name, gr_linear_target target,
                              int64_t out, int64_t in)
{
    gr_build *b = s->b;
    const char *module = gr_build_name(b, "%s.%s", s->name, name);
    return (gr_linear_site){
        .module = module,
        .target = target,
        .weight = gr_build_weight(b, gr_build_name(b, "%s.weight", module), GR_SHAPE(out, in)),
        .bias = gr_build_optional(b, gr_build_name(b, "%s.bias", module), GR_SHAPE(out)),
    };
}

/* q, k and v [B, T, D]: thirds of one product, or of three when a method changes their weights. */
static void query_key_value(const block_site *s, gr_value *x, gr_value *parts[3])
{
    static const char *const names[] = {"attn.q", "attn.k", "attn.v"};
    static const gr_linear_target targets[] = {GR_TARGET_Q, GR_TARGET_K, GR_TARGET_V};
    gr_build *b = s->b;
    int64_t dim = b->config->dim;
    gr_linear_site qkv = site_of(s, "attn.qkv", GR_TARGET_Q, 3 * dim, dim);
    bool apart = gr_methods_change_weights(b);
    gr_value *fused = apart ? NULL : gr_linear(x, qkv.weight, qkv.bias);
    for (int i = 0; i < 3; i++) {
        gr_linear_site part = {
            .module = gr_build_name(b, "%s.%s", s->name, names[i]),
            .target = targets[i],
            .weight = gr_slice(qkv.weight, 0, i * dim, dim),
            .bias = gr_slice(qkv.bias, 0, i * dim, dim),
        };
        parts[i] = apart ? gr_methods_linear(&part, b, x)
                         : gr_methods_add(&part, b, x, gr_slice(fused, 2, i * dim, dim));
    }
}

/* [B, T, D] -> [B, heads, T, D / heads] */
static gr_value *split_heads(gr_build *b, gr_value *x)
{
    if (!x)
        return NULL;
    int64_t heads = b->config->heads, tokens = x->shape.dim[1];
    x = gr_reshape(x, GR_SHAPE(b->batch, tokens, heads, b->config->dim / heads));
    return gr_permute(x, (int[]){0, 2, 1, 3});
}

static gr_value *attention(const block_site *s, gr_value *x)
{
    gr_build *b = s->b;
    int64_t dim = b->config->dim;
    gr_value *parts[3];
    query_key_value(s, x, parts);
    gr_value *q = split_heads(b, parts[0]), *k = split_heads(b, parts[1]);
    gr_value *scores = gr_matmul(q, gr_transpose(k), NULL, 1.0f);
    float scale = 1.0f / sqrtf((float)(dim / b->config->heads));
    gr_value *y = gr_matmul(gr_softmax(scores, scale), split_heads(b, parts[2]), NULL, 1.0f);
    if (!y)
        return NULL;
    y = gr_permute(y, (int[]){0, 2, 1, 3});
    y = gr_reshape(y, GR_SHAPE(b->batch, y->shape.dim[1], dim));
    gr_linear_site proj = site_of(s, "attn.proj", GR_TARGET_PROJ, dim, dim);
    return gr_methods_linear(&proj, b, y);
}

static gr_value *mlp(const block_site *s, gr_value *x)
{
    int64_t dim = s->b->config->dim, hidden = s->b->config->hidden;
    gr_linear_site fc1 = site_of(s, "mlp.fc1", GR_TARGET_FC1, hidden, dim);
    gr_linear_site fc2 = site_of(s, "mlp.fc2", GR_TARGET_FC2, dim, hidden);
    gr_value *h = gr_unary(gr_methods_linear(&fc1, s->b, x), s->b->config->activation, 1.0f);
    return gr_methods_linear(&fc2, s->b, h);
}

/* x + half(norm(x)) + what methods put beside it. */
static gr_value *half_block(const block_site *s, gr_half half, gr_value *x)
{
    gr_build *b = s->b;
    const char *name = half == GR_HALF_ATTN ? "norm1" : "norm2";
    gr_value *y = norm(b, gr_build_name(b, "%s.%s", s->name, name), x);
    gr_value *z = half == GR_HALF_ATTN ? attention(s, y) : mlp(s, y);
    x = gr_add(x, gr_build_drop_path(b, z, s->index));
    return gr_methods_branch(b, s->index, half, y, x);
}

/* [B, T, D] -> [B, D] */
static gr_value *pooled(gr_build *b, gr_value *x)
{
    if (!x)
        return NULL;
    int64_t dim = b->config->dim, tokens = x->shape.dim[1];
    if (b->config->pool == GR_POOL_CLS)
        return gr_reshape(gr_slice(x, 1, 0, 1), GR_SHAPE(b->batch, dim));
    int64_t patches = (int64_t)gr_vit_grid(b->config) * gr_vit_grid(b->config);
    size_t count = (size_t)(b->batch * patches);
    float *values = gr_graph_memory(b->graph, count * sizeof(*values));
    if (!values)
        return NULL;
    for (size_t i = 0; i < count; i++)
        values[i] = 1.0f / (float)patches;
    gr_value *mean =
        gr_graph_frozen(b->graph, "pool.mean", GR_SHAPE(b->batch, 1, patches), GR_F32, values);
    x = gr_matmul(mean, gr_slice(x, 1, tokens - patches, patches), NULL, 1.0f);
    return gr_reshape(x, GR_SHAPE(b->batch, dim));
}

static gr_value *head(gr_build *b, gr_value *x)
{
    int64_t dim = b->config->dim, classes = b->config->classes;
    float bound = 1.0f / sqrtf((float)dim);
    gr_init init = {GR_INIT_UNIFORM, bound, 0.0f};
    gr_value *weight = gr_build_param(b, "head.weight", GR_SHAPE(classes, dim), init);
    gr_value *bias = gr_build_param(b, "head.bias", GR_SHAPE(classes), init);
    return gr_linear(x, weight, bias);
}

gr_value *gr_vit_logits(gr_build *b, gr_value *image)
{
    gr_value *x = embed(b, image);
    for (int i = 0; i < b->config->depth; i++) {
        block_site s = {b, i, gr_build_name(b, "blocks.%d", i)};
        x = gr_methods_before_block(b, i, x);
        x = half_block(&s, GR_HALF_ATTN, x);
        x = half_block(&s, GR_HALF_MLP, x);
    }
    x = gr_methods_before_block(b, b->config->depth, x);
    return head(b, norm(b, "norm", pooled(b, x)));
}

void gr_vit_resize_positions(const float *from, int from_grid, float *to, int to_grid, int dim)
{
    for (int c = 0; c < dim; c++)
        to[c] = from[c];
    double step = to_grid > 1 ? (double)(from_grid - 1) / (double)(to_grid - 1) : 0.0;
    for (int y = 0; y < to_grid; y++)
        for (int x = 0; x < to_grid; x++) {
            double sy = y * step, sx = x * step;
            int y0 = (int)sy, x0 = (int)sx;
            int y1 = y0 + 1 < from_grid ? y0 + 1 : y0, x1 = x0 + 1 < from_grid ? x0 + 1 : x0;
            double fy = sy - y0, fx = sx - x0;
            const float *a = from + (1 + (int64_t)y0 * from_grid + x0) * dim;
            const float *b = from + (1 + (int64_t)y0 * from_grid + x1) * dim;
            const float *c = from + (1 + (int64_t)y1 * from_grid + x0) * dim;
            const float *d = from + (1 + (int64_t)y1 * from_grid + x1) * dim;
            float *out = to + (1 + (int64_t)y * to_grid + x) * dim;
            for (int i = 0; i < dim; i++)
                out[i] = (float)((1 - fy) * ((1 - fx) * a[i] + fx * b[i]) +
                                 fy * ((1 - fx) * c[i] + fx * d[i]));
        }
}
