#include "plan/internal.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

graft_status gr_lower_status(const gr_plan *plan)
{
    return plan->status;
}

graft_status gr_lower_fail(gr_plan *plan, graft_status status, const char *fmt, ...)
{
    if (plan->status != GRAFT_OK)
        return plan->status;
    char text[900];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    plan->status = status;
    if (!plan->tentative || status != GRAFT_ERR_DEVICE_MEMORY)
        return gr_fail(plan->log, status, "%s", text);
    gr_log(plan->log, GRAFT_LOG_DEBUG, "%s", text);
    return status;
}

static bool visit(gr_plan *plan, bool *seen, gr_value *v, gr_value *user)
{
    gr_value_state *state = &plan->values[v->id];
    state->users += user != NULL;
    state->user = user;
    if (seen[v->id])
        return true;
    seen[v->id] = true;
    for (int i = 0; i < v->input_count; i++)
        if (!visit(plan, seen, v->input[i], v))
            return false;
    if (v->kind != GR_VALUE_RESULT)
        return true;
    gr_value **entry = gr_push(plan, (void **)&plan->order, &plan->order_count, sizeof(v));
    if (entry)
        *entry = v;
    return entry != NULL;
}

graft_status gr_plan_order(gr_plan *plan, gr_value *const *roots, int count)
{
    gr_graph *graph = roots[0]->graph;
    size_t values = (size_t)gr_graph_count(graph);
    plan->values = gr_alloc_array(plan, values, sizeof(*plan->values));
    bool *seen = gr_alloc_array(plan, values, sizeof(*seen));
    if (!plan->values || !seen)
        return gr_lower_fail(plan, GRAFT_ERR_MEMORY, "plan: out of memory");
    for (int i = 0; i < count; i++) {
        if (!visit(plan, seen, roots[i], NULL))
            return gr_lower_fail(plan, GRAFT_ERR_MEMORY, "plan: out of memory");
        plan->values[roots[i]->id].users += 2; /* its own storage is read later */
    }
    gr_free(seen);
    return GRAFT_OK;
}

static void lower_sink(gr_plan *plan, const gr_sink *sink)
{
    gr_view from = gr_lower_view(plan, sink->value);
    int slot = gr_plan_new_slot(plan, sink->into.size);
    if (plan->status != GRAFT_OK)
        return;
    plan->label = "accumulate";
    plan->slots[slot].external = true;
    plan->slots[slot].region = sink->into;
    gr_view to = gr_view_dense(slot, sink->value->shape);
    gr_lower_copy(plan, &from, &to, true);
}

static void lower_sinks_of(gr_plan *plan, const gr_plan_params *params, const gr_value *v)
{
    for (int i = 0; i < params->sink_count; i++)
        if (params->sinks[i].value == v)
            lower_sink(plan, &params->sinks[i]);
}

/* What goes into a sink goes there soon, so that its memory is free again; one value later, when a
 * barrier has mostly come between. */
static graft_status lower_values(gr_plan *plan, const gr_plan_params *params)
{
    const gr_value *last = NULL;
    for (size_t i = 0; i < plan->order_count && plan->status == GRAFT_OK; i++) {
        gr_value *v = plan->order[i];
        plan->label = v->op->name;
        plan->operators++;
        if (v->op->lower)
            v->op->lower(plan, v);
        lower_sinks_of(plan, params, last);
        last = v;
    }
    lower_sinks_of(plan, params, last);
    for (int i = 0; i < params->sink_count; i++)
        if (params->sinks[i].value->kind != GR_VALUE_RESULT) /* not in the order */
            lower_sink(plan, &params->sinks[i]);
    return plan->status;
}

/* A slot that holds the whole of `view` and nothing else, for gr_plan_bind to place. */
static gr_view lower_bound_output(gr_plan *plan, gr_view view)
{
    const gr_slot *slot = &plan->slots[view.slot];
    uint64_t bytes = (uint64_t)gr_shape_count(&view.shape) * sizeof(float);
    if (slot->external || slot->bytes != bytes)
        view = gr_plan_dense_copy(plan, &view);
    plan->slots[view.slot].external = true;
    return view;
}

static graft_status lower_outputs(gr_plan *plan, const gr_plan_params *params)
{
    plan->output_count = params->output_count;
    plan->outputs = gr_alloc_array(plan, (size_t)params->output_count, sizeof(*plan->outputs));
    plan->output_views =
        gr_alloc_array(plan, (size_t)params->output_count, sizeof(*plan->output_views));
    if (params->output_count && (!plan->outputs || !plan->output_views))
        return gr_lower_fail(plan, GRAFT_ERR_MEMORY, "plan: out of memory");
    for (int i = 0; i < params->output_count; i++) {
        gr_view view = gr_lower_dense(plan, params->outputs[i], true);
        if (params->bound_outputs && plan->status == GRAFT_OK)
            view = lower_bound_output(plan, view);
        if (plan->status != GRAFT_OK)
            return plan->status;
        plan->outputs[i] = params->outputs[i];
        plan->output_views[i] = view;
        plan->slots[view.slot].keep = true;
    }
    return GRAFT_OK;
}

/* Where the value of an update lies once other updates have changed their targets. */
static gr_view lower_update_value(gr_plan *plan, gr_value *value)
{
    gr_view view = gr_lower_dense(plan, value, true);
    if (plan->status == GRAFT_OK && plan->slots[view.slot].source)
        view = gr_plan_dense_copy(plan, &view);
    return view;
}

static graft_status lower_updates(gr_plan *plan, const gr_plan_params *params)
{
    gr_view *values = gr_alloc_array(plan, (size_t)params->update_count + 1, sizeof(*values));
    if (!values)
        return gr_lower_fail(plan, GRAFT_ERR_MEMORY, "plan: out of memory");
    plan->label = "update";
    for (int i = 0; i < params->update_count; i++)
        values[i] = lower_update_value(plan, params->updates[i].value);
    for (int i = 0; i < params->update_count && plan->status == GRAFT_OK; i++)
        params->updates[i].lower(plan, &params->updates[i], &values[i]);
    gr_free(values);
    return plan->status;
}

/* Sinks go backwards: the gradients of the last parameters are ready first. */
static graft_status order_roots(gr_plan *plan, const gr_plan_params *params)
{
    int count = params->output_count + params->update_count + params->sink_count;
    gr_value **roots = gr_alloc_array(plan, (size_t)count, sizeof(*roots));
    if (!roots || count == 0)
        return gr_lower_fail(plan, GRAFT_ERR_ARGUMENT, "plan: nothing to compute");
    int n = 0;
    for (int i = 0; i < params->output_count; i++)
        roots[n++] = params->outputs[i];
    for (int i = 0; i < params->update_count; i++)
        roots[n++] = params->updates[i].value;
    for (int i = params->sink_count - 1; i >= 0; i--)
        roots[n++] = params->sinks[i].value;
    graft_status status = gr_plan_order(plan, roots, count);
    gr_free(roots);
    return status;
}

graft_status gr_plan_create(graft_log *log, const gr_plan_params *params, gr_plan **out)
{
    gr_plan *plan = gr_alloc(NULL, sizeof(*plan));
    if (!plan)
        return gr_fail(log, GRAFT_ERR_MEMORY, "plan: out of memory");
    plan->log = log;
    plan->store = params->store;
    plan->device = gr_store_device(params->store);
    plan->profile = params->profile;
    plan->tentative = params->tentative;
    plan->scratch = params->scratch;
    plan->operators = 1; /* 0 stands for none */
    graft_status status = order_roots(plan, params);
    if (status == GRAFT_OK) {
        gr_plan_choose_destinations(plan);
        status = lower_values(plan, params);
    }
    if (status == GRAFT_OK)
        status = lower_outputs(plan, params);
    if (status == GRAFT_OK)
        status = lower_updates(plan, params);
    if (status == GRAFT_OK)
        status = gr_plan_layout(plan);
    if (status != GRAFT_OK) {
        gr_plan_destroy(plan);
        return status;
    }
    *out = plan;
    return GRAFT_OK;
}

void gr_plan_destroy(gr_plan *plan)
{
    if (!plan)
        return;
    gr_plan_forget(plan);
    for (size_t i = 0; i < plan->library_count; i++)
        gr_device_library_destroy(plan->device, &plan->libraries[i]);
    for (size_t i = 0; i < plan->block_count && plan->blocks && !plan->scratch; i++)
        gr_store_buffer_destroy(plan->store, &plan->blocks[i]);
    gr_free(plan);
}

bool gr_plan_fits(const gr_plan *plan)
{
    return !plan->scratch || gr_scratch_fits(plan->scratch, plan->block_bytes, plan->block_count);
}

graft_status gr_plan_make_room(gr_plan *plan)
{
    return gr_plan_fits(plan)
               ? GRAFT_OK
               : gr_scratch_grow(plan->scratch, plan->block_bytes, plan->block_count);
}

int gr_plan_dispatch_count(const gr_plan *plan)
{
    return (int)plan->step_count;
}

double gr_plan_work(const gr_plan *plan)
{
    double work = 0.0;
    for (size_t i = 0; i < plan->step_count; i++)
        work += plan->steps[i].launch.work;
    return work;
}

graft_status gr_plan_load(gr_plan *plan)
{
    if (plan->status == GRAFT_OK)
        plan->status = gr_plan_load_constants(plan);
    return plan->status;
}

graft_status gr_plan_prepare(gr_plan *plan)
{
    if (plan->status == GRAFT_OK && !plan->segments)
        plan->status = gr_plan_record(plan);
    return plan->status;
}

graft_status gr_plan_cut(gr_plan *plan, int commands)
{
    if (plan->segment_steps && plan->segment_steps <= commands)
        return gr_plan_prepare(plan);
    if (plan->segments)
        GR_TRY(gr_device_wait(plan->device));
    gr_plan_forget(plan);
    plan->segment_steps = commands;
    return gr_plan_prepare(plan);
}

int gr_plan_segment_commands(const gr_plan *plan, int segment)
{
    return (int)plan->segments[segment].count;
}

int gr_plan_segments(const gr_plan *plan)
{
    return (int)plan->segment_count;
}

bool gr_plan_reads(const gr_plan *plan, const gr_value *value)
{
    for (size_t i = 0; i < plan->slot_count; i++)
        if (plan->slots[i].source == value && (plan->slots[i].first >= 0 || plan->slots[i].keep))
            return true;
    return false;
}

/* A new place for a slot; what was recorded for the old one is void. */
static graft_status rebind(gr_plan *plan, gr_slot *slot, const gr_region *region)
{
    if (plan->segments)
        GR_TRY(gr_device_wait(plan->device));
    gr_plan_forget(plan);
    slot->region = *region;
    return GRAFT_OK;
}

graft_status gr_plan_bind(gr_plan *plan, const gr_value *value, gr_region region)
{
    for (size_t i = 0; i < plan->slot_count; i++)
        if (plan->slots[i].source == value)
            GR_TRY(rebind(plan, &plan->slots[i], &region));
    for (int i = 0; i < plan->output_count; i++)
        if (plan->outputs[i] == value && plan->slots[plan->output_views[i].slot].source == NULL)
            GR_TRY(rebind(plan, &plan->slots[plan->output_views[i].slot], &region));
    return GRAFT_OK;
}

graft_status gr_plan_run(gr_plan *plan)
{
    GR_TRY(gr_plan_prepare(plan));
    return gr_plan_run_segments(plan, 0, (int)plan->segment_count);
}

gr_list *gr_plan_segment(const gr_plan *plan, int index)
{
    return plan->segments[index].list;
}

graft_status gr_plan_run_segments(gr_plan *plan, int first, int count)
{
    for (int i = first; i < first + count; i++)
        GR_TRY(gr_device_submit(plan->device, plan->segments[i].list));
    return GRAFT_OK;
}

gr_region gr_plan_output(const gr_plan *plan, const gr_value *output)
{
    for (int i = 0; i < plan->output_count; i++)
        if (plan->outputs[i] == output)
            return plan->slots[plan->output_views[i].slot].region;
    return (gr_region){0};
}

graft_status gr_plan_read(gr_plan *plan, const gr_value *output, void *data)
{
    gr_region region = gr_plan_output(plan, output);
    if (!region.buffer)
        return gr_fail(plan->log, GRAFT_ERR_ARGUMENT, "%s: not an output of this plan",
                       output->name);
    GR_TRY(gr_device_wait(plan->device));
    return gr_device_buffer_read(plan->device, region.buffer, region.offset, data,
                                 (uint64_t)gr_shape_count(&output->shape) * 4);
}

static int by_time(const void *a, const void *b)
{
    double x = ((const graft_kernel_time *)a)->milliseconds;
    double y = ((const graft_kernel_time *)b)->milliseconds;
    return x < y ? 1 : x > y ? -1 : 0;
}

static graft_kernel_time *time_of(graft_kernel_time *times, int *count, const gr_step *step)
{
    char name[sizeof(times->name)];
    snprintf(name, sizeof(name), "%s/%s", step->label,
             step->kind == GR_COMMAND_DISPATCH ? step->launch.kernel->name : "-");
    for (int k = 0; k < *count; k++)
        if (strcmp(times[k].name, name) == 0)
            return &times[k];
    times[*count] = (graft_kernel_time){{0}};
    memcpy(times[*count].name, name, sizeof(name));
    return &times[(*count)++];
}

static void add_step(const gr_plan *plan, const gr_step *step, double ns, graft_kernel_time *t)
{
    t->dispatches++;
    t->milliseconds += ns * 1e-6;
    t->flop += 2.0 * step->launch.work;
    for (int i = 0; i < step->slot_count; i++)
        t->bytes += (double)plan->slots[step->launch.slot[i]].region.size;
}

/* Of all kernels, in an array that gr_free frees. */
static graft_status times_of(gr_plan *plan, graft_kernel_time **out, int *count)
{
    graft_kernel_time *times = gr_alloc_array(NULL, plan->step_count + 1, sizeof(*times));
    double *ns = gr_alloc_array(times, plan->step_count + 1, sizeof(*ns));
    *count = 0;
    graft_status status = GRAFT_OK;
    if (!times || !ns)
        status = gr_fail(plan->log, GRAFT_ERR_MEMORY, "profile: out of memory");
    else if (!plan->segments)
        status = gr_fail(plan->log, GRAFT_ERR_ARGUMENT, "profile: nothing has run yet");
    else
        status = gr_device_wait(plan->device);
    for (size_t i = 0; i < plan->segment_count && status == GRAFT_OK; i++)
        status = gr_device_list_times(plan->device, plan->segments[i].list,
                                      ns + plan->segments[i].first);
    if (status != GRAFT_OK) {
        gr_free(times);
        return status;
    }
    for (size_t i = 0; i < plan->step_count; i++)
        add_step(plan, &plan->steps[i], ns[i], time_of(times, count, &plan->steps[i]));
    qsort(times, (size_t)*count, sizeof(*times), by_time);
    *out = times;
    return GRAFT_OK;
}

graft_status gr_plan_times(gr_plan *plan, graft_kernel_time *times, int max, int *count)
{
    graft_kernel_time *all;
    GR_TRY(times_of(plan, &all, count));
    for (int i = 0; i < *count && i < max; i++)
        times[i] = all[i];
    gr_free(all);
    return GRAFT_OK;
}

graft_status gr_plan_profile(gr_plan *plan)
{
    graft_kernel_time *times;
    int count;
    double total = 0.0;
    GR_TRY(times_of(plan, &times, &count));
    for (int i = 0; i < count; i++)
        total += times[i].milliseconds;
    for (int i = 0; i < count; i++)
        gr_log(plan->log, GRAFT_LOG_INFO, "%-40s %5d x %10.3f ms %5.1f %%", times[i].name,
               times[i].dispatches, times[i].milliseconds, 100.0 * times[i].milliseconds / total);
    gr_free(times);
    return GRAFT_OK;
}
