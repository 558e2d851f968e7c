/* Batch normalisation, composed of operators that exist. */
#include "ops/ops.h"

static gr_value *matrix(gr_value *x, const char *what)
{
    if (x && x->shape.rank != 2)
        return gr_graph_fail(x->graph, GRAFT_ERR_SHAPE, "%s: expected [B, D]", what);
    return x;
}

/* Over the batch is along the rows of the transpose. */
gr_value *gr_batch_norm(gr_value *x, float eps)
{
    x = matrix(x, "batch_norm");
    return gr_transpose(gr_layer_norm(gr_transpose(x), NULL, NULL, eps));
}

gr_value *gr_batch_norm_fixed(gr_value *x, gr_value *mean, gr_value *variance, float eps)
{
    x = matrix(x, "batch_norm");
    return gr_mul(gr_add_scaled(x, mean, -1.0f), gr_rsqrt(variance, eps));
}

gr_value *gr_batch_mean(gr_value *x)
{
    x = matrix(x, "batch_mean");
    return x ? gr_scale(gr_sum_leading(x, 1), 1.0f / (float)x->shape.dim[0]) : NULL;
}

gr_value *gr_batch_variance(gr_value *x, gr_value *mean)
{
    x = matrix(x, "batch_variance");
    if (!x)
        return NULL;
    if (x->shape.dim[0] < 2)
        return gr_graph_fail(x->graph, GRAFT_ERR_SHAPE,
                             "batch_variance: one row has none; expected two or more");
    gr_value *distance = gr_add_scaled(x, mean, -1.0f);
    return gr_scale(gr_sum_leading(gr_mul(distance, distance), 1),
                    1.0f / (float)(x->shape.dim[0] - 1));
}
