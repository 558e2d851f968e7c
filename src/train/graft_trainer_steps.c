/* Steps of a graft_trainer: whole, in pieces, or one after the other from a source. */
#include "train/graft_trainer.h"

#include <math.h>

enum { MAX_KERNELS = 128 }; /* of one training step; a backbone has some dozens */

graft_status gr_trainer_check_labels(const graft_trainer *t, const graft_batch *b)
{
    for (int i = 0; b->labels && i < b->count; i++)
        if (b->labels[i] >= t->info.classes)
            return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                           "`labels`: image %d has label %d, but there are %d classes", i,
                           (int)b->labels[i], t->info.classes);
    return b->labels ? GRAFT_OK
                     : gr_fail(t->log, GRAFT_ERR_ARGUMENT, "`labels`: are NULL; expected [count]");
}

graft_status gr_trainer_check_images(const graft_trainer *t, const graft_batch *b, bool evaluating)
{
    if (b->count < 1 || b->count > t->info.batch_size)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT, "`count` %d: expected 1 to %d images in a batch",
                       b->count, t->info.batch_size);
    int sources = (b->images != NULL) + (b->pixels != NULL) + (b->pictures != NULL) +
                  (b->on_device.buffer != NULL);
    if (sources == 0 && b->numbers &&
        graft_trainer_has_features(t, evaluating, b->numbers, b->count))
        return GRAFT_OK;
    if (sources != 1)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                       "batch: expected one of `images`, `pixels`, `pictures` and `on_device`, "
                       "found %s",
                       sources ? "several" : "none");
    return b->on_device.buffer ? gr_trainer_check_on_device(t->core, &b->on_device, b->count)
                               : GRAFT_OK;
}

static graft_status check_batch(const graft_trainer *t, const graft_batch *b)
{
    GR_TRY(gr_trainer_check_images(t, b, false));
    if (t->soft_targets ? !b->targets || b->labels : !b->labels || b->targets)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT, "batch: expected `%s`, as the trainer was made",
                       t->soft_targets ? "targets" : "labels");
    return t->soft_targets ? GRAFT_OK : gr_trainer_check_labels(t, b);
}

/* Of the update that is next. */
static float next_lr(const graft_trainer *t)
{
    return (float)(t->steps_per_epoch
                       ? gr_schedule_lr(&t->setup.schedule, t->step, t->steps_per_epoch)
                       : t->lr);
}

static bool same_images(const graft_device_images *a, const graft_device_images *b)
{
    return a->buffer == b->buffer && a->offset_bytes == b->offset_bytes && a->width == b->width &&
           a->height == b->height && a->bgra == b->bgra;
}

static bool same_batch(const graft_batch *a, const graft_batch *b)
{
    return a->count == b->count && a->images == b->images && a->pixels == b->pixels &&
           a->numbers == b->numbers && a->pictures == b->pictures && a->labels == b->labels &&
           a->targets == b->targets && same_images(&a->on_device, &b->on_device);
}

graft_status gr_refuse_half_done(const graft_trainer *t, const char *what)
{
    return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                   "%s: a step is not done; go on with its batch, or give it up by "
                   "graft_trainer_cancel",
                   what);
}

/* One of several ranks may have no images of a batch. */
static graft_status check_part(const graft_trainer *t, const graft_batch *batch)
{
    bool none = gr_ranks_are_several(&t->ranks) && batch->count == 0;
    return none ? GRAFT_OK : check_batch(t, batch);
}

/* Stages this rank's part of a batch, unless `mine` says what is wrong with it; *total: images of
 * the batch of all. */
static graft_status stage(graft_trainer *t, graft_status mine, const graft_batch *batch,
                          uint64_t step, int *total)
{
    gr_batch_part part;
    double start = gr_span_begin(&t->spans);
    graft_status status = mine;
    if (!gr_ranks_are_several(&t->ranks)) {
        *total = batch->count;
        if (mine == GRAFT_OK && batch->count)
            status = gr_trainer_stage(t->core, batch, step);
    } else {
        GR_TRY(gr_trainer_share_batch(t, mine, batch, &part, total));
        status = gr_trainer_stage_part(t->core, batch, step, part);
        status = gr_ranks_agree(t->log, &t->ranks, status);
    }
    if (batch->count)
        gr_span_end(&t->spans, "upload", start);
    return status;
}

static graft_status begin(graft_trainer *t, const graft_batch *batch)
{
    if (gr_is_half_done(t))
        return same_batch(batch, &t->batch) ? GRAFT_OK : gr_refuse_half_done(t, "another batch");
    int total;
    GR_TRY(stage(t, check_part(t, batch), batch, t->step, &total));
    if (!total)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT, "`count` 0: no rank has an image of the batch");
    t->phase = GR_PHASE_NONE;
    double start = gr_span_begin(&t->spans);
    GR_TRY(gr_trainer_start(t->core));
    gr_span_end(&t->spans, "submit", start);
    t->phase = GR_PHASE_GRADIENTS;
    t->batch = *batch;
    return GRAFT_OK;
}

static graft_status check_loss(const graft_trainer *t)
{
    if (isfinite(t->loss))
        return GRAFT_OK;
    return gr_fail(t->log, GRAFT_ERR_NUMERIC,
                   "loss became %s in step %llu: lower `lr`, or look at the data",
                   isnan(t->loss) ? "NaN" : "infinite", (unsigned long long)t->step + 1);
}

/* The kernels of the micro-batch that has just ended, one after the other. */
static graft_status tell_kernels(graft_trainer *t)
{
    graft_kernel_time times[MAX_KERNELS];
    int count = 0;
    if (!t->spans.callback || !t->profile)
        return GRAFT_OK;
    GR_TRY(gr_trainer_times(t->core, times, MAX_KERNELS, &count));
    count = count < MAX_KERNELS ? count : MAX_KERNELS;
    double start = gr_seconds();
    for (int i = 0; i < count; i++)
        start -= times[i].milliseconds * 1e-3;
    for (int i = 0; i < count; i++) {
        const graft_kernel_time *k = &times[i];
        graft_span span = {.kind = GRAFT_SPAN_DEVICE,
                           .name = k->name,
                           .start = start,
                           .seconds = k->milliseconds * 1e-3,
                           .dispatches = k->dispatches,
                           .bytes = k->bytes,
                           .flop = k->flop};
        t->spans.callback(t->spans.user, &span);
        start += span.seconds;
    }
    return GRAFT_OK;
}

/* Whatever fails, the step at hand cannot go on. */
static graft_status advance(graft_trainer *t, gr_budget *budget)
{
    bool done = false;
    t->phase = GR_PHASE_NONE;
    double start = gr_span_begin(&t->spans);
    graft_status status = gr_trainer_advance(t->core, budget, &done, &t->loss);
    gr_span_end(&t->spans, "wait", start);
    if (done && status == GRAFT_OK)
        status = tell_kernels(t);
    if (done || status != GRAFT_OK)
        GR_TRY(gr_trainer_sum_over_ranks(t, status));
    if (done)
        GR_TRY(check_loss(t));
    t->phase = done ? GR_PHASE_READY : GR_PHASE_GRADIENTS;
    return GRAFT_OK;
}

static graft_status check_budget(const graft_trainer *t, const graft_budget *budget, gr_budget *out)
{
    double ms = budget ? budget->milliseconds : 0.0;
    if (!(ms >= 0.0) || !isfinite(ms))
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT, "budget of %g ms: must not be negative", ms);
    *out = gr_budget_begin(ms * 1e-3);
    return GRAFT_OK;
}

static void report(const graft_trainer *t, bool done, float lr, graft_step_result *result)
{
    if (result)
        *result = (graft_step_result){done, done ? t->loss : 0.0f, lr, t->step};
}

graft_status graft_trainer_gradients(graft_trainer *t, const graft_batch *batch,
                                     const graft_budget *budget, graft_step_result *result)
{
    gr_budget span;
    GR_TRY(check_budget(t, budget, &span));
    GR_TRY(begin(t, batch));
    GR_TRY(advance(t, budget ? &span : NULL));
    report(t, t->phase == GR_PHASE_READY, next_lr(t), result);
    return GRAFT_OK;
}

/* With the gradients at hand; NULL budget: at once. */
static graft_status update(graft_trainer *t, gr_budget *budget)
{
    bool done = true;
    t->phase = GR_PHASE_NONE;
    double start = gr_span_begin(&t->spans);
    if (budget)
        GR_TRY(gr_trainer_update_within(t->core, budget, t->step, next_lr(t), &done));
    else
        GR_TRY(gr_trainer_update(t->core, t->step, next_lr(t)));
    if (!done)
        t->phase = GR_PHASE_UPDATE_DUE;
    t->step += done;
    gr_span_end(&t->spans, "update", start);
    return GRAFT_OK;
}

graft_status graft_trainer_update(graft_trainer *t)
{
    if (t->phase != GR_PHASE_READY)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                       "update: there are no new gradients; call graft_trainer_gradients first");
    return update(t, NULL);
}

graft_status graft_trainer_step(graft_trainer *t, const graft_batch *batch,
                                const graft_budget *budget, graft_step_result *result)
{
    gr_budget span;
    GR_TRY(check_budget(t, budget, &span));
    GR_TRY(begin(t, batch));
    if (t->phase == GR_PHASE_GRADIENTS)
        GR_TRY(advance(t, budget ? &span : NULL));
    float lr = next_lr(t);
    if (t->phase != GR_PHASE_GRADIENTS)
        GR_TRY(update(t, budget ? &span : NULL));
    report(t, !gr_is_half_done(t), lr, result);
    return GRAFT_OK;
}

void graft_trainer_cancel(graft_trainer *t)
{
    if (gr_is_half_done(t))
        t->phase = GR_PHASE_NONE;
}

/* Stages what the source gives for a step; *count: its images, those of all ranks. */
static graft_status stage_next(graft_trainer *t, const graft_batch_source *source, uint64_t step,
                               int *count)
{
    graft_batch batch = {0};
    graft_status status = source->next(source->user, step, &batch);
    *count = 0;
    if (status == GRAFT_OK && batch.count)
        status = check_batch(t, &batch);
    return stage(t, status, &batch, step, count);
}

/* Forward and backward of what is staged, which is this rank's; the next batch is asked for while
 * the device is at work. */
static graft_status staged_gradients(graft_trainer *t, const graft_batch_source *source, bool last,
                                     int *count, graft_status *next)
{
    double start = gr_span_begin(&t->spans);
    graft_status status = gr_trainer_start(t->core);
    if (status == GRAFT_OK)
        status = gr_trainer_queue(t->core);
    gr_span_end(&t->spans, "submit", start);
    *count = 0;
    if (!last && (status == GRAFT_OK || gr_ranks_are_several(&t->ranks)))
        *next = stage_next(t, source, t->step + 1, count);
    start = gr_span_begin(&t->spans);
    if (status == GRAFT_OK)
        status = gr_trainer_finish(t->core, &t->loss);
    gr_span_end(&t->spans, "wait", start);
    return status == GRAFT_OK ? tell_kernels(t) : status;
}

/* A step with the batch that is staged; the next one is asked for while the device is at work, and
 * what comes of that is kept for later in *next. */
static graft_status staged_step(graft_trainer *t, const graft_batch_source *source, bool last,
                                int *count, graft_status *next, graft_step_result *result)
{
    t->phase = GR_PHASE_NONE;
    GR_TRY(gr_trainer_sum_over_ranks(t, staged_gradients(t, source, last, count, next)));
    GR_TRY(check_loss(t));
    float lr = next_lr(t);
    GR_TRY(gr_unused_parameters_step(t->unused, lr));
    GR_TRY(update(t, NULL));
    report(t, true, lr, result);
    return GRAFT_OK;
}

graft_status graft_trainer_run(graft_trainer *t, const graft_batch_source *source, uint64_t steps,
                               graft_step_callback *callback, void *user)
{
    int count = 0;
    if (gr_is_half_done(t))
        return gr_refuse_half_done(t, "run");
    if (!t->unused)
        GR_TRY(gr_unused_parameters_create(t->log, t->core, &t->unused));
    uint64_t left = steps;
    graft_status next = left ? stage_next(t, source, t->step, &count) : GRAFT_OK;
    for (; left && next == GRAFT_OK && count; left--) {
        graft_step_result result;
        GR_TRY(staged_step(t, source, left == 1, &count, &next, &result));
        bool go_on = !callback || callback(user, &result);
        GR_TRY(gr_ranks_agree(t->log, &t->ranks, go_on ? GRAFT_OK : GRAFT_ERR_INTERRUPTED));
    }
    return next;
}

graft_status graft_trainer_set_lr(graft_trainer *t, double lr)
{
    if (t->steps_per_epoch)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                       "learning rate: follows the schedule of the settings; make the trainer with "
                       "`steps_per_epoch` 0 to set it");
    if (!(lr >= 0.0) || !isfinite(lr))
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT, "learning rate %g: must not be negative", lr);
    t->lr = lr;
    return GRAFT_OK;
}

graft_status graft_trainer_profile(graft_trainer *t, graft_kernel_time *times, int max, int *count)
{
    if (!t || (count && max > 0 && !times))
        return GRAFT_ERR_ARGUMENT;
    return count ? gr_trainer_times(t->core, times, max, count) : gr_trainer_profile(t->core);
}
