/* Programs: made, run, measured. */
#include "compute/program.h"

#include "base/log.h"
#include "base/mem.h"
#include "compute/scalars.h"
#include "compute/update.h"

#include <stdio.h>

void graft_program_defaults(graft_program_params *params)
{
    if (params)
        *params = (graft_program_params){
            .optimizer = {.kind = GRAFT_OPTIMIZER_ADAMW,
                          .lr = 0.001f,
                          .beta1 = 0.9f,
                          .beta2 = 0.999f,
                          .eps = 1e-8f,
                          .momentum = 0.9f},
        };
}

/* The graph of the outputs, if they are all there and of one. */
static graft_status find_graph(graft_log *log, const graft_program_params *params,
                               graft_graph **out)
{
    if (!params || params->output_count <= 0 || !params->outputs)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "program: `outputs` is empty");
    for (int i = 0; i < params->output_count; i++) {
        const graft_value *value = params->outputs[i];
        if (!value)
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "program: output %d is NULL; graft_graph_status() tells why", i);
        if (value->kind != GR_VALUE_RESULT)
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "program: output %d, %s, is no result of an operator", i, value->name);
        if (value->graph != params->outputs[0]->graph)
            return gr_fail(log, GRAFT_ERR_ARGUMENT, "program: output %d, %s, is of another graph",
                           i, value->name);
        for (int k = 0; k < i; k++)
            if (params->outputs[k] == value)
                return gr_fail(log, GRAFT_ERR_ARGUMENT, "program: output %d, %s, is output %d too",
                               i, value->name, k);
    }
    *out = params->outputs[0]->graph;
    return gr_graph_status(*out);
}

static graft_status add_slot(graft_program *p, graft_value *value, bool output)
{
    gr_program_slot *slot = gr_push(p, (void **)&p->slots, &p->slot_count, sizeof(*slot));
    if (!slot)
        return gr_fail(p->log, GRAFT_ERR_MEMORY, "program: out of memory");
    slot->value = value;
    slot->output = output;
    return GRAFT_OK;
}

static graft_status add_slots(graft_program *p, const graft_program_params *params)
{
    for (int i = 0; i < gr_graph_count(p->graph); i++) {
        graft_value *value = gr_graph_at(p->graph, i);
        if (value->kind == GR_VALUE_INPUT && gr_plan_reads(p->plan, value))
            GR_TRY(add_slot(p, value, false));
    }
    for (int i = 0; i < params->output_count; i++)
        GR_TRY(add_slot(p, params->outputs[i], true));
    return GRAFT_OK;
}

static graft_status share_state(graft_program *p, const graft_program *other)
{
    if (other && other->device != p->device)
        return gr_fail(p->log, GRAFT_ERR_ARGUMENT, "program: `share` is on %s; expected %s",
                       other->device->info.id, p->device->info.id);
    p->state = other ? other->state : gr_alloc(NULL, sizeof(*p->state));
    if (!p->state)
        return gr_fail(p->log, GRAFT_ERR_MEMORY, "program: out of memory");
    p->state->users++;
    return other ? GRAFT_OK : gr_store_create(p->log, p->device, &p->state->store);
}

static void release_state(gr_program_state *state)
{
    if (!state || --state->users > 0)
        return;
    gr_store_destroy(state->store);
    gr_free(state);
}

/* Parameters and state lie in the store that programs share. */
static graft_status bind_state(graft_program *p)
{
    for (int i = 0; i < gr_graph_count(p->graph); i++) {
        graft_value *value = gr_graph_at(p->graph, i);
        gr_region region;
        if ((value->kind != GR_VALUE_PARAM && value->kind != GR_VALUE_STATE) ||
            !gr_plan_reads(p->plan, value))
            continue;
        GR_TRY(gr_store_value(p->state->store, value, &region));
        GR_TRY(gr_plan_bind(p->plan, value, region));
    }
    return GRAFT_OK;
}

static graft_status find_scalars(graft_program *p)
{
    const graft_value *value = gr_graph_find(p->graph, GR_COMPUTE_OWN "scalars");
    p->scalars = value ? gr_program_find(p, value, false) : NULL;
    return p->scalars ? gr_program_own_buffer(p, p->scalars) : GRAFT_OK;
}

static graft_status build(graft_program *p, const graft_program_params *params)
{
    gr_update *updates;
    int update_count;
    GR_TRY(gr_store_create(p->log, p->device, &p->store));
    GR_TRY(share_state(p, params->share));
    GR_TRY(gr_program_updates(p->log, p, p->graph, params, &updates, &update_count));
    gr_plan_params plan = {
        .updates = updates,
        .update_count = update_count,
        .store = p->store,
        .outputs = params->outputs,
        .output_count = params->output_count,
        .bound_outputs = true,
        .profile = params->profile,
    };
    GR_TRY(gr_plan_create(p->log, &plan, &p->plan));
    GR_TRY(add_slots(p, params));
    GR_TRY(bind_state(p));
    GR_TRY(find_scalars(p));
    return gr_plan_load(p->plan);
}

graft_status graft_program_create(graft_log *log, graft_device *device,
                                  const graft_program_params *params, graft_program **out)
{
    graft_graph *graph = NULL;
    if (!out)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "program: nowhere to put it");
    *out = NULL;
    if (!device)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "program: no device");
    GR_TRY(find_graph(log, params, &graph));
    const gr_device *d = gr_device_from_public(device);
    if (params->profile && !d->caps.timestamps)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "program: `profile`: %s cannot measure kernels; leave it out", d->info.id);
    graft_program *p = gr_alloc(NULL, sizeof(*p));
    if (!p)
        return gr_fail(log, GRAFT_ERR_MEMORY, "program: out of memory");
    p->log = log;
    p->device = gr_device_from_public(device);
    p->graph = gr_graph_share(graph);
    p->optimizer = params->optimizer;
    p->seed = params->seed;
    p->profiled = params->profile;
    graft_status status = build(p, params);
    if (status != GRAFT_OK)
        graft_program_destroy(&p);
    *out = p;
    return status;
}

void graft_program_destroy(graft_program **program)
{
    if (!program || !*program)
        return;
    graft_program *p = *program;
    gr_device_wait(p->device); /* a lost device is no reason to keep anything */
    gr_plan_destroy(p->plan);
    for (size_t i = 0; i < p->slot_count; i++)
        graft_buffer_destroy(&p->slots[i].buffer);
    gr_store_destroy(p->store);
    release_state(p->state);
    gr_graph_destroy(p->graph);
    gr_free(p);
    *program = NULL;
}

graft_status graft_program_set_lr(graft_program *p, float lr)
{
    if (!p)
        return GRAFT_ERR_ARGUMENT;
    p->optimizer.lr = lr;
    return GRAFT_OK;
}

graft_status graft_program_set_run(graft_program *p, uint64_t run)
{
    if (!p)
        return GRAFT_ERR_ARGUMENT;
    p->run = run;
    return GRAFT_OK;
}

gr_scalars gr_program_scalars(const graft_program *p)
{
    gr_scalars scalars = {
        .seed_lo = (uint32_t)p->seed,
        .seed_hi = (uint32_t)(p->seed >> 32),
        .step = (uint32_t)p->run,
    };
    gr_update_scalars(&p->optimizer, p->run + 1, p->optimizer.lr, &scalars);
    return scalars;
}

static graft_status write_scalars(graft_program *p)
{
    gr_scalars scalars = gr_program_scalars(p);
    return gr_store_write(p->store, &p->scalars->region, &scalars);
}

graft_status graft_program_run(graft_program *p)
{
    if (!p)
        return GRAFT_ERR_ARGUMENT;
    GR_TRY(gr_program_check_bindings(p));
    if (p->scalars)
        GR_TRY(write_scalars(p));
    GR_TRY(gr_plan_run(p->plan));
    p->run++;
    return GRAFT_OK;
}

uint64_t graft_program_memory(const graft_program *p)
{
    return p ? gr_plan_memory(p->plan, NULL) : 0;
}

int graft_program_commands(const graft_program *p)
{
    return p ? gr_plan_dispatch_count(p->plan) : 0;
}

graft_status graft_program_profile(graft_program *p, graft_kernel_time *times, int max, int *count)
{
    if (!p || !count || (max > 0 && !times))
        return GRAFT_ERR_ARGUMENT;
    return gr_plan_times(p->plan, times, max, count);
}
