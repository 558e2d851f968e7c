/* The Cayley transform of blocks, Q = (I - S)(I + S)^-1 with S = (r - r^T) / 2. */
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/cayley.gk.h"

#include <stdio.h>

/* A block has a work-item for each row and lies in shared memory: 16 KiB at this size. */
enum { MOST = 64 };

static int64_t block_of(const gr_value *r)
{
    return r->shape.dim[r->shape.rank - 1];
}

static bool infer(gr_value *y)
{
    const gr_shape *r = &y->input[0]->shape;
    y->shape = *r;
    if (r->rank < 2 || r->dim[r->rank - 2] != block_of(y->input[0]))
        return gr_op_mismatch(y, "expected square blocks [.., b, b]");
    return block_of(y) <= MOST || gr_op_mismatch(y, "expected blocks of at most 64 x 64");
}

/* The identity matrix, one for each graph and size. */
static gr_value *identity(gr_graph *graph, int64_t size)
{
    char name[32];
    snprintf(name, sizeof(name), "identity.%lld", (long long)size);
    gr_value *found = gr_graph_find(graph, name);
    if (found)
        return found;
    float *matrix = gr_graph_memory(graph, (size_t)(size * size) * sizeof(*matrix));
    if (!matrix)
        return NULL;
    for (int64_t i = 0; i < size; i++)
        matrix[i * size + i] = 1.0f;
    return gr_graph_frozen(graph, name, GR_SHAPE(size, size), GR_F32, matrix);
}

/* With A = I + S, Q = 2 A^-1 - I: dQ = -2 A^-1 dS A^-1 and A^-1 = (Q + I) / 2, so that the
 * gradient of S is -(Q + I)^T dy (Q + I)^T / 2, and that of r its skew part. */
static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    gr_value *turned = gr_transpose(gr_add(y, identity(y->graph, block_of(y))));
    gr_value *half = gr_matmul(gr_matmul(turned, dy, NULL, -0.25f), turned, NULL, 1.0f);
    dx[0] = gr_add_scaled(half, gr_transpose(half), -1.0f);
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    uint32_t block = (uint32_t)block_of(y);
    gr_cayley_params params = {(uint32_t)gr_shape_span(&y->shape, 0, y->shape.rank - 2)};
    gr_launch launch = gr_launch_of(plan, &gr_kernel_cayley, &params);
    if (launch.tunable[0] < block)
        return gr_lower_fail(plan, GRAFT_ERR_UNSUPPORTED,
                             "cayley: blocks of %u, the device has work-groups of %u", block,
                             launch.tunable[0]);
    uint32_t per_group = launch.tunable[0] / block;
    launch.slot[0] = gr_lower_dense(plan, y->input[0], true).slot;
    launch.slot[1] = gr_lower_dense_result(plan, y).slot;
    launch.tunable[1] = block;
    gr_launch_rows(plan, &launch, (params.blocks + per_group - 1) / per_group);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

const gr_op gr_op_cayley = {.name = "cayley", .infer = infer, .grad = grad, .lower = lower};

gr_value *gr_cayley(gr_value *r)
{
    return r ? gr_graph_result(r->graph, &gr_op_cayley, &r, 1, NULL) : NULL;
}
