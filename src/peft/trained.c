#include "peft/trained.h"

#include "ops/ops.h"

#include <string.h>

gr_value *gr_trained_linear(gr_build *b, const char *name, gr_value *x, int64_t out, gr_init init)
{
    if (!x)
        return NULL;
    int64_t in = x->shape.dim[x->shape.rank - 1];
    gr_value *weight =
        gr_build_param(b, gr_build_name(b, "%s.weight", name), GR_SHAPE(out, in), init);
    gr_value *bias = gr_build_param(b, gr_build_name(b, "%s.bias", name), GR_SHAPE(out),
                                    (gr_init){GR_INIT_ZERO, 0.0f, 0.0f});
    return gr_linear(x, weight, bias);
}

gr_value *gr_trained_scale_shift(gr_build *b, const char *name, gr_value *y)
{
    if (!y)
        return NULL;
    int64_t dim = y->shape.dim[y->shape.rank - 1];
    gr_value *scale = gr_build_param(b, gr_build_name(b, "%s.ssf.scale", name), GR_SHAPE(dim),
                                     (gr_init){GR_INIT_NORMAL, 1.0f, 0.02f});
    gr_value *shift = gr_build_param(b, gr_build_name(b, "%s.ssf.shift", name), GR_SHAPE(dim),
                                     (gr_init){GR_INIT_NORMAL, 0.0f, 0.02f});
    return gr_affine(y, scale, shift);
}

bool gr_is_bias_of(const char *tensor, unsigned targets)
{
    static const struct {
        const char *end;
        unsigned targets;
    } biases[] = {
        {".attn.qkv.bias", GR_TARGET_QKV},
        {".attn.proj.bias", GR_TARGET_PROJ},
        {".mlp.fc1.bias", GR_TARGET_FC1},
        {".mlp.fc2.bias", GR_TARGET_FC2},
    };
    size_t length = strlen(tensor);
    for (size_t i = 0; i < sizeof(biases) / sizeof(biases[0]); i++) {
        size_t end = strlen(biases[i].end);
        if (length > end && strcmp(tensor + length - end, biases[i].end) == 0)
            return (targets & biases[i].targets) != 0;
    }
    return false;
}

graft_status gr_check_train_bias(graft_log *log, const char *method, int train_bias,
                                 const gr_model_config *model)
{
    if (!train_bias || model->family != GR_FAMILY_OWN)
        return GRAFT_OK;
    return gr_fail(
        log, GRAFT_ERR_UNSUPPORTED,
        "%s.train_bias: which biases are the targets' is not told by an application's own "
        "graph; leave it out, or train all of them by %s+bitfit",
        method, method);
}

gr_value *gr_repeated(gr_build *b, gr_value *tokens)
{
    if (!tokens)
        return NULL;
    int64_t count = tokens->shape.dim[0], dim = tokens->shape.dim[1];
    gr_shape shape = GR_SHAPE(b->batch, count, dim);
    const char *name =
        gr_build_name(b, "prompts.zero.%lld.%lld", (long long)b->batch, (long long)count);
    gr_value *zero = gr_graph_find(b->graph, name);
    if (!zero)
        zero = gr_graph_frozen(
            b->graph, name, shape, GR_F32,
            gr_graph_memory(b->graph, (size_t)gr_shape_count(&shape) * sizeof(float)));
    return gr_add(zero, tokens);
}
