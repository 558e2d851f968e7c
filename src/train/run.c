/* graft_train: a run from settings to an adapter, with metrics, checkpoints and evaluations. */
#include <graft/train.h>

#include "base/system.h"
#include "base/mem.h"
#include "data/augment_mix.h"
#include "adapter/file.h"
#include "adapter/evaluate.h"
#include "train/run.h"
#include "train/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Weight of the latest step in the rate that progress shows. */
static const double RATE_WEIGHT = 0.1;

/* The step after which this call stops. */
static uint64_t last_step(const gr_run *r)
{
    return r->p->max_steps && r->p->max_steps < r->steps ? r->p->max_steps : r->steps;
}

/* Whether to go on. */
static bool report(gr_run *r, bool evaluating, uint64_t done, uint64_t total)
{
    if (!r->p->progress)
        return true;
    double rate = r->step_seconds > 0 ? (double)r->batch / r->step_seconds : 0.0;
    uint64_t steps = last_step(r);
    int epoch = gr_run_epoch(r) + (r->at.step % r->steps_per_epoch != 0);
    graft_train_progress progress = {
        .step = evaluating ? done : r->at.step,
        .steps = evaluating ? total : steps,
        .epoch = epoch,
        .epochs = r->epochs,
        .loss = r->loss,
        .lr = r->lr,
        .images_per_second = rate,
        .seconds_left = steps > r->at.step ? (double)(steps - r->at.step) * r->step_seconds : 0.0,
        .accuracy = r->at.accuracy,
        .evaluating = evaluating,
    };
    r->stopped |= !r->p->progress(r->p->user, &progress);
    return !r->stopped;
}

static graft_status save(gr_run *r, const char *path)
{
    return gr_params_save(r->log, path, NULL, gr_trainer_parameters(r->trainer), r->setup.header);
}

/* Does `work` with the averages of the parameters, where they are kept. */
static graft_status with_averages(gr_run *r, graft_status (*work)(gr_run *r))
{
    GR_TRY(gr_trainer_swap_average(r->trainer));
    graft_status status = work(r);
    graft_status back = gr_trainer_swap_average(r->trainer);
    return status != GRAFT_OK ? status : back;
}

static graft_status save_adapter(gr_run *r)
{
    return save(r, r->folder.adapter);
}

static graft_status checkpoint(gr_run *r)
{
    if (r->saved.step == r->at.step && r->saved.epochs_ended == r->at.epochs_ended)
        return GRAFT_OK;
    GR_TRY(gr_metrics_sync(r->metrics));
    r->at.metrics_bytes = gr_metrics_bytes(r->metrics);
    GR_TRY(gr_checkpoint_write(r->log, r->folder.state, gr_trainer_parameters(r->trainer), &r->at,
                               r->identity, r->provenance));
    r->saved = r->at;
    return GRAFT_OK;
}

static graft_status trainer_logits(void *trainer, const uint8_t *pixels, int count, float *logits)
{
    return gr_trainer_logits_of_pixels(trainer, pixels, count, logits);
}

static bool report_evaluation(void *user, size_t done, size_t total)
{
    return report(user, true, done, total);
}

static graft_status evaluate(gr_run *r)
{
    int epoch = gr_run_epoch(r);
    gr_evaluation e = {
        .data = r->setup.test,
        .preprocess = r->setup.input.preprocess,
        .batch = gr_trainer_micro_batch(r->trainer),
        .classes = r->setup.config.classes,
        .threads = r->p->input.threads,
        .logits = trainer_logits,
        .model = r->trainer,
        .progress = report_evaluation,
        .user = r,
    };
    gr_score score;
    GR_TRY(gr_evaluate(r->log, &e, &score));
    r->at.accuracy = (double)score.correct / (double)score.images;
    GR_TRY(gr_metrics_evaluation(r->metrics, epoch, r->p->test_split, r->at.accuracy, score.loss));
    if (r->at.accuracy > r->at.best_accuracy) {
        r->at.best_accuracy = r->at.accuracy;
        r->at.best_epoch = epoch;
        return save(r, r->folder.best);
    }
    return GRAFT_OK;
}

/* Batches are mixed as a whole, before they are split: the split changes nothing. */
static void mix_batch(gr_run *r, uint64_t step, int valid)
{
    int size = r->setup.input.preprocess.size, classes = r->setup.config.classes;
    gr_random_key key = {r->p->seed, (uint32_t)(step / r->steps_per_epoch),
                         (uint32_t)(step % r->steps_per_epoch)};
    gr_mix_draw draw = gr_mix_draw_batch(&r->p->augment, key, size);
    if (r->pixels)
        gr_mix_pixels(draw, valid, size, r->pixels);
    else
        gr_mix_images(draw, valid, size, r->images);
    gr_mix_targets(&r->p->augment, draw, r->labels, valid, classes, r->targets);
}

static graft_status load(gr_run *r, int *valid)
{
    return r->pixels ? gr_loader_next_pixels(r->loader, r->pixels, r->labels, valid)
                     : gr_loader_next(r->loader, r->images, r->labels, valid);
}

/* Loads and stages the batch of a step; *valid: its images. */
static graft_status fetch(gr_run *r, uint64_t step, int *valid)
{
    GR_TRY(load(r, valid));
    if (*valid == 0) {
        GR_TRY(gr_loader_seek(r->loader, (uint32_t)(step / r->steps_per_epoch), 0));
        GR_TRY(load(r, valid));
    }
    graft_batch batch = {.count = *valid,
                         .pixels = r->pixels,
                         .images = r->images,
                         .labels = r->labels,
                         .targets = r->targets};
    if (r->targets)
        mix_batch(r, step, *valid);
    return gr_trainer_stage(r->trainer, &batch, step);
}

/* The loss of the batch that was fetched; the next one is fetched while the device is at work. What
 * goes wrong with that is told in its own step. */
static graft_status gradients(gr_run *r, int *valid)
{
    *valid = r->fetched;
    GR_TRY(gr_trainer_start(r->trainer));
    GR_TRY(gr_trainer_queue(r->trainer));
    r->fetched = 0;
    if (r->at.step + 1 < last_step(r))
        r->fetching = fetch(r, r->at.step + 1, &r->fetched);
    return gr_trainer_finish(r->trainer, &r->loss);
}

/* One update with the batch at hand. */
static graft_status train_step(gr_run *r)
{
    int valid;
    double began = gr_seconds();
    double epoch = (double)r->at.step / (double)r->steps_per_epoch;
    GR_TRY(gradients(r, &valid));
    if (!isfinite(r->loss))
        return gr_fail(r->log, GRAFT_ERR_NUMERIC,
                       "loss became %s in step %llu: lower `lr`, or look at the data; the last "
                       "checkpoint is kept",
                       isnan(r->loss) ? "NaN" : "infinite", (unsigned long long)r->at.step + 1);
    r->lr = (float)gr_schedule_lr(&r->setup.schedule, r->at.step, r->steps_per_epoch);
    GR_TRY(gr_watch_step(r->watch, r->lr));
    GR_TRY(gr_trainer_update(r->trainer, r->at.step, r->lr));
    r->at.step++;
    double seconds = gr_seconds() - began;
    bool first = r->step_seconds <= 0.0;
    r->step_seconds += (first ? 1.0 : RATE_WEIGHT) * (seconds - r->step_seconds);
    r->train_seconds += seconds;
    r->images_done += (uint64_t)valid;
    GR_TRY(gr_metrics_step(r->metrics, r->at.step, epoch, (double)r->loss, (double)r->lr,
                           (double)valid / seconds));
    report(r, false, 0, 0);
    return GRAFT_OK;
}

static bool checkpoint_due(const gr_run *r)
{
    uint64_t every = r->p->checkpoint_every ? r->p->checkpoint_every : r->steps_per_epoch;
    return r->at.step % every == 0;
}

/* What is due once after the last step of an epoch. A run that is resumed right there does it
 * first, if it was stopped before it was done: the epoch is kept before it is evaluated, so that
 * nothing that happens meanwhile loses it. */
static graft_status end_of_epoch(gr_run *r)
{
    int epoch = gr_run_epoch(r);
    if (r->at.step % r->steps_per_epoch != 0 || epoch <= r->at.epochs_ended)
        return GRAFT_OK;
    if (checkpoint_due(r))
        GR_TRY(checkpoint(r));
    if (r->setup.test && (epoch == r->epochs || epoch % r->p->eval_every == 0)) {
        graft_status status = with_averages(r, evaluate);
        if (status != GRAFT_OK && status != GRAFT_ERR_INTERRUPTED)
            checkpoint(r); /* it may not have been due; the first error is the one to tell */
        GR_TRY(status);
    }
    r->at.epochs_ended = epoch;
    return GRAFT_OK;
}

static graft_status next_step(gr_run *r)
{
    GR_TRY(r->fetching);
    if (!r->fetched)
        GR_TRY(fetch(r, r->at.step, &r->fetched));
    GR_TRY(train_step(r));
    bool ends_epoch = r->at.step % r->steps_per_epoch == 0;
    return checkpoint_due(r) && !ends_epoch ? checkpoint(r) : GRAFT_OK;
}

static graft_status interrupted(gr_run *r)
{
    GR_TRY(checkpoint(r));
    GR_TRY(with_averages(r, save_adapter));
    return gr_fail(r->log, GRAFT_ERR_INTERRUPTED,
                   "stopped after step %llu of %llu; `resume` goes on from there",
                   (unsigned long long)r->at.step, (unsigned long long)r->steps);
}

static graft_status train(gr_run *r)
{
    for (;;) {
        graft_status status = end_of_epoch(r);
        if (r->stopped && (status == GRAFT_OK || status == GRAFT_ERR_INTERRUPTED))
            return interrupted(r);
        GR_TRY(status);
        if (r->at.step >= last_step(r))
            break;
        GR_TRY(next_step(r));
    }
    gr_watch_end(r->watch);
    GR_TRY(checkpoint(r));
    return with_averages(r, save_adapter);
}

static void summarize(const gr_run *r, graft_train_result *result)
{
    const gr_params *params = gr_trainer_parameters(r->trainer);
    *result = (graft_train_result){
        .trainable = gr_params_total(params, true),
        .trainable_without_head = gr_params_total(params, false),
        .accuracy = r->at.accuracy,
        .best_accuracy = r->at.best_accuracy,
        .best_epoch = r->at.best_epoch,
        .loss = r->loss,
        .steps = r->at.step,
        .seconds = gr_seconds() - r->started,
        .images_per_second = r->train_seconds > 0 ? (double)r->images_done / r->train_seconds : 0.0,
        .peak_device_bytes = r->setup.device->peak_bytes,
    };
}

/* A run that failed before its first step leaves nothing behind. */
static void finish(gr_run *r, graft_status status)
{
    bool nothing_done = !r->metrics || gr_metrics_bytes(r->metrics) == 0;
    gr_metrics_close(&r->metrics);
    if (status != GRAFT_OK && status != GRAFT_ERR_INTERRUPTED && nothing_done && r->folder.path &&
        !r->p->resume)
        gr_run_folder_withdraw(&r->folder);
    if (r->folder.path)
        gr_run_folder_close(&r->folder);
    gr_watch_destroy(r->watch);
    gr_loader_destroy(&r->loader);
    gr_trainer_destroy(r->trainer);
    gr_run_setup_release(&r->setup);
    free(r->identity);
    free(r->provenance);
    gr_free(r);
}

graft_status graft_train(graft_log *log, graft_device *device, const graft_train_params *params,
                         graft_train_result *result)
{
    gr_run *r = gr_alloc(NULL, sizeof(*r));
    if (!r)
        return gr_fail(log, GRAFT_ERR_MEMORY, "run: out of memory");
    r->log = log;
    r->p = params;
    r->started = gr_seconds();
    r->at = (gr_position){.accuracy = -1.0, .best_accuracy = -1.0};
    r->saved.step = UINT64_MAX;
    graft_status status = gr_run_start(r, device);
    if (status == GRAFT_OK)
        status = train(r);
    if (status == GRAFT_OK && params->profile && r->images_done > 0)
        status = gr_trainer_profile(r->trainer);
    if (result && (status == GRAFT_OK || status == GRAFT_ERR_INTERRUPTED))
        summarize(r, result);
    finish(r, status);
    return status;
}
