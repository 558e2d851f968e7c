#include "selftest/run.h"

#include "base/mem.h"

#include <graft/program.h>

typedef struct outputs {
    graft_value *values[GR_SELFTEST_MAX_OUTPUTS];
    int count;
} outputs;

/* Weighs the result by the numbers 1, -1/2, 1/3, ..: every element has a gradient of its own. */
static graft_value *make_loss(graft_graph *graph, graft_value *y)
{
    graft_shape shape = graft_value_shape(y);
    int64_t count = graft_shape_count(shape);
    if (shape.rank == 0 || count < 1)
        return y;
    float *weights = gr_alloc_array(NULL, (size_t)count, sizeof(float));
    for (int64_t i = 0; weights && i < count; i++)
        weights[i] = (i % 2 ? -1.0f : 1.0f) / (float)(i % 13 + 1);
    graft_value *w = weights ? graft_constant(graph, "weights", GRAFT_F32, shape, weights) : NULL;
    gr_free(weights);
    return graft_sum(graft_mul(y, w), 0);
}

static graft_status build(const gr_selftest_case *c, gr_selftest_graph *g, outputs *out)
{
    graft_value *gradients[GR_SELFTEST_MAX_INPUTS] = {NULL};
    out->values[out->count++] = c->build(g);
    if (c->gradient && graft_graph_status(g->graph) == GRAFT_OK) {
        graft_value *loss = make_loss(g->graph, out->values[0]);
        graft_status status = graft_gradients(loss, g->inputs, g->input_count, gradients);
        if (status != GRAFT_OK)
            return status;
    }
    for (int i = 0; i < g->input_count; i++)
        if (gradients[i])
            out->values[out->count++] = gradients[i];
    return graft_graph_status(g->graph);
}

static graft_status read_all(graft_program *program, const outputs *out, gr_selftest_values *values)
{
    size_t total = 0;
    values->outputs = out->count;
    for (int i = 0; i < out->count; i++) {
        values->counts[i] = (size_t)graft_shape_count(graft_value_shape(out->values[i]));
        total += values->counts[i];
    }
    values->data = gr_alloc_array(NULL, total, sizeof(float));
    graft_status status = values->data ? GRAFT_OK : GRAFT_ERR_MEMORY;
    float *next = values->data;
    for (int i = 0; i < out->count && status == GRAFT_OK; i++) {
        status =
            graft_program_read(program, out->values[i], next, values->counts[i] * sizeof(float));
        next += values->counts[i];
    }
    return status;
}

graft_status gr_selftest_run(graft_log *log, graft_device *device, const gr_selftest_case *c,
                             gr_selftest_values *values)
{
    outputs out = {.count = 0};
    graft_program *program = NULL;
    graft_program_params params;
    gr_selftest_graph g = {.graph = graft_graph_create(log), .size = c->size};
    *values = (gr_selftest_values){.data = NULL};
    graft_status status = g.graph ? build(c, &g, &out) : GRAFT_ERR_MEMORY;
    graft_program_defaults(&params);
    params.outputs = out.values;
    params.output_count = out.count;
    if (status == GRAFT_OK)
        status = graft_program_create(log, device, &params, &program);
    if (status == GRAFT_OK)
        status = graft_program_run(program);
    if (status == GRAFT_OK)
        status = read_all(program, &out, values);
    graft_program_destroy(&program);
    graft_graph_destroy(&g.graph);
    if (status != GRAFT_OK) {
        gr_free(values->data);
        values->data = NULL;
    }
    return status;
}
