/* graft_train: a run from settings to an adapter, with metrics, checkpoints and evaluations. */
#include "run/run.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/ranks.h"
#include "base/system.h"

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

static graft_status checkpoint(gr_run *r)
{
    if (r->saved.step == r->at.step && r->saved.epochs_ended == r->at.epochs_ended)
        return GRAFT_OK;
    gr_spans spans = gr_run_spans(r);
    double start = gr_span_begin(&spans);
    if (gr_run_writes(r)) {
        GR_TRY(gr_metrics_sync(r->metrics));
        r->at.metrics_bytes = gr_metrics_bytes(r->metrics);
        GR_TRY(gr_position_save(r->trainer, r->folder.state, &r->at, r->provenance));
    }
    gr_span_end(&spans, "checkpoint", start);
    r->saved = r->at;
    return GRAFT_OK;
}

static graft_status save_adapter(gr_run *r, const char *path)
{
    return gr_run_writes(r) ? graft_trainer_save_adapter(r->trainer, path) : GRAFT_OK;
}

static bool report_evaluation(void *run, uint64_t images)
{
    gr_run *r = run;
    size_t total = gr_dataset_count(r->data.test), ranks = (size_t)r->ranks;
    uint64_t all = images * ranks; /* the others are about as far */
    return report(r, true, all < total ? all : total, total);
}

static graft_status note_evaluation(gr_run *r, int epoch, const graft_eval_result *result)
{
    gr_scalar scalars[] = {{"test/accuracy", result->accuracy}, {"test/loss", result->loss}};
    GR_TRY(
        gr_metrics_evaluation(r->metrics, epoch, r->p->test_split, result->accuracy, result->loss));
    return r->events ? gr_events_write(r->events, r->at.step, scalars, 2) : GRAFT_OK;
}

static graft_status evaluate(gr_run *r)
{
    int epoch = gr_run_epoch(r);
    graft_eval_result result;
    gr_spans spans = gr_run_spans(r);
    double start = gr_span_begin(&spans);
    GR_TRY(gr_run_evaluate(r, report_evaluation, &result));
    gr_span_end(&spans, "evaluate", start);
    r->at.accuracy = result.accuracy;
    if (gr_run_writes(r))
        GR_TRY(note_evaluation(r, epoch, &result));
    if (r->at.accuracy > r->at.best_accuracy) {
        r->at.best_accuracy = r->at.accuracy;
        r->at.best_epoch = epoch;
        return save_adapter(r, r->folder.best);
    }
    return GRAFT_OK;
}

static bool checkpoint_due(const gr_run *r)
{
    uint64_t every = r->p->checkpoint_every ? r->p->checkpoint_every : r->steps_per_epoch;
    return r->at.step % every == 0;
}

/* What is due once after the last step of an epoch, of which `status` is what came of it so far. A
 * run that is resumed right there does it first, if it was stopped before it was done: the epoch is
 * kept before it is evaluated, so that nothing that happens meanwhile loses it. */
static graft_status end_of_epoch(gr_run *r, graft_status status)
{
    int epoch = gr_run_epoch(r);
    if (r->at.step % r->steps_per_epoch != 0 || epoch <= r->at.epochs_ended)
        return status;
    if (status == GRAFT_OK && checkpoint_due(r))
        status = checkpoint(r);
    GR_TRY(gr_ranks_agree(r->log, r->p->ranks, status)); /* all evaluate, or none */
    if (r->data.test && (epoch == r->epochs || epoch % r->p->eval_every == 0)) {
        status = evaluate(r);
        if (status != GRAFT_OK && status != GRAFT_ERR_INTERRUPTED)
            checkpoint(r); /* it may not have been due; the first error is the one to tell */
        GR_TRY(status);
    }
    r->at.epochs_ended = epoch;
    return GRAFT_OK;
}

/* Of the step that began at r->began. */
static graft_status note_step(gr_run *r, const graft_step_result *result)
{
    double seconds = gr_seconds() - r->began;
    double epoch = (double)r->at.step / (double)r->steps_per_epoch;
    int images = gr_run_batch_images(r, r->at.step);
    for (int i = 0; r->info->keeps_features && i < images; i++)
        gr_loader_leave_out(r->loader, r->numbers[r->at.step & 1][i]);
    bool first = r->step_seconds <= 0.0;
    r->at.step = result->step;
    r->loss = result->loss;
    r->lr = result->lr;
    r->step_seconds += (first ? 1.0 : RATE_WEIGHT) * (seconds - r->step_seconds);
    r->train_seconds += seconds;
    r->images_done += (uint64_t)images;
    gr_scalar scalars[] = {{"train/loss", (double)r->loss},
                           {"train/lr", (double)r->lr},
                           {"train/images_per_s", (double)images / seconds}};
    if (gr_run_writes(r))
        GR_TRY(gr_metrics_step(r->metrics, r->at.step, epoch, (double)r->loss, (double)r->lr,
                               (double)images / seconds));
    if (r->events)
        GR_TRY(gr_events_write(r->events, r->at.step, scalars, 3));
    report(r, false, 0, 0);
    return GRAFT_OK;
}

static graft_status end_of_step(gr_run *r, const graft_step_result *result)
{
    graft_status status = note_step(r, result);
    if (r->at.step % r->steps_per_epoch == 0)
        return end_of_epoch(r, status);
    GR_TRY(status);
    return checkpoint_due(r) ? checkpoint(r) : GRAFT_OK;
}

/* Follows from where the run stands: a run that is resumed ends where it would have ended. */
static bool out_of_patience(const gr_run *r)
{
    int every = r->p->eval_every, patience = r->p->patience;
    int in_vain = r->at.epochs_ended / every - r->at.best_epoch / every;
    return patience && r->at.epochs_ended < r->epochs && in_vain >= patience;
}

static bool after_step(void *run, const graft_step_result *result)
{
    gr_run *r = run;
    r->status = end_of_step(r, result);
    r->began = gr_seconds();
    return r->status == GRAFT_OK && !r->stopped && !out_of_patience(r);
}

static graft_status train_steps(gr_run *r)
{
    graft_batch_source source = {gr_run_next_batch, r};
    uint64_t steps = last_step(r) - r->at.step;
    graft_status status = graft_trainer_run(r->trainer, &source, steps, after_step, r);
    return status == GRAFT_ERR_INTERRUPTED && r->status != GRAFT_OK ? r->status : status;
}

static graft_status interrupted(gr_run *r)
{
    GR_TRY(checkpoint(r));
    GR_TRY(save_adapter(r, r->folder.adapter));
    return gr_fail(r->log, GRAFT_ERR_INTERRUPTED,
                   "stopped after step %llu of %llu; `resume` goes on from there",
                   (unsigned long long)r->at.step, (unsigned long long)r->steps);
}

static void tell_patience(const gr_run *r)
{
    gr_log(
        r->log, GRAFT_LOG_INFO,
        "ended after epoch %d of %d: no evaluation was better than the %.2f%% of epoch %d in the "
        "last %d (`patience`); %s has that epoch",
        r->at.epochs_ended, r->epochs, 100.0 * r->at.best_accuracy, r->at.best_epoch,
        r->p->patience, r->folder.best);
}

static graft_status train(gr_run *r)
{
    graft_status status = end_of_epoch(r, GRAFT_OK);
    if (status == GRAFT_OK && !r->stopped && !out_of_patience(r) && r->at.step < last_step(r))
        status = train_steps(r);
    if (status == GRAFT_ERR_INTERRUPTED && r->status == GRAFT_OK && !r->stopped &&
        out_of_patience(r))
        status = GRAFT_OK;
    status = gr_ranks_agree(r->log, r->p->ranks,
                            r->stopped && status == GRAFT_OK ? GRAFT_ERR_INTERRUPTED : status);
    if (status == GRAFT_ERR_INTERRUPTED)
        return interrupted(r);
    GR_TRY(status);
    if (out_of_patience(r) && gr_run_writes(r))
        tell_patience(r);
    GR_TRY(checkpoint(r));
    return save_adapter(r, r->folder.adapter);
}

static void summarize(const gr_run *r, graft_train_result *result)
{
    *result = (graft_train_result){
        .trainable = r->info->trainable,
        .trainable_without_head = r->info->trainable_without_head,
        .accuracy = r->at.accuracy,
        .best_accuracy = r->at.best_accuracy,
        .best_epoch = r->at.best_epoch,
        .loss = r->loss,
        .steps = r->at.step,
        .seconds = gr_seconds() - r->started,
        .images_per_second = r->train_seconds > 0 ? (double)r->images_done / r->train_seconds : 0.0,
    };
    graft_device_memory(r->device, &result->peak_device_bytes);
}

/* A run that failed before its first step leaves nothing behind. */
static void finish(gr_run *r, graft_status status)
{
    bool nothing_done = !r->metrics || gr_metrics_bytes(r->metrics) == 0;
    gr_metrics_close(&r->metrics);
    gr_events_close(&r->events);
    if (status != GRAFT_OK && status != GRAFT_ERR_INTERRUPTED && nothing_done && r->folder.path &&
        !r->p->resume)
        gr_run_folder_withdraw(&r->folder);
    if (r->folder.path)
        gr_run_folder_close(&r->folder);
    gr_run_free(r);
}

graft_status graft_train(graft_log *log, graft_device *device, const graft_train_params *params,
                         graft_train_result *result)
{
    gr_run *r = gr_alloc(NULL, sizeof(*r));
    if (!r)
        return gr_fail(log, GRAFT_ERR_MEMORY, "run: out of memory");
    gr_run_init(r, log, device, params);
    graft_status status = gr_run_start(r);
    if (status == GRAFT_OK)
        status = gr_ranks_agree(log, params->ranks, train(r));
    if (status == GRAFT_OK && params->profile && r->images_done > 0)
        status = graft_trainer_profile(r->trainer, NULL, 0, NULL);
    if (result && (status == GRAFT_OK || status == GRAFT_ERR_INTERRUPTED))
        summarize(r, result);
    finish(r, status);
    return status;
}
