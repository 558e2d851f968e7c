/* A trainer's two networks, planned so that they fit the device's memory. */
#include "train/trainer_internal.h"

#include "base/mem.h"
#include "passes/passes.h"

/* Whether it is left to try. */
static bool may_recompute(const gr_trainer *t)
{
    return t->params.recompute == GRAFT_RECOMPUTE_AUTO && !t->recompute;
}

/* Something smaller can be tried, so that what does not fit is no error. */
static bool is_tentative(const gr_trainer *t)
{
    return t->micro > 1 || may_recompute(t);
}

static graft_status build_network(gr_trainer *t, bool training, bool cut, gr_network *n)
{
    gr_build build = {
        .config = &t->config,
        .methods = t->params.methods,
        .weights = t->params.weights,
        .from_scratch = !t->params.weights,
        .adapter = t->params.adapter,
        .seed = t->params.seed,
        .head_init = t->params.head_init,
        .head_norm = t->params.head_norm,
        .drop_path = t->params.drop_path,
        .drop_elements = t->params.drop_elements,
        .cut_features = cut,
    };
    gr_target_kind targets = !training                ? GR_TARGETS_NONE
                             : t->params.soft_targets ? GR_TARGETS_SOFT
                                                      : GR_TARGETS_LABELS;
    return gr_network_build(t->log, build, t->micro, targets, n);
}

/* The PARAM and STATE values of a graph, in creation order. */
static gr_value **collect_params(gr_graph *graph, size_t *count)
{
    gr_value **values = gr_alloc_array(NULL, (size_t)gr_graph_count(graph), sizeof(*values));
    *count = 0;
    for (int i = 0; values && i < gr_graph_count(graph); i++)
        if (gr_graph_at(graph, i)->kind == GR_VALUE_PARAM ||
            gr_graph_at(graph, i)->kind == GR_VALUE_STATE)
            values[(*count)++] = gr_graph_at(graph, i);
    return values;
}

static graft_status create_parameters(gr_trainer *t, gr_value *const *values, size_t count)
{
    unsigned planes = gr_optimizer_planes(t->params.optimizer.kind);
    if (t->params.ema > 0.0)
        planes |= GR_PLANE_BIT(GR_PLANE_AVERAGE);
    if (!t->reached)
        t->reached = gr_alloc_array(t, count + 1, sizeof(*t->reached));
    if (!t->reached)
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "trainer: out of memory");
    if (!t->loss_sum.buffer) /* there from an attempt with larger micro-batches */
        GR_TRY(gr_store_allocate(t->store, "loss", sizeof(float), GR_MEMORY_HOST, &t->loss_sum));
    return gr_params_create(t->log, t->store, values, count, t->params.no_decay, planes,
                            &t->parameters);
}

/* The training plan for the graph in `n`; parameters are laid out by the first call. */
static graft_status plan_training(gr_trainer *t, gr_network *n)
{
    size_t count;
    int forward = gr_graph_count(n->graph);
    gr_value **values = collect_params(n->graph, &count);
    gr_value **grads = values ? gr_alloc_array(values, count + 1, sizeof(*grads)) : NULL;
    gr_sink *sinks = values ? gr_alloc_array(values, count + 1, sizeof(*sinks)) : NULL;
    if (!grads || !sinks) {
        gr_free(values);
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "trainer: out of memory");
    }
    graft_status status = gr_graph_gradients(n->graph, n->loss, values, (int)count, grads);
    if (status == GRAFT_OK && t->recompute)
        status = gr_graph_recompute(n->graph, forward);
    if (status == GRAFT_OK && !t->parameters)
        status = create_parameters(t, values, count);
    int used = 0;
    for (size_t i = 0; i < count && status == GRAFT_OK; i++) {
        const gr_param *p = gr_params_find(t->parameters, values[i]->name);
        t->reached[p - t->parameters->items] = grads[i] != NULL;
        if (grads[i])
            sinks[used++] =
                (gr_sink){grads[i], gr_params_region(t->parameters, p, GR_PLANE_GRADIENT)};
        if (values[i]->change)
            sinks[used++] =
                (gr_sink){values[i]->change, gr_params_region(t->parameters, p, GR_PLANE_VALUE)};
    }
    if (status == GRAFT_OK) {
        sinks[used++] = (gr_sink){n->loss, t->loss_sum};
        gr_plan_params plan = {.store = t->store,
                               .sinks = sinks,
                               .sink_count = used,
                               .profile = t->params.profile,
                               .tentative = is_tentative(t)};
        status = gr_plan_create(t->log, &plan, &n->plan);
    }
    gr_free(values);
    return status;
}

static graft_status plan_evaluation(gr_trainer *t, gr_network *n)
{
    gr_plan_params plan = {
        .store = t->store, .outputs = &n->logits, .output_count = 1, .tentative = is_tentative(t)};
    return gr_plan_create(t->log, &plan, &n->plan);
}

/* ---- Features that are kept ------------------------------------------------------------- */

/* A part of a step's multiply-adds that is worth keeping its results. */
static const double WORTH = 0.25;

static double work_of(const gr_network *n)
{
    double kept = gr_plan_work(gr_features_plan(n->features));
    return kept / (kept + gr_plan_work(n->plan));
}

/* Plans what is cut off, if there is something that fits into *left bytes of host memory and is
 * worth it; else *worth is false. */
static graft_status plan_features(gr_trainer *t, gr_network *n, uint32_t images, uint64_t *left,
                                  bool *worth)
{
    uint64_t bytes = gr_features_bytes(n->cut, n->cut_count);
    *worth = false;
    if (!n->cut_count)
        return GRAFT_OK;
    GR_TRY(gr_features_create(t->log, t->store, n->cut, n->cut_count, images, is_tentative(t),
                              &n->features));
    if (work_of(n) < WORTH)
        return GRAFT_OK;
    *worth = bytes <= *left / images;
    if (*worth)
        *left -= bytes * images;
    else
        gr_log(t->log, GRAFT_LOG_INFO,
               "features of %u images, %.1f MiB, are computed anew each time: `keep_features` has "
               "%.1f MiB left",
               images, (double)bytes * images / 0x1p20, (double)*left / 0x1p20);
    return GRAFT_OK;
}

typedef graft_status plan_function(gr_trainer *t, gr_network *n);

/* A network with its plan: cut in two where features are kept. */
static graft_status plan_network(gr_trainer *t, bool training, uint32_t images, uint64_t *left,
                                 gr_network *n)
{
    plan_function *plan = training ? plan_training : plan_evaluation;
    bool cut = images > 0;
    GR_TRY(build_network(t, training, cut, n));
    GR_TRY(plan(t, n));
    if (cut)
        GR_TRY(plan_features(t, n, images, left, &cut));
    if (cut || !n->cut_count)
        return GRAFT_OK;
    gr_network_release(n);
    GR_TRY(build_network(t, training, false, n));
    return plan(t, n);
}

/* Without the regions, which are there once the networks are prepared. */
static gr_staging_params staging_params(const gr_trainer *t)
{
    uint64_t targets = (uint64_t)gr_shape_count(&t->train.targets->shape) * sizeof(float);
    return (gr_staging_params){
        .store = t->store,
        .batch = t->params.batch,
        .micro = t->micro,
        .image_size = t->config.image_size,
        .normalization = t->params.preprocess ? &t->preprocess.normalization : NULL,
        .targets = {.size = targets},
    };
}

static graft_status create_staging(gr_trainer *t)
{
    gr_staging_params p = staging_params(t);
    GR_TRY(gr_store_value(t->store, t->train.image, &p.images));
    GR_TRY(gr_store_value(t->store, t->train.targets, &p.targets));
    GR_TRY(gr_store_value(t->store, t->train.scalars, &p.scalars));
    return gr_staging_create(t->log, &p, &t->staging);
}

/* Plans both networks for the present micro-batch. *bytes: device memory with all that is there
 * already. */
static graft_status plan_networks(gr_trainer *t, uint64_t *bytes)
{
    gr_plan *plans[4];
    int count = 0;
    uint64_t left = t->params.kept_bytes;
    GR_TRY(plan_network(t, true, t->params.kept_images, &left, &t->train));
    GR_TRY(plan_network(t, false, t->params.kept_test_images, &left, &t->eval));
    plans[count++] = t->train.plan;
    plans[count++] = t->eval.plan;
    if (t->train.features)
        plans[count++] = gr_features_plan(t->train.features);
    if (t->eval.features)
        plans[count++] = gr_features_plan(t->eval.features);
    GR_TRY(gr_plan_peak_memory(plans, count, bytes));
    gr_staging_params staging = staging_params(t);
    *bytes += t->device->allocated_bytes + gr_staging_bytes(&staging);
    if (t->params.preprocess)
        *bytes += gr_normalizer_bytes(t->micro, t->config.image_size);
    return GRAFT_OK;
}

static graft_status too_little_memory(gr_trainer *t, uint64_t bytes, uint64_t limit)
{
    return gr_fail(t->log, GRAFT_ERR_DEVICE_MEMORY,
                   "memory budget of %.1f MiB: training one image at a time needs %.1f MiB; raise "
                   "`memory_budget`, or take a smaller model or image size",
                   (double)limit / 0x1p20, (double)bytes / 0x1p20);
}

static graft_status too_little_for_statistics(gr_trainer *t)
{
    return gr_fail(t->log, GRAFT_ERR_DEVICE_MEMORY,
                   "head norm: takes its statistics from a whole batch, and %d images do not fit "
                   "at once; lower `batch_size`, or raise `memory_budget`",
                   t->params.batch);
}

static graft_status prepare(gr_trainer *t, gr_network *n)
{
    GR_TRY(gr_plan_prepare(n->plan));
    if (n->features)
        GR_TRY(gr_features_prepare(n->features));
    return gr_network_clear_images(t->log, t->store, n);
}

/* Halves the micro-batch until everything fits, or nothing smaller may be tried: then *fits is
 * false. *bytes: what the last one takes, where its status is GRAFT_OK. */
static graft_status fit_micro_batch(gr_trainer *t, uint64_t limit, uint64_t *bytes, bool *fits)
{
    int most = t->params.micro_batch ? t->params.micro_batch : t->params.batch;
    t->micro = most < t->params.batch ? most : t->params.batch;
    for (;; t->micro = (t->micro + 1) / 2) {
        graft_status status = plan_networks(t, bytes);
        bool whole = gr_trainer_takes_whole_batches(t);
        *fits = status == GRAFT_OK && (!limit || *bytes <= limit) &&
                (!whole || t->micro == t->params.batch);
        if (*fits || whole || t->micro == 1 ||
            (status != GRAFT_OK && status != GRAFT_ERR_DEVICE_MEMORY))
            return status;
        gr_network_release(&t->train);
        gr_network_release(&t->eval);
    }
}

/* Only then: micro-batches take no more time, and this does. */
static graft_status fit_by_recomputing(gr_trainer *t, uint64_t limit, uint64_t *bytes, bool *fits)
{
    gr_network_release(&t->train);
    gr_network_release(&t->eval);
    t->recompute = true;
    GR_TRY(fit_micro_batch(t, limit, bytes, fits));
    if (*fits)
        gr_log(t->log, GRAFT_LOG_INFO,
               "activations are computed twice to fit into the memory: steps take a third to a "
               "half longer");
    return GRAFT_OK;
}

graft_status gr_trainer_fit_networks(gr_trainer *t)
{
    /* the driver, its libraries and the screen have a part of the memory, too */
    uint64_t bytes = 0, limit = t->params.memory_budget ? t->params.memory_budget
                                                        : t->device->caps.memory_bytes / 8 * 7;
    bool fits;
    t->recompute = t->params.recompute == GRAFT_RECOMPUTE_ALWAYS;
    graft_status status = fit_micro_batch(t, limit, &bytes, &fits);
    if (!fits && may_recompute(t) && (status == GRAFT_OK || status == GRAFT_ERR_DEVICE_MEMORY))
        status = fit_by_recomputing(t, limit, &bytes, &fits);
    if (!fits && status != GRAFT_OK && status != GRAFT_ERR_DEVICE_MEMORY)
        return status;
    if (!fits && gr_trainer_takes_whole_batches(t))
        return too_little_for_statistics(t);
    if (!fits)
        return status == GRAFT_OK ? too_little_memory(t, bytes, limit) : status;
    if (t->micro < t->params.batch)
        gr_log(t->log, GRAFT_LOG_INFO, "batch of %d in micro-batches of %d", t->params.batch,
               t->micro);
    GR_TRY(prepare(t, &t->train));
    GR_TRY(prepare(t, &t->eval));
    return create_staging(t);
}
