#include "model/layers.h"

#include "model/backbone.h"
#include "ops/ops.h"
#include "peft/compose.h"

gr_value *gr_build_norm(gr_build *b, gr_point point, const char *name, gr_value *x)
{
    if (!x)
        return NULL;
    int64_t dim = x->shape.dim[x->shape.rank - 1];
    gr_value *gamma = gr_build_weight(b, gr_build_name(b, "%s.weight", name), GR_SHAPE(dim));
    gr_value *beta = gr_build_weight(b, gr_build_name(b, "%s.bias", name), GR_SHAPE(dim));
    gr_value *y = gr_layer_norm(x, gamma, beta, b->config->norm_eps);
    return gr_methods_output(b, point, name, y);
}

gr_linear_site gr_build_linear(gr_build *b, const char *module, gr_linear_target target,
                               int64_t out, int64_t in)
{
    const char *bias = gr_build_name(b, "%s.bias", module);
    return (gr_linear_site){
        .module = module,
        .tensor = module,
        .target = target,
        .weight = gr_build_weight(b, gr_build_name(b, "%s.weight", module), GR_SHAPE(out, in)),
        .bias = target == GR_TARGET_REDUCTION ? gr_build_if_loaded(b, bias, GR_SHAPE(out))
                                              : gr_build_optional(b, bias, GR_SHAPE(out)),
    };
}

gr_value *gr_build_patches(gr_build *b, gr_value *image)
{
    int64_t p = b->config->patch_size, dim = b->config->dim;
    gr_value *weight = gr_build_weight(b, "patch_embed.proj.weight", GR_SHAPE(dim, 3, p, p));
    const char *name = "patch_embed.proj.bias";
    gr_value *bias = b->config->pre_norm ? gr_build_if_loaded(b, name, GR_SHAPE(dim)) /* CLIP */
                                         : gr_build_optional(b, name, GR_SHAPE(dim));
    if (!weight)
        return NULL;
    weight = gr_reshape(weight, GR_SHAPE(dim, 3 * p * p));
    gr_value *x = gr_linear(gr_patches(image, p), weight, bias);
    return gr_methods_output(b, GR_POINT_EMBED, "patch_embed", x);
}

gr_value *gr_build_mean(gr_build *b, gr_value *x, int64_t count)
{
    if (!x)
        return NULL;
    int64_t tokens = x->shape.dim[1], dim = x->shape.dim[2];
    float *values = gr_graph_memory(b->graph, (size_t)count * sizeof(*values));
    if (!values)
        return NULL;
    for (int64_t i = 0; i < count; i++)
        values[i] = 1.0f / (float)count;
    gr_value *share = gr_graph_frozen(b->graph, "pool.mean", GR_SHAPE(count, 1), GR_F32, values);
    x = gr_transpose(gr_slice(x, 1, tokens - count, count));
    return gr_reshape(gr_matmul(x, share, NULL, 1.0f), GR_SHAPE(b->batch, dim));
}
