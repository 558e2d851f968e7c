#include "compute/update.h"

#include "base/log.h"
#include "base/mem.h"
#include "compute/scalars.h"
#include "passes/passes.h"
#include "plan/elementwise.h"
#include "plan/lower.h"

#include "shaders/adamw.gk.h"
#include "shaders/sgd.gk.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* adamw and sgd share their parameters. */
_Static_assert(sizeof(gr_adamw_params) == sizeof(gr_sgd_params), "one layout for both updates");

void gr_update_scalars(const graft_optimizer_params *o, uint64_t t, float lr, gr_scalars *out)
{
    out->lr = lr;
    out->beta1 = o->beta1;
    out->beta2 = o->beta2;
    out->eps = o->eps;
    out->bias1 = (float)(1.0 - pow(o->beta1, (double)t));
    out->sqrt_bias2 = (float)sqrt(1.0 - pow(o->beta2, (double)t));
    out->momentum = o->momentum;
}

gr_value *gr_compute_scalars(gr_graph *graph)
{
    const char *name = GR_COMPUTE_OWN "scalars";
    gr_value *found = gr_graph_find(graph, name);
    return found
               ? found
               : gr_graph_input(graph, name, GR_F32, GR_SHAPE(sizeof(gr_scalars) / sizeof(float)));
}

static graft_status lower_assignment(gr_plan *plan, const gr_update *update, const gr_view *value)
{
    gr_view to = gr_lower_view(plan, update->target);
    gr_lower_copy(plan, value, &to, false);
    return gr_lower_status(plan);
}

/* What an optimiser keeps of a parameter from run to run; zeros at first. */
static gr_value *moment(gr_value *param, int number)
{
    char name[256];
    snprintf(name, sizeof(name), GR_COMPUTE_OWN "moment %d of %.200s", number, param->name);
    gr_value *found = gr_graph_find(param->graph, name);
    if (found)
        return found;
    size_t bytes = (size_t)gr_shape_count(&param->shape) * sizeof(float);
    return gr_graph_state(param->graph, name, param->shape, GR_F32,
                          gr_graph_memory(param->graph, bytes));
}

static graft_status lower_optimizer(gr_plan *plan, const gr_update *update, const gr_view *value)
{
    const graft_optimizer_params *o = update->user;
    gr_value *param = update->target;
    bool adamw = o->kind == GRAFT_OPTIMIZER_ADAMW;
    gr_adamw_params p = {
        .count = (uint32_t)gr_shape_count(&param->shape),
        .weight_decay = o->weight_decay,
    };
    gr_launch launch = gr_launch_of(plan, adamw ? &gr_kernel_adamw : &gr_kernel_sgd, &p);
    gr_elementwise_grid(p.count, launch.tunable[0], &p.rows, &p.cols, launch.grid);
    int n = 0;
    launch.slot[n++] = gr_lower_view(plan, param).slot;
    launch.slot[n++] = value->slot;
    launch.slot[n++] = gr_lower_view(plan, moment(param, 1)).slot;
    if (adamw)
        launch.slot[n++] = gr_lower_view(plan, moment(param, 2)).slot;
    launch.slot[n++] = gr_lower_view(plan, gr_compute_scalars(param->graph)).slot;
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

static graft_status add(graft_log *log, void *parent, gr_update **updates, int *count,
                        gr_update update)
{
    for (int i = 0; i < *count; i++)
        if ((*updates)[i].target == update.target)
            return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: updated twice by one program",
                           update.target->name);
    size_t n = (size_t)*count;
    gr_update *place = gr_push(parent, (void **)updates, &n, sizeof(*place));
    if (!place)
        return gr_fail(log, GRAFT_ERR_MEMORY, "program: out of memory");
    *place = update;
    *count = (int)n;
    return GRAFT_OK;
}

static graft_status check_assignment(graft_log *log, const graft_graph *graph,
                                     const graft_assignment *a)
{
    if (!a->target || !a->value)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "program: an assignment has no %s",
                       a->target ? "value" : "target");
    if (a->target->kind != GR_VALUE_PARAM && a->target->kind != GR_VALUE_STATE)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: neither parameter nor state, to be assigned to", a->target->name);
    if (a->target->graph != graph || a->value->graph != graph)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: assigned across graphs", a->target->name);
    char to[GR_SHAPE_TEXT], from[GR_SHAPE_TEXT];
    if (!gr_shape_equal(&a->target->shape, &a->value->shape) || a->value->dtype != GR_F32)
        return gr_fail(log, GRAFT_ERR_SHAPE, "%s %s: assigned %s %s of %s", a->target->name,
                       gr_shape_text(&a->target->shape, to), a->value->name,
                       gr_shape_text(&a->value->shape, from), gr_dtype_name(a->value->dtype));
    return GRAFT_OK;
}

static graft_status check_optimizer(graft_log *log, const graft_optimizer_params *o)
{
    if (o->kind != GRAFT_OPTIMIZER_ADAMW && o->kind != GRAFT_OPTIMIZER_SGD)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "program: no optimizer %d, see graft_optimizer",
                       (int)o->kind);
    if (!(o->beta1 >= 0.0f && o->beta1 < 1.0f && o->beta2 >= 0.0f && o->beta2 < 1.0f))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "program: `beta1` %g, `beta2` %g; expected [0, 1)",
                       (double)o->beta1, (double)o->beta2);
    return GRAFT_OK;
}

/* The parameters of a graph, in creation order. */
static int find_params(graft_graph *graph, gr_value **params)
{
    int count = 0;
    for (int i = 0; i < gr_graph_count(graph); i++)
        if (gr_graph_at(graph, i)->kind == GR_VALUE_PARAM)
            params[count++] = gr_graph_at(graph, i);
    return count;
}

/* Makes what lower_optimizer looks up, while the graph may still grow. */
static graft_status prepare_optimizer(const graft_optimizer_params *o, gr_value *param)
{
    gr_compute_scalars(param->graph);
    moment(param, 1);
    if (o->kind == GRAFT_OPTIMIZER_ADAMW)
        moment(param, 2);
    return gr_graph_status(param->graph);
}

static graft_status add_optimizer(graft_log *log, void *parent, const graft_program_params *params,
                                  gr_update **updates, int *count)
{
    graft_graph *graph = params->loss->graph;
    size_t values = (size_t)gr_graph_count(graph);
    GR_TRY(check_optimizer(log, &params->optimizer));
    gr_value **trained = gr_alloc_array(parent, values, sizeof(*trained));
    gr_value **gradients = gr_alloc_array(parent, values, sizeof(*gradients));
    graft_optimizer_params *o = gr_alloc(parent, sizeof(*o));
    if (!trained || !gradients || !o)
        return gr_fail(log, GRAFT_ERR_MEMORY, "program: out of memory");
    *o = params->optimizer;
    int trained_count = find_params(graph, trained), reached = 0;
    GR_TRY(gr_graph_gradients(graph, params->loss, trained, trained_count, gradients));
    for (int i = 0; i < trained_count; i++) {
        if (!gradients[i])
            continue;
        reached++;
        GR_TRY(prepare_optimizer(o, trained[i]));
        GR_TRY(add(log, parent, updates, count,
                   (gr_update){lower_optimizer, trained[i], gradients[i], o}));
    }
    return reached ? GRAFT_OK
                   : gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: the loss depends on no parameter",
                             params->loss->name);
}

graft_status gr_program_updates(graft_log *log, void *parent, graft_graph *graph,
                                const graft_program_params *params, gr_update **out, int *count)
{
    *out = NULL;
    *count = 0;
    if (params->assignment_count > 0 && !params->assignments)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "program: `assignments` is NULL");
    for (int i = 0; i < params->assignment_count; i++) {
        const graft_assignment *a = &params->assignments[i];
        GR_TRY(check_assignment(log, graph, a));
        GR_TRY(
            add(log, parent, out, count, (gr_update){lower_assignment, a->target, a->value, NULL}));
    }
    if (!params->loss)
        return GRAFT_OK;
    if (params->loss->graph != graph)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "program: the loss, %s, is of another graph",
                       params->loss->name);
    return add_optimizer(log, parent, params, out, count);
}
