/* A batch, split into micro-batches whose gradients add up. */
#include "train/trainer_internal.h"

#include "base/mem.h"
#include "data/pixels.h"

#include <stdlib.h>
#include <string.h>

static uint64_t image_floats(const gr_trainer *t)
{
    return 3u * (uint64_t)t->config.image_size * (uint64_t)t->config.image_size;
}

/* Bytes of a row of labels or targets. */
static size_t target_bytes(const gr_trainer *t)
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

int gr_trainer_counting(const gr_trainer *t, const graft_batch *b)
{
    int counting = 0, classes = t->config.classes;
    for (int i = 0; i < b->count; i++)
        counting += t->params.soft_targets
                        ? !all_zero(b->targets + (size_t)i * (size_t)classes, classes)
                        : b->labels[i] >= 0;
    return counting;
}

static int rows_of(const gr_trainer *t, const graft_batch *b, int first)
{
    return b->count - first < t->micro ? b->count - first : t->micro;
}

static graft_status resize_picture(gr_trainer *t, const graft_pixels *picture, int index,
                                   uint8_t *out)
{
    gr_image image, resized;
    GR_TRY(gr_image_from_pixels(t->log, picture, index, &image));
    graft_status status = gr_preprocess_resize(t->log, &t->preprocess, &image, &resized);
    gr_image_free(&image);
    GR_TRY(status);
    memcpy(out, resized.pixels, (size_t)image_floats(t));
    gr_image_free(&resized);
    return GRAFT_OK;
}

graft_status gr_trainer_resize(gr_trainer *t, const graft_pixels *pictures, int first, int count,
                               uint8_t **pixels)
{
    size_t image = (size_t)image_floats(t);
    *pixels = gr_alloc_array(NULL, (size_t)count, image);
    if (!*pixels)
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "trainer: out of memory");
    for (int i = 0; i < count; i++)
        GR_TRY(resize_picture(t, &pictures[first + i], first + i, *pixels + (size_t)i * image));
    return GRAFT_OK;
}

/* Rows past the batch's are padded with what does not count: targets of 0, labels of -1. */
static graft_status stage_rows(gr_trainer *t, const gr_work *w, int first,
                               const gr_scalars *scalars, const uint8_t *pixels)
{
    const graft_batch *b = &w->batch;
    size_t bytes = target_bytes(t);
    int count = rows_of(t, b, first);
    const char *targets =
        t->params.soft_targets ? (const char *)b->targets : (const char *)b->labels;
    char *padded = malloc((size_t)t->micro * bytes);
    if (!padded)
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "trainer: out of memory");
    memset(padded, t->params.soft_targets ? 0 : 0xff, (size_t)t->micro * bytes);
    memcpy(padded, targets + (size_t)first * bytes, (size_t)count * bytes);
    graft_status status =
        gr_staging_write(t->staging, w->slot, first / t->micro, scalars, padded, pixels, count);
    free(padded);
    return status;
}

static graft_status stage_micro_batch(gr_trainer *t, const gr_work *w, int first,
                                      const gr_scalars *scalars)
{
    const graft_batch *b = &w->batch;
    if (!b->pictures)
        return stage_rows(t, w, first, scalars,
                          b->pixels ? b->pixels + (uint64_t)first * image_floats(t) : NULL);
    uint8_t *resized;
    graft_status status = gr_trainer_resize(t, b->pictures, first, rows_of(t, b, first), &resized);
    if (status == GRAFT_OK)
        status = stage_rows(t, w, first, scalars, resized);
    gr_free(resized);
    return status;
}

graft_status gr_trainer_stage_part(gr_trainer *t, const graft_batch *b, uint64_t step,
                                   gr_batch_part part)
{
    int counting = part.counting;
    gr_scalars scalars = {
        .inv_count = counting ? 1.0f / (float)counting : 0.0f,
        .seed_lo = (uint32_t)t->params.seed,
        .seed_hi = (uint32_t)(t->params.seed >> 32),
        .step = (uint32_t)step,
    };
    t->next = (gr_work){.batch = *b, .step = step, .slot = !t->work.slot};
    for (int first = 0; first < b->count; first += t->micro) {
        scalars.sample_base = (uint32_t)(part.first + first);
        GR_TRY(stage_micro_batch(t, &t->next, first, &scalars));
    }
    return GRAFT_OK;
}

graft_status gr_trainer_stage(gr_trainer *t, const graft_batch *b, uint64_t step)
{
    int counting = gr_trainer_counting(t, b);
    if (counting < t->params.batch && gr_trainer_takes_whole_batches(t))
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                       "head norm: %d of the batch's %d images count, expected all; `drop_last` "
                       "leaves a partial batch out",
                       counting, t->params.batch);
    return gr_trainer_stage_part(t, b, step, (gr_batch_part){0, counting});
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

static graft_status start_work(gr_trainer *t)
{
    GR_TRY(gr_device_submit(t->device, t->zero_loss));
    GR_TRY(gr_optimizer_zero_gradients(t->optimizer));
    return write_draws(t, t->work.step);
}

graft_status gr_trainer_start(gr_trainer *t)
{
    t->work = t->next;
    return start_work(t);
}

graft_status gr_trainer_begin(gr_trainer *t, const graft_batch *b, uint64_t step)
{
    GR_TRY(gr_trainer_stage(t, b, step));
    return gr_trainer_start(t);
}

/* Moves a micro-batch to where the network reads it: its images, or what is kept of them. */
static graft_status move_micro_batch(gr_trainer *t, const gr_work *w)
{
    const graft_batch *b = &w->batch;
    uint64_t image = image_floats(t);
    int rows = rows_of(t, b, w->first);
    const uint32_t *numbers = b->numbers ? b->numbers + w->first : NULL;
    bool kept = gr_features_have(t->train.features, numbers, rows);
    if (kept) {
        GR_TRY(gr_features_supply(t->train.features, numbers, rows));
        return gr_staging_submit(t->staging, w->slot, w->first / t->micro, false);
    }
    if (b->on_device.buffer) {
        gr_region to;
        GR_TRY(gr_store_value(t->store, t->train.image, &to));
        GR_TRY(gr_transfers_images(t->transfers, &b->on_device, w->first, rows, &to));
    } else if (b->images) {
        GR_TRY(gr_network_write(t->store, t->train.image, b->images + (uint64_t)w->first * image,
                                (uint64_t)rows * image * sizeof(float)));
    }
    GR_TRY(gr_staging_submit(t->staging, w->slot, w->first / t->micro, b->pixels || b->pictures));
    return gr_features_supply(t->train.features, numbers, rows);
}

/* A segment of several kernels that took longer than a call may. */
static bool one_is_too_long(const gr_trainer *t, const gr_budget *budget)
{
    for (int i = 0; i < t->timings.count - 1; i++)
        if (t->timings.seconds[i] > budget->seconds &&
            gr_plan_segment_commands(t->train.plan, i) > 1)
            return true;
    return false;
}

/* Few enough that they take a part of a millisecond on a GPU, enough that submitting them costs
 * little beside. Slow devices cut them in halves, between two batches, until they fit. */
static graft_status cut(gr_trainer *t, const gr_budget *budget)
{
    enum { COMMANDS = 8 };
    int commands = t->segment_commands ? t->segment_commands : COMMANDS;
    if (t->work.first || t->work.segment)
        return GRAFT_OK;
    if (commands > 1 && one_is_too_long(t, budget))
        commands /= 2;
    if (commands == t->segment_commands)
        return GRAFT_OK;
    GR_TRY(gr_plan_cut(t->train.plan, commands));
    gr_free(t->timings.seconds);
    t->timings.count = gr_plan_segments(t->train.plan) + 1;
    t->timings.seconds = gr_alloc_array(t, (size_t)t->timings.count, sizeof(double));
    t->segment_commands = commands;
    return t->timings.seconds ? GRAFT_OK
                              : gr_fail(t->log, GRAFT_ERR_MEMORY, "trainer: out of memory");
}

/* Queues a micro-batch, or as many of its segments as the budget allows. */
static graft_status run_some(gr_trainer *t, gr_work *w, gr_budget *budget)
{
    gr_plan *plan = t->train.plan;
    if (w->segment == 0)
        GR_TRY(move_micro_batch(t, w));
    int segments = gr_plan_segments(plan), rest = segments - w->segment;
    int count = budget ? gr_budget_take(budget, &t->timings, w->segment, rest) : rest;
    GR_TRY(gr_plan_run_segments(plan, w->segment, count));
    if (budget)
        GR_TRY(gr_budget_wait(budget, t->device, &t->timings, w->segment, count));
    w->segment = (w->segment + count) % segments;
    if (w->segment == 0)
        w->first += t->micro;
    return GRAFT_OK;
}

/* What the driver dropped is done once more where that does no harm: gradients are computed from
 * what they do not change, but for statistics of batches. A lost update has left parameters of
 * which nobody knows what they are. */
static bool may_repeat(const gr_trainer *t)
{
    return gr_device_has_dropped(t->device) && !t->work.repeated &&
           !gr_trainer_takes_whole_batches(t) && !gr_optimizer_is_dropped(t->optimizer) &&
           !(t->average && gr_average_is_dropped(t->average));
}

/* The batch at work from its beginning, in smaller lists. */
static graft_status repeat(gr_trainer *t)
{
    gr_log(t->log, GRAFT_LOG_WARN, "step %llu: its gradients are computed again, in smaller lists",
           (unsigned long long)t->work.step + 1);
    t->work.repeated = true;
    t->work.first = t->work.segment = 0;
    GR_TRY(gr_plan_cut(t->train.plan, GR_PLAN_SMALL_LIST));
    return start_work(t);
}

/* As run_some; what was dropped by then, as waits on the way may find, is begun again. */
static graft_status go_on(gr_trainer *t, gr_budget *budget)
{
    graft_status status = run_some(t, &t->work, budget);
    return status != GRAFT_OK && may_repeat(t) ? repeat(t) : status;
}

graft_status gr_trainer_queue(gr_trainer *t)
{
    while (t->work.first < t->work.batch.count)
        GR_TRY(go_on(t, NULL));
    return GRAFT_OK;
}

graft_status gr_trainer_finish(gr_trainer *t, float *loss)
{
    graft_status status = gr_device_wait(t->device);
    if (status != GRAFT_OK && may_repeat(t)) {
        GR_TRY(repeat(t));
        GR_TRY(gr_trainer_queue(t));
        status = gr_device_wait(t->device);
    }
    GR_TRY(status);
    return gr_store_read(t->store, &t->loss_sum, loss);
}

graft_status gr_trainer_advance(gr_trainer *t, gr_budget *budget, bool *done, float *loss)
{
    *done = false;
    if (budget)
        GR_TRY(cut(t, budget));
    else
        GR_TRY(gr_trainer_queue(t));
    while (t->work.first < t->work.batch.count) {
        if (gr_budget_is_spent(budget, &t->timings, t->work.segment))
            return GRAFT_OK;
        GR_TRY(go_on(t, budget));
    }
    *done = true;
    return gr_trainer_finish(t, loss);
}

graft_status gr_trainer_batch_gradients(gr_trainer *t, const graft_batch *b, uint64_t step,
                                        float *loss)
{
    bool done;
    GR_TRY(gr_trainer_begin(t, b, step));
    return gr_trainer_advance(t, NULL, &done, loss);
}

graft_status gr_trainer_gradients(gr_trainer *t, const float *images, const int32_t *labels,
                                  uint64_t step, float *loss)
{
    graft_batch b = {.count = t->params.batch, .images = images, .labels = labels};
    return gr_trainer_batch_gradients(t, &b, step, loss);
}
