/* Sums over all leading axes, in a fixed order. */
#include "ops/operators.h"
#include "ops/ops.h"
#include "ops/reduce.h"

#include "shaders/reduce_rows.gk.h"

#include <stdio.h>

/* Rows summed by one work-item of the first pass; longer columns take a second pass. */
enum { ROWS_PER_PASS = 128 };

typedef struct reduce_attrs {
    int keep; /* last axes that stay */
} reduce_attrs;

static int keep_of(const gr_value *y)
{
    const reduce_attrs *attrs = y->attrs;
    return attrs->keep;
}

static bool infer(gr_value *y)
{
    const gr_shape *x = &y->input[0]->shape;
    int keep = keep_of(y), lead = x->rank - keep;
    if (keep < 0 || lead < 0)
        return gr_op_mismatch(y, "keeps more axes than there are");
    y->shape = gr_shape_of(keep, x->dim + lead);
    return true;
}

void gr_lower_row_sums(gr_plan *plan, const gr_view *x, const gr_rows *r, const gr_view *out,
                       uint32_t chunk)
{
    gr_reduce_rows_params params = {
        .rows = r->rows,
        .cols = r->cols,
        .x_offset = r->offset,
        .x_stride = r->stride,
        .chunk = chunk,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_reduce_rows, &params);
    launch.slot[0] = x->slot;
    launch.slot[1] = out->slot;
    gr_launch_elements(plan, &launch, 1, r->cols);
    launch.grid[1] = (r->rows + chunk - 1) / chunk;
    gr_lower_dispatch(plan, &launch);
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    int lead = y->input[0]->shape.rank - keep_of(y);
    gr_view x = gr_lower_view(plan, y->input[0]), out = gr_lower_dense_result(plan, y);
    gr_rows rows = {0};
    if (!gr_view_rows(&x, lead, &rows)) {
        x = gr_lower_dense(plan, y->input[0], false);
        gr_view_rows(&x, lead, &rows);
    }
    while (rows.rows > ROWS_PER_PASS) {
        uint32_t groups = (rows.rows + ROWS_PER_PASS - 1) / ROWS_PER_PASS;
        gr_view partial = gr_lower_scratch(plan, GR_SHAPE(groups, rows.cols));
        gr_lower_row_sums(plan, &x, &rows, &partial, ROWS_PER_PASS);
        x = partial;
        rows = (gr_rows){groups, rows.cols, 0, rows.cols};
    }
    gr_lower_row_sums(plan, &x, &rows, &out, rows.rows);
    return gr_lower_status(plan);
}

/* A column of ones, one table for each length. */
static gr_value *ones(gr_graph *graph, int64_t rows)
{
    char name[48];
    snprintf(name, sizeof(name), ".ones %lld", (long long)rows);
    gr_value *found = gr_graph_find(graph, name);
    if (found)
        return found;
    float *data = gr_graph_memory(graph, (size_t)rows * sizeof(*data));
    for (int64_t i = 0; data && i < rows; i++)
        data[i] = 1.0f;
    return gr_graph_frozen(graph, name, GR_SHAPE(rows, 1), GR_F32, data);
}

/* dy again for each of the rows that were summed: their column of ones times dy. */
static void grad(gr_value *y, gr_value *dy, gr_value **dx)
{
    const gr_shape *x = &y->input[0]->shape;
    int64_t kept = gr_shape_count(&y->shape);
    gr_value *rows = ones(y->graph, gr_shape_count(x) / kept);
    dx[0] = gr_reshape(gr_matmul(rows, gr_reshape(dy, GR_SHAPE(1, kept)), NULL, 1.0f), *x);
}

static bool mixes_rows(const gr_value *y, int i)
{
    (void)i;
    return keep_of(y) < y->input[0]->shape.rank;
}

const gr_op gr_op_reduce = {
    .name = "reduce",
    .attrs_bytes = sizeof(reduce_attrs),
    .infer = infer,
    .grad = grad,
    .lower = lower,
    .mixes_rows = mixes_rows,
};

gr_value *gr_sum_leading(gr_value *x, int keep)
{
    if (!x)
        return NULL;
    reduce_attrs attrs = {keep};
    return gr_graph_result(x->graph, &gr_op_reduce, &x, 1, &attrs);
}
