/* A batch, split into micro-batches whose gradients add up. */
#include "train/trainer_internal.h"

#include <stdlib.h>
#include <string.h>

graft_status gr_trainer_write_scalars(gr_trainer *t, const gr_scalars *scalars)
{
    return gr_network_write(t->store, t->train.scalars, scalars, sizeof(*scalars));
}

static uint64_t image_floats(const gr_trainer *t)
{
    return 3u * (uint64_t)t->config.image_size * (uint64_t)t->config.image_size;
}

/* Bytes of a row of labels or targets. */
static size_t answer_bytes(const gr_trainer *t)
{
    return t->params.soft_targets ? (size_t)t->config.classes * sizeof(float) : sizeof(int32_t);
}

static bool all_zero(const float *values, int count)
{
    for (int i = 0; i < count; i++)
        if (values[i] != 0.0f)
            return false;
    return true;
}

/* Rows that count. */
static int count_rows(const gr_trainer *t, const graft_batch *b)
{
    int counting = 0, classes = t->config.classes;
    for (int i = 0; i < b->count; i++)
        counting += t->params.soft_targets
                        ? !all_zero(b->targets + (size_t)i * (size_t)classes, classes)
                        : b->labels[i] >= 0;
    return counting;
}

/* Rows past the batch's are padded with what does not count: targets of 0, labels of -1. */
static graft_status write_answers(gr_trainer *t, const graft_batch *b, int first, int count)
{
    size_t bytes = answer_bytes(t);
    const char *answers =
        t->params.soft_targets ? (const char *)b->targets : (const char *)b->labels;
    char *padded = malloc((size_t)t->micro * bytes);
    if (!padded)
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "trainer: out of memory");
    memset(padded, t->params.soft_targets ? 0 : 0xff, (size_t)t->micro * bytes);
    memcpy(padded, answers + (size_t)first * bytes, (size_t)count * bytes);
    graft_status status =
        gr_network_write(t->store, t->train.answers, padded, (uint64_t)t->micro * bytes);
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

static graft_status run_micro_batch(gr_trainer *t, const graft_batch *b, int first,
                                    gr_scalars *scalars)
{
    int count = b->count - first < t->micro ? b->count - first : t->micro;
    scalars->sample_base = (uint32_t)first;
    GR_TRY(gr_trainer_write_scalars(t, scalars));
    GR_TRY(gr_network_write(t->store, t->train.image, b->images + (uint64_t)first * image_floats(t),
                            (uint64_t)count * image_floats(t) * sizeof(float)));
    GR_TRY(write_answers(t, b, first, count));
    return gr_plan_run(t->train.plan);
}

graft_status gr_trainer_batch_gradients(gr_trainer *t, const graft_batch *b, uint64_t step,
                                        float *loss)
{
    int counting = count_rows(t, b);
    gr_scalars scalars = {
        .inv_count = counting ? 1.0f / (float)counting : 0.0f,
        .seed_lo = (uint32_t)t->params.seed,
        .seed_hi = (uint32_t)(t->params.seed >> 32),
        .step = (uint32_t)step,
    };
    const float zero = 0.0f;
    if (counting < t->params.batch && gr_trainer_takes_whole_batches(t))
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                       "head norm: %d of the batch's %d images count, expected all; --drop-last "
                       "leaves a partial batch out",
                       counting, t->params.batch);
    GR_TRY(gr_store_write(t->store, &t->loss_sum, &zero));
    GR_TRY(gr_optimizer_zero_gradients(t->optimizer));
    GR_TRY(write_draws(t, step));
    for (int first = 0; first < b->count; first += t->micro)
        GR_TRY(run_micro_batch(t, b, first, &scalars));
    GR_TRY(gr_device_wait(t->device));
    return gr_store_read(t->store, &t->loss_sum, loss);
}

graft_status gr_trainer_gradients(gr_trainer *t, const float *images, const int32_t *labels,
                                  uint64_t step, float *loss)
{
    graft_batch b = {.count = t->params.batch, .images = images, .labels = labels};
    return gr_trainer_batch_gradients(t, &b, step, loss);
}
