#include "train/trainer_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

graft_status gr_trainer_create(graft_log *log, const gr_trainer_params *params, gr_trainer **out)
{
    gr_trainer *t = gr_alloc(NULL, sizeof(*t));
    if (!t)
        return gr_fail(log, GRAFT_ERR_MEMORY, "trainer: out of memory");
    t->log = log;
    t->device = params->device;
    t->config = *params->config;
    t->params = *params;
    graft_status status = gr_model_config_check(log, &t->config);
    if (status == GRAFT_OK)
        status = gr_store_create(log, t->device, &t->store);
    if (status == GRAFT_OK)
        status = gr_trainer_fit_networks(t);
    gr_region scalars = {0};
    if (status == GRAFT_OK)
        status = gr_store_value(t->store, t->train.scalars, &scalars);
    if (status == GRAFT_OK)
        status =
            gr_optimizer_create(log, &params->optimizer, t->parameters, scalars, &t->optimizer);
    if (status == GRAFT_OK && params->ema > 0.0)
        status = gr_average_create(log, params->ema, t->parameters, &t->average);
    t->params.weights = t->params.adapter = NULL;
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
    gr_network_release(&t->train);
    gr_network_release(&t->eval);
    gr_average_destroy(t->average);
    gr_optimizer_destroy(t->optimizer);
    gr_params_destroy(t->parameters);
    gr_store_destroy(t->store);
    gr_free(t);
}

static uint64_t image_floats(const gr_trainer *t)
{
    return 3u * (uint64_t)t->config.image_size * (uint64_t)t->config.image_size;
}

static graft_status write_scalars(gr_trainer *t, const gr_scalars *scalars)
{
    return gr_network_write(t->store, t->train.scalars, scalars, sizeof(*scalars));
}

/* The batch of a step: `answers` has `stride` bytes a row, `none` is that of a row that does not
 * count. */
typedef struct step_batch {
    const float *images;
    const char *answers;
    const char *none;
    size_t stride;
    int counting; /* rows */
} step_batch;

static graft_status write_answers(gr_trainer *t, const step_batch *b, int first, int count)
{
    char *padded = malloc((size_t)t->micro * b->stride);
    if (!padded)
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "trainer: out of memory");
    memcpy(padded, b->answers + (size_t)first * b->stride, (size_t)count * b->stride);
    for (int i = count; i < t->micro; i++)
        memcpy(padded + (size_t)i * b->stride, b->none, b->stride);
    graft_status status =
        gr_network_write(t->store, t->train.answers, padded, (uint64_t)t->micro * b->stride);
    free(padded);
    return status;
}

/* What methods draw anew for each step. */
static graft_status write_draws(gr_trainer *t, uint64_t step)
{
    for (int i = 0; i < t->params.methods->count; i++) {
        const gr_method *m = t->params.methods->item[i].method;
        const gr_value *input = gr_methods_find_input(t->train.graph, m);
        if (!input)
            continue;
        size_t bytes = (size_t)gr_shape_count(&input->shape) * sizeof(float);
        float *numbers = malloc(bytes);
        if (!numbers)
            return gr_fail(t->log, GRAFT_ERR_MEMORY, "trainer: out of memory");
        m->draw(t->params.methods->item[i].config, &t->config, t->params.seed, step, numbers);
        graft_status status = gr_network_write(t->store, input, numbers, bytes);
        free(numbers);
        GR_TRY(status);
    }
    return GRAFT_OK;
}

static graft_status run_micro_batch(gr_trainer *t, const step_batch *b, int first,
                                    gr_scalars *scalars)
{
    int count = t->params.batch - first < t->micro ? t->params.batch - first : t->micro;
    scalars->sample_base = (uint32_t)first;
    GR_TRY(write_scalars(t, scalars));
    GR_TRY(gr_network_write(t->store, t->train.image, b->images + (uint64_t)first * image_floats(t),
                            (uint64_t)count * image_floats(t) * sizeof(float)));
    GR_TRY(write_answers(t, b, first, count));
    return gr_plan_run(t->train.plan);
}

static graft_status gradients(gr_trainer *t, const step_batch *b, uint64_t step, float *loss)
{
    gr_scalars scalars = {
        .inv_count = b->counting ? 1.0f / (float)b->counting : 0.0f,
        .seed_lo = (uint32_t)t->params.seed,
        .seed_hi = (uint32_t)(t->params.seed >> 32),
        .step = (uint32_t)step,
    };
    const float zero = 0.0f;
    if (b->counting < t->params.batch && gr_trainer_takes_whole_batches(t))
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                       "head norm: %d of the batch's %d images count, expected all; --drop-last "
                       "leaves a partial batch out",
                       b->counting, t->params.batch);
    GR_TRY(gr_store_write(t->store, &t->loss_sum, &zero));
    GR_TRY(gr_optimizer_zero_gradients(t->optimizer));
    GR_TRY(write_draws(t, step));
    for (int first = 0; first < t->params.batch; first += t->micro)
        GR_TRY(run_micro_batch(t, b, first, &scalars));
    GR_TRY(gr_device_wait(t->device));
    return gr_store_read(t->store, &t->loss_sum, loss);
}

graft_status gr_trainer_gradients(gr_trainer *t, const float *images, const int32_t *labels,
                                  uint64_t step, float *loss)
{
    const int32_t none = -1;
    step_batch b = {images, (const char *)labels, (const char *)&none, sizeof(none), 0};
    for (int i = 0; i < t->params.batch; i++)
        b.counting += labels[i] >= 0;
    return gradients(t, &b, step, loss);
}

static bool all_zero(const float *values, int count)
{
    for (int i = 0; i < count; i++)
        if (values[i] != 0.0f)
            return false;
    return true;
}

graft_status gr_trainer_soft_gradients(gr_trainer *t, const float *images, const float *targets,
                                       uint64_t step, float *loss)
{
    int classes = t->config.classes;
    float *none = calloc((size_t)classes, sizeof(*none));
    if (!none)
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "trainer: out of memory");
    step_batch b = {images, (const char *)targets, (const char *)none,
                    (size_t)classes * sizeof(*none), 0};
    for (int i = 0; i < t->params.batch; i++)
        b.counting += !all_zero(targets + (size_t)i * (size_t)classes, classes);
    graft_status status = gradients(t, &b, step, loss);
    free(none);
    return status;
}

graft_status gr_trainer_update(gr_trainer *t, uint64_t step, float lr)
{
    gr_scalars scalars = {0};
    gr_optimizer_scalars(t->optimizer, step + 1, lr, &scalars);
    GR_TRY(write_scalars(t, &scalars));
    GR_TRY(gr_optimizer_update(t->optimizer));
    return t->average ? gr_average_update(t->average) : GRAFT_OK;
}

graft_status gr_trainer_swap_average(gr_trainer *t)
{
    return t->average ? gr_average_swap(t->average) : GRAFT_OK;
}

graft_status gr_trainer_logits(gr_trainer *t, const float *images, int count, float *logits)
{
    return gr_network_logits(t->log, t->store, &t->eval, images, count, logits);
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
    GR_TRY(gr_device_wait(t->device));
    return gr_plan_profile(t->train.plan);
}
