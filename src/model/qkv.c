/* Queries, keys and values: one linear in files, three to most methods. */
#include "model/layers.h"
#include "ops/ops.h"
#include "peft/compose.h"

void gr_build_qkv(gr_build *b, const char *module, gr_value *x, gr_value *parts[3])
{
    static const char names[] = {'q', 'k', 'v'};
    static const gr_linear_target targets[] = {GR_TARGET_Q, GR_TARGET_K, GR_TARGET_V};
    for (int i = 0; i < 3; i++)
        parts[i] = NULL;
    if (!x)
        return;
    int64_t dim = x->shape.dim[x->shape.rank - 1];
    int last = x->shape.rank - 1;
    gr_linear_site qkv =
        gr_build_linear(b, gr_build_name(b, "%s.qkv", module), GR_TARGET_QKV, 3 * dim, dim);
    gr_methods_weight(&qkv, b);
    bool apart = gr_methods_change_weights(b, GR_TARGET_Q), whole = !apart;
    gr_value *fused = NULL;
    if (!apart)
        fused = gr_methods_add(&qkv, b, x, gr_linear(x, qkv.weight, qkv.bias));
    for (int i = 0; i < 3; i++) {
        gr_linear_site part = {
            .module = gr_build_name(b, "%s.%c", module, names[i]),
            .tensor = qkv.tensor,
            .row = i * dim,
            .target = targets[i],
            .weight = gr_slice(qkv.weight, 0, i * dim, dim),
            .bias = gr_slice(qkv.bias, 0, i * dim, dim),
        };
        gr_methods_weight(&part, b);
        gr_value *y =
            apart ? gr_linear(x, part.weight, part.bias) : gr_slice(fused, last, i * dim, dim);
        parts[i] = gr_methods_add(&part, b, x, y);
        whole = whole && parts[i] == y;
    }
    gr_value *joined = whole ? fused : gr_concat(parts, 3, last);
    gr_value *changed = gr_methods_output(b, GR_POINT_LINEAR, qkv.module, joined);
    for (int i = 0; i < 3 && changed != joined; i++)
        parts[i] = gr_slice(changed, last, i * dim, dim);
}
