#include "train/trainer_internal.h"

#include "base/mem.h"

static graft_status record_zero_loss(gr_trainer *t)
{
    gr_command c = {
        .kind = GR_COMMAND_FILL,
        .label = "zero loss",
        .binding_count = 1,
        .binding = {{t->loss_sum.buffer, t->loss_sum.offset, t->loss_sum.size}},
    };
    return gr_device_list_create(t->device, &c, 1, false, &t->zero_loss);
}

graft_status gr_trainer_create(graft_log *log, const gr_trainer_params *params, gr_trainer **out)
{
    gr_trainer *t = gr_alloc(NULL, sizeof(*t));
    if (!t)
        return gr_fail(log, GRAFT_ERR_MEMORY, "trainer: out of memory");
    t->log = log;
    t->device = params->device;
    t->config = *params->config;
    t->params = *params;
    t->preprocess.size = t->config.image_size;
    if (params->preprocess)
        t->preprocess = *params->preprocess;
    graft_status status = gr_model_config_check(log, &t->config);
    if (status == GRAFT_OK)
        status = params->below ? gr_store_create_on(params->below, params->shared,
                                                    params->shared_user, &t->store)
                               : gr_store_create(log, t->device, &t->store);
    if (status == GRAFT_OK && !params->below)
        gr_store_set_weights(t->store, params->kept_weights);
    if (status == GRAFT_OK)
        status = gr_trainer_fit_networks(t);
    if (status == GRAFT_OK)
        status = gr_store_allocate(t->store, "update.scalars", sizeof(gr_scalars), GR_MEMORY_HOST,
                                   &t->update_scalars);
    if (status == GRAFT_OK)
        status = gr_optimizer_create(log, &params->optimizer, t->parameters, t->update_scalars,
                                     &t->optimizer);
    if (status == GRAFT_OK)
        status = record_zero_loss(t);
    if (status == GRAFT_OK && params->ema > 0.0)
        status = gr_average_create(log, params->ema, t->parameters, &t->average);
    t->params.weights = t->params.adapter = NULL;
    t->params.preprocess = NULL;
    if (status != GRAFT_OK) {
        gr_trainer_destroy(t);
        return status;
    }
    *out = t;
    return GRAFT_OK;
}

void gr_trainer_destroy(gr_trainer *t)
{
    if (!t)
        return;
    gr_transfers_destroy(t->transfers);
    gr_device_list_destroy(t->device, &t->zero_loss);
    gr_staging_destroy(t->staging);
    gr_network_release(&t->train);
    gr_network_release(&t->eval);
    gr_average_destroy(t->average);
    gr_optimizer_destroy(t->optimizer);
    gr_params_destroy(t->parameters);
    gr_store_destroy(t->store);
    gr_free(t);
}

graft_status gr_trainer_update(gr_trainer *t, uint64_t step, float lr)
{
    gr_scalars scalars = {0};
    gr_optimizer_scalars(t->optimizer, step + 1, lr, &scalars);
    GR_TRY(gr_store_write(t->store, &t->update_scalars, &scalars));
    GR_TRY(gr_optimizer_update(t->optimizer));
    return t->average ? gr_average_update(t->average) : GRAFT_OK;
}

graft_status gr_trainer_update_within(gr_trainer *t, gr_budget *budget, uint64_t step, float lr,
                                      bool *done)
{
    int segment = t->timings.count - 1;
    *done = !gr_budget_is_spent(budget, &t->timings, segment);
    if (!*done)
        return GRAFT_OK;
    int count = gr_budget_take(budget, &t->timings, segment, 1);
    GR_TRY(gr_trainer_update(t, step, lr));
    return gr_budget_wait(budget, t->device, &t->timings, segment, count);
}

bool gr_trainer_has_average(const gr_trainer *t)
{
    return t->average != NULL;
}

graft_status gr_trainer_swap_average(gr_trainer *t)
{
    return t->average ? gr_average_swap(t->average) : GRAFT_OK;
}

graft_status gr_trainer_logits(gr_trainer *t, const float *images, int count, float *logits)
{
    return gr_network_logits(t->store, &t->eval, images, count, logits);
}

graft_status gr_trainer_logits_of_numbered(gr_trainer *t, const uint8_t *pixels,
                                           const uint32_t *numbers, int count, float *logits)
{
    return gr_network_logits_of_pixels(t->log, t->store, &t->eval, &t->preprocess.normalization,
                                       pixels, numbers, count, logits);
}

graft_status gr_trainer_logits_of_pixels(gr_trainer *t, const uint8_t *pixels, int count,
                                         float *logits)
{
    return gr_trainer_logits_of_numbered(t, pixels, NULL, count, logits);
}

bool gr_trainer_has_features(const gr_trainer *t, const uint32_t *numbers, int count)
{
    return gr_features_have(t->train.features, numbers, count);
}

bool gr_trainer_has_test_features(const gr_trainer *t, const uint32_t *numbers, int count)
{
    return gr_features_have(t->eval.features, numbers, count);
}

bool gr_trainer_keeps_features(const gr_trainer *t)
{
    return t->train.features != NULL;
}

bool gr_trainer_keeps_test_features(const gr_trainer *t)
{
    return t->eval.features != NULL;
}

graft_status gr_trainer_logits_of_pictures(gr_trainer *t, const graft_pixels *pictures, int count,
                                           float *logits)
{
    uint8_t *pixels;
    graft_status status = gr_trainer_resize(t, pictures, 0, count, &pixels);
    if (status == GRAFT_OK)
        status = gr_trainer_logits_of_pixels(t, pixels, count, logits);
    gr_free(pixels);
    return status;
}

graft_status gr_trainer_logits_on_device(gr_trainer *t, const graft_device_images *images,
                                         int count, float *logits)
{
    GR_TRY(gr_trainer_check_on_device(t, images, count));
    return gr_network_logits_on_device(t->store, &t->eval, t->transfers, images, count, logits);
}

graft_status gr_trainer_check_on_device(gr_trainer *t, const graft_device_images *images, int count)
{
    if (!t->transfers)
        GR_TRY(gr_transfers_create(t->log, t->device, &t->preprocess, t->micro, &t->transfers));
    return gr_transfers_check(t->transfers, images, count);
}

const gr_params *gr_trainer_parameters(const gr_trainer *t)
{
    return t->parameters;
}

int gr_trainer_micro_batch(const gr_trainer *t)
{
    return t->micro;
}

bool gr_trainer_takes_whole_batches(const gr_trainer *t)
{
    for (size_t i = 0; t->parameters && i < t->parameters->count; i++)
        if (t->parameters->items[i].state)
            return true;
    return false;
}

bool gr_trainer_reaches(const gr_trainer *t, const char *name)
{
    const gr_param *p = gr_params_find(t->parameters, name);
    return p && t->reached[p - t->parameters->items];
}

graft_status gr_trainer_profile(gr_trainer *t)
{
    return gr_plan_profile(t->train.plan);
}

graft_status gr_trainer_times(gr_trainer *t, graft_kernel_time *times, int max, int *count)
{
    return gr_plan_times(t->train.plan, times, max, count);
}
