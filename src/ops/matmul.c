/* Matrix product with optional bias. Operands may be strided views: transposing copies nothing. */
#include "ops/attrs.h"
#include "ops/gemm/gemm.h"
#include "ops/operators.h"
#include "ops/ops.h"

#include <string.h>

static bool infer(gr_value *y)
{
    const gr_shape *a = &y->input[0]->shape, *b = &y->input[1]->shape;
    if (a->rank < 2 || b->rank < 2)
        return gr_op_mismatch(y, "operands need two axes");
    int batch = b->rank - 2;
    if (batch && (a->rank != b->rank || memcmp(a->dim, b->dim, (size_t)batch * sizeof(a->dim[0]))))
        return gr_op_mismatch(y, "leading axes differ");
    if (a->dim[a->rank - 1] != b->dim[b->rank - 2])
        return gr_op_mismatch(y, "inner axes differ");
    int64_t n = b->dim[b->rank - 1];
    if (y->input_count > 2 && !gr_op_is_vector(y->input[2], n))
        return gr_op_mismatch(y, "bias must be as long as the last axis");
    y->shape = *a;
    y->shape.dim[a->rank - 1] = n;
    return true;
}

/* [.., M, N] as one matrix of all rows. */
static gr_value *flat(gr_value *x)
{
    if (!x)
        return NULL;
    int last = x->shape.rank - 1;
    return gr_reshape(x, GR_SHAPE(gr_shape_span(&x->shape, 0, last), x->shape.dim[last]));
}

static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    const gr_matmul_attrs *attrs = y->attrs;
    gr_value *a = y->input[0], *b = y->input[1];
    float alpha = attrs->alpha;
    if (a->needs_grad)
        dx[0] = gr_matmul(dy, gr_transpose(b), NULL, alpha);
    if (b->needs_grad && b->shape.rank == 2)
        dx[1] = gr_matmul(gr_transpose(flat(a)), flat(dy), NULL, alpha);
    else if (b->needs_grad)
        dx[1] = gr_matmul(gr_transpose(a), dy, NULL, alpha);
    if (y->input_count > 2 && y->input[2]->needs_grad)
        dx[2] = gr_sum_leading(dy, 1);
}

/* Appends a batch axis to a problem, or widens the one before it where all strides go on. */
static bool add_batch(gr_gemm *g, int64_t dim, int64_t sa, int64_t sb, int64_t sc)
{
    if (dim == 1)
        return true;
    if (g->inner == 1) {
        g->inner = (uint32_t)dim;
        g->a.inner = sa, g->b.inner = sb, g->c.inner = sc;
        return true;
    }
    int64_t n = g->inner;
    if (g->outer == 1 && sa == g->a.inner * n && sb == g->b.inner * n && sc == g->c.inner * n) {
        g->inner *= (uint32_t)dim;
        return true;
    }
    if (g->outer != 1)
        return false;
    g->outer = (uint32_t)dim;
    g->a.outer = sa, g->b.outer = sb, g->c.outer = sc;
    return true;
}

static gr_gemm_operand operand(const gr_view *v)
{
    int r = v->shape.rank;
    return (gr_gemm_operand){
        .slot = v->slot, .offset = v->offset, .row = v->stride[r - 2], .col = v->stride[r - 1]};
}

/* The problem as at most two batch axes around a matrix product; leading axes of `a` go into the
 * rows where the layout allows. False when the views need more axes than that. */
static bool describe(gr_gemm *g, const gr_view *a, const gr_view *b, const gr_view *c)
{
    int r = a->shape.rank;
    bool shared_b = b->shape.rank == 2;
    *g = (gr_gemm){
        .m = (uint32_t)a->shape.dim[r - 2],
        .n = (uint32_t)c->shape.dim[r - 1],
        .k = (uint32_t)a->shape.dim[r - 1],
        .outer = 1,
        .inner = 1,
        .a = operand(a),
        .b = operand(b),
        .c = operand(c),
        .bias_slot = -1,
    };
    for (int i = r - 3; i >= 0; i--) {
        int64_t dim = a->shape.dim[i], sa = a->stride[i], sb = shared_b ? 0 : b->stride[i];
        int64_t sc = c->stride[i];
        if (shared_b && g->inner == 1 && dim != 1 &&
            (g->m == 1 || (sa == g->a.row * g->m && sc == g->c.row * g->m))) {
            if (g->m == 1)
                g->a.row = sa, g->c.row = sc;
            g->m *= (uint32_t)dim;
        } else if (!add_batch(g, dim, sa, sb, sc)) {
            return false;
        }
    }
    return true;
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    const gr_matmul_attrs *attrs = y->attrs;
    gr_view a = gr_lower_view(plan, y->input[0]), b = gr_lower_view(plan, y->input[1]);
    gr_view result = gr_lower_result(plan, y), c = result;
    gr_gemm gemm;
    if (!describe(&gemm, &a, &b, &c)) { /* too many batch axes: those of dense views merge */
        a = gr_lower_dense(plan, y->input[0], false);
        b = gr_lower_dense(plan, y->input[1], false);
        c = gr_lower_scratch(plan, y->shape);
        describe(&gemm, &a, &b, &c);
    }
    gemm.alpha = attrs->alpha;
    gemm.a_frozen = gr_lower_frozen_source(plan, &a);
    gemm.b_frozen = gr_lower_frozen_source(plan, &b);
    if (y->input_count > 2) {
        gr_view bias = gr_lower_dense(plan, y->input[2], false);
        gemm.bias_slot = bias.slot;
        gemm.bias_offset = bias.offset;
    }
    gr_matmul_emit(plan, &gemm);
    gr_lower_copy(plan, &c, &result, false);
    return gr_lower_status(plan);
}

/* Each matrix of a batch is multiplied by one of its own: rows are independent within it only. */
static uint32_t row_inputs(const gr_value *y, int axis)
{
    bool batched = y->input[1]->shape.rank > 2;
    return batched && axis != y->shape.rank - 2 ? 0 : 1u << 0;
}

/* The right operand is one matrix for all rows, or has one for each first index. */
static bool mixes_rows(const gr_value *y, int i)
{
    return i == 1 && y->input[1]->shape.rank < 3;
}

const gr_op gr_op_matmul = {
    .name = "matmul",
    .attrs_bytes = sizeof(gr_matmul_attrs),
    .infer = infer,
    .grad = grad,
    .lower = lower,
    .row_inputs = row_inputs,
    .mixes_rows = mixes_rows,
    .strided_result = true,
};

gr_value *gr_matmul_other_factor(const gr_value *v, const gr_value *a)
{
    bool product = v && v->op == &gr_op_matmul && v->input_count == 2 && v->input[0] == a;
    return product && ((const gr_matmul_attrs *)v->attrs)->alpha == 1.0f ? v->input[1] : NULL;
}

gr_value *gr_matmul(gr_value *a, gr_value *b, gr_value *bias, float alpha)
{
    if (!a)
        return NULL;
    gr_matmul_attrs attrs = {alpha};
    return gr_graph_result(a->graph, &gr_op_matmul, (gr_value *[]){a, b, bias}, bias ? 3 : 2,
                           &attrs);
}

gr_value *gr_linear(gr_value *x, gr_value *weight, gr_value *bias)
{
    return gr_matmul(x, gr_transpose(weight), bias, 1.0f);
}
