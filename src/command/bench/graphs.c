#include "command/bench/graphs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Multiply-adds that the reference may take for one check, about half a second. */
static const double CHECK_WORK = 2e8;
/* Of the largest number: thousands of terms in float, whatever their order. */
static const double TOLERANCE = 1e-4;

static graft_value *add_input(bench_graph *g, graft_shape shape, int64_t skipped)
{
    char name[8];
    if (g->input_count == BENCH_MAX_INPUTS)
        return NULL;
    int i = g->input_count++;
    snprintf(name, sizeof(name), "x%d", i);
    g->elements[i] = graft_shape_count(shape);
    g->skipped[i] = skipped;
    return g->inputs[i] = graft_input(g->graph, name, GRAFT_F32, shape);
}

graft_value *bench_units(bench_graph *g, graft_shape rest)
{
    graft_shape shape = {.rank = rest.rank + 1, .dim = {g->units}};
    memcpy(shape.dim + 1, rest.dim, (size_t)rest.rank * sizeof(*rest.dim));
    return add_input(g, shape, g->first * graft_shape_count(rest));
}

graft_value *bench_input(bench_graph *g, graft_shape shape)
{
    return add_input(g, shape, 0);
}

graft_value *bench_weight(bench_graph *g, graft_shape shape)
{
    size_t count = (size_t)graft_shape_count(shape);
    float *data = malloc(count * sizeof(*data));
    g->failed |= !data;
    if (!data)
        return NULL;
    bench_fill(data, count, 99);
    graft_value *v = graft_constant(g->graph, "weight", GRAFT_F32, shape, data);
    free(data);
    g->weight_bytes += 4.0 * (double)count;
    return v;
}

/* A program on one device with its inputs written. */
typedef struct program {
    graft_device *device;
    bench_graph graph;
    graft_value *result;
    graft_program *program;
    float *output;
    size_t count; /* of its elements */
} program;

static void release(program *p)
{
    graft_program_destroy(&p->program);
    graft_graph_destroy(&p->graph.graph);
    free(p->output);
    *p = (program){0};
}

/* Inputs are the same numbers on each device, wherever a graph's units begin. */
static graft_status write_inputs(cli *c, program *p)
{
    for (int i = 0; i < p->graph.input_count; i++) {
        size_t count = (size_t)p->graph.elements[i], skipped = (size_t)p->graph.skipped[i];
        float *data = malloc((skipped + count) * sizeof(*data));
        if (!data)
            return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
        bench_fill(data, skipped + count, (uint32_t)i + 1);
        graft_status status = graft_program_write(p->program, p->graph.inputs[i], data + skipped,
                                                  count * sizeof(*data));
        free(data);
        CLI_TRY(status);
    }
    return GRAFT_OK;
}

static graft_status make(cli *c, const bench_work *work, program *p)
{
    const bench_op *op = work->spec;
    graft_program_params params;
    p->graph.graph = graft_graph_create(c->log);
    p->result = op->build(&p->graph, work->shape);
    CLI_TRY(graft_graph_status(p->graph.graph));
    if (!p->result || p->graph.failed)
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    graft_program_defaults(&params);
    params.outputs = &p->result, params.output_count = 1;
    CLI_TRY(graft_program_create(c->log, p->device, &params, &p->program));
    CLI_TRY(write_inputs(c, p));
    p->count = (size_t)graft_shape_count(graft_value_shape(p->result));
    p->output = malloc(p->count * sizeof(*p->output));
    if (!p->output)
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    CLI_TRY(graft_program_run(p->program));
    return graft_program_read(p->program, p->result, p->output, p->count * sizeof(*p->output));
}

/* The last units, as many as the reference can do in time: edges of tiles are among them. */
static graft_status compare(bench *b, const bench_work *work, const program *p, double *error)
{
    const bench_op *op = work->spec;
    int64_t all = p->graph.units, some = all;
    double unit_work = op->unit_work > 0.0   ? op->unit_work
                       : p->graph.flop > 0.0 ? 0.5 * p->graph.flop / (double)all
                                             : 0.0;
    if (!p->graph.whole && unit_work > 0.0)
        some = (int64_t)fmin((double)all, fmax(1.0, CHECK_WORK / unit_work));
    program r = {.graph = {.units = some, .first = all - some}};
    graft_status status = bench_reference(b, &r.device);
    if (status == GRAFT_OK)
        status = make(b->c, work, &r);
    if (status == GRAFT_OK) {
        *error = bench_error(p->output + (p->count - r.count), r.output, r.count);
        status = bench_check(b, *error, TOLERANCE);
    }
    release(&r);
    return status;
}

static graft_status once(void *state)
{
    program *p = state;
    CLI_TRY(graft_program_run(p->program));
    return graft_device_wait(p->device);
}

static void close_program(void *state)
{
    release(state);
    free(state);
}

static double bytes_of(const program *p)
{
    double bytes = p->graph.weight_bytes + 4.0 * (double)p->count;
    for (int i = 0; i < p->graph.input_count; i++)
        bytes += 4.0 * (double)p->graph.elements[i];
    return bytes;
}

graft_status bench_open_graph(bench *b, bench_device *device, const bench_work *work,
                              bench_run *run)
{
    const bench_op *op = work->spec;
    program *p = calloc(1, sizeof(*p));
    if (!p)
        return cli_fail(b->c, GRAFT_ERR_MEMORY, "out of memory");
    *p = (program){.device = device->handle,
                   .graph = {.units = op->units ? op->units : work->shape[0]}};
    double error = 0.0;
    graft_status status = make(b->c, work, p);
    if (status == GRAFT_OK)
        status = compare(b, work, p, &error);
    if (status != GRAFT_OK) {
        close_program(p);
        return status;
    }
    *run = (bench_run){p, once, close_program, p->graph.flop, bytes_of(p), error, NULL};
    free(p->output);
    p->output = NULL;
    return GRAFT_OK;
}
