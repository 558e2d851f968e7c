/* Operators for applications: those of ops/ops.h, behind a check of element types. */
#include "ops/ops.h"

#include <graft/ops.h>

/* NULL, with the graph failed, when an operand of `op` is not of the type that it computes with. */
static graft_value *typed(graft_value *value, gr_dtype dtype, const char *op)
{
    if (value && value->dtype != dtype)
        return gr_graph_fail(value->graph, GRAFT_ERR_SHAPE, "%s: %s holds %s; expected %s", op,
                             value->name, gr_dtype_name(value->dtype), gr_dtype_name(dtype));
    return value;
}

#define F32(value) ((value) = typed(value, GR_F32, __func__ + sizeof("graft_") - 1))

graft_value *graft_matmul(graft_value *a, graft_value *b, graft_value *bias, float alpha)
{
    F32(a), F32(b), F32(bias);
    return gr_matmul(a, b, bias, alpha);
}

graft_value *graft_softmax(graft_value *x, float scale)
{
    return gr_softmax(F32(x), scale);
}

graft_value *graft_reshape(graft_value *x, graft_shape shape)
{
    if (x && (shape.rank < 0 || shape.rank > GRAFT_MAX_RANK))
        return gr_graph_fail(x->graph, GRAFT_ERR_SHAPE, "reshape: %d axes; expected 0 to %d",
                             shape.rank, GRAFT_MAX_RANK);
    return gr_reshape(x, shape);
}

graft_value *graft_slice(graft_value *x, int axis, int64_t start, int64_t length)
{
    return gr_slice(x, axis, start, length);
}
