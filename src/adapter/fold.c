#include "adapter/fold.h"

#include "ops/operators.h"
#include "ops/ops.h"
#include "peft/compose.h"
#include "plan/plan.h"

#include <stdlib.h>

/* A module as its hooks see it, in a graph of its own. */
typedef struct fold_graph {
    const gr_fold *fold;
    gr_graph *graph;
    gr_build build;
    gr_linear_site linear;
} fold_graph;

static graft_status begin(const gr_fold *f, const gr_module *m, fold_graph *g)
{
    const gr_site *s = m->site;
    gr_graph *graph = gr_graph_create(f->log);
    if (!graph)
        return gr_fail(f->log, GRAFT_ERR_MEMORY, "%s: out of memory", s->module);
    *g = (fold_graph){.fold = f, .graph = graph};
    g->build = (gr_build){
        .graph = graph,
        .config = f->config,
        .methods = f->methods,
        .weights = f->backbone,
        .adapter = f->adapter,
        .adapter_is_complete = true,
        .batch = 1,
    };
    gr_shape shape = GR_SHAPE(s->rows, m->in), rows = GR_SHAPE(s->rows);
    g->linear = (gr_linear_site){
        .module = s->module,
        .tensor = s->tensor,
        .row = s->row,
        .target = s->target,
        .weight = gr_graph_frozen(graph, "fold.weight", shape, GR_F32, m->weight),
        .bias = m->biased ? gr_graph_frozen(graph, "fold.bias", rows, GR_F32, m->bias) : NULL,
    };
    return GRAFT_OK;
}

/* A value of the graph computed into `out`, where its sources may lie as well. */
static graft_status evaluate(const fold_graph *g, gr_value *value, float *out)
{
    graft_log *log = g->fold->log;
    gr_store *store = NULL;
    gr_plan *plan = NULL;
    gr_plan_params params = {.outputs = &value, .output_count = 1};
    graft_status status = gr_graph_status(g->build.graph);
    if (status == GRAFT_OK)
        status = gr_store_create(log, g->fold->device, &store);
    params.store = store;
    if (status == GRAFT_OK)
        status = gr_plan_create(log, &params, &plan);
    if (status == GRAFT_OK)
        status = gr_plan_run(plan);
    if (status == GRAFT_OK)
        status = gr_plan_read(plan, value, out);
    gr_plan_destroy(plan);
    gr_store_destroy(store);
    return status;
}

/* The hooks that give an effective weight and bias. */
static graft_status fold_weight(const gr_fold *f, const gr_module *m)
{
    fold_graph g;
    GR_TRY(begin(f, m, &g));
    const gr_linear_site before = g.linear;
    gr_methods_weight(&g.linear, &g.build);
    /* W (s * x) = (W * s) x: what scales the channels of an input scales those of a row */
    g.linear.weight = gr_methods_scale_input(&g.linear, &g.build, g.linear.weight);
    graft_status status = gr_graph_status(g.graph);
    if (status == GRAFT_OK && g.linear.bias != before.bias)
        status = evaluate(&g, g.linear.bias, m->bias);
    if (status == GRAFT_OK && g.linear.weight != before.weight)
        status = evaluate(&g, g.linear.weight, m->weight);
    gr_graph_destroy(g.graph);
    return status;
}

static const float *identity(gr_graph *graph, int64_t n)
{
    float *values = gr_graph_memory(graph, (size_t)(n * n) * sizeof(*values));
    for (int64_t i = 0; i < n && values; i++)
        values[i * n + i] = 1.0f;
    return values;
}

/* A product with the identity is its other factor. */
static void skip_products(gr_graph *graph, const gr_value *identity)
{
    for (int i = 0; i < gr_graph_count(graph); i++) {
        gr_value *v = gr_graph_at(graph, i);
        for (int k = 0; k < v->input_count; k++) {
            gr_value *other = gr_matmul_other_factor(v->input[k], identity);
            v->input[k] = other ? other : v->input[k];
        }
    }
}

/* The hooks at the output y [n, out] of inputs that are the unit vectors, or zeros. Returns y
 * itself where no method acts. */
static gr_value *apply_hooks(fold_graph *g, const gr_module *m, bool units, gr_value *y)
{
    if (!m->site->target)
        return gr_methods_output(&g->build, m->site->point, m->site->module, y);
    int64_t n = units ? m->in : y->shape.dim[0];
    gr_value *x = gr_graph_frozen(g->graph, "fold.x", GR_SHAPE(n, m->in), GR_F32, NULL);
    gr_value *z = gr_methods_add(&g->linear, &g->build, x, y);
    if (z && z != y)
        x->source = units ? identity(g->graph, n)
                          : gr_graph_memory(g->graph, (size_t)(n * m->in) * sizeof(float));
    if (units)
        skip_products(g->graph, x);
    return z;
}

/* x [rows, cols] -> y [cols, rows], in tiles that caches hold. */
static void transpose(const float *x, int64_t rows, int64_t cols, float *y)
{
    enum { TILE = 16 };
    for (int64_t r0 = 0; r0 < rows; r0 += TILE)
        for (int64_t c0 = 0; c0 < cols; c0 += TILE)
            for (int64_t r = r0; r < rows && r < r0 + TILE; r++)
                for (int64_t c = c0; c < cols && c < c0 + TILE; c++)
                    y[c * rows + r] = x[r * cols + c];
}

/* columns [out, n], an output of the module each, become what the hooks make of them. */
static graft_status fold_output(const gr_fold *f, const gr_module *m, bool units, int64_t n,
                                float *columns)
{
    fold_graph g;
    int64_t out = m->site->rows;
    GR_TRY(begin(f, m, &g));
    gr_value *y = gr_graph_frozen(g.graph, "fold.y", GR_SHAPE(n, out), GR_F32, NULL);
    gr_value *z = y ? apply_hooks(&g, m, units, y) : NULL;
    graft_status status = gr_graph_status(g.graph);
    if (status == GRAFT_OK && z != y) {
        float *rows = gr_graph_memory(g.graph, (size_t)(n * out) * sizeof(*rows));
        if (rows)
            transpose(columns, out, n, rows);
        y->source = rows;
        status = evaluate(&g, z, rows);
        if (status == GRAFT_OK)
            transpose(rows, n, out, columns);
    }
    gr_graph_destroy(g.graph);
    return status;
}

graft_status gr_fold_module(const gr_fold *f, const gr_module *m)
{
    int64_t out = m->site->rows, in = m->in;
    float *ends = malloc(2 * (size_t)out * sizeof(*ends)); /* of the bias, and of zeros */
    if (!ends)
        return gr_fail(f->log, GRAFT_ERR_MEMORY, "%s: out of memory", m->site->module);
    graft_status status = m->site->target ? fold_weight(f, m) : GRAFT_OK;
    for (int64_t o = 0; o < out; o++) {
        ends[2 * o] = m->bias[o];
        ends[2 * o + 1] = 0.0f;
    }
    if (status == GRAFT_OK)
        status = fold_output(f, m, false, 2, ends);
    if (status == GRAFT_OK)
        status = fold_output(f, m, true, in, m->weight);
    for (int64_t o = 0; o < out && status == GRAFT_OK; o++) {
        m->bias[o] = ends[2 * o];
        for (int64_t j = 0; j < in && ends[2 * o + 1] != 0.0f; j++)
            m->weight[o * in + j] -= ends[2 * o + 1];
    }
    free(ends);
    return status;
}
