/* graft_train_estimate: what a run will take, from its first steps. */
#include "run/run.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/ranks.h"
#include "base/system.h"

/* The first step compiles, the first batch, too: the shortest of some counts. */
enum { STEPS = 3, BATCHES = 2 };

typedef struct estimation {
    gr_run run;          /* first: the callback of an evaluation gets it */
    double at, shortest; /* the latest step or batch was done; seconds of the shortest */
    int count;
    uint64_t images, of_shortest; /* evaluated so far; those of the shortest */
} estimation;

static void restart(estimation *e)
{
    e->at = gr_seconds();
    e->count = 0;
    e->images = 0;
}

static void note(estimation *e, uint64_t images)
{
    double now = gr_seconds();
    if (e->count++ == 0 || now - e->at < e->shortest) {
        e->shortest = now - e->at;
        e->of_shortest = images - e->images;
    }
    e->at = now;
    e->images = images;
}

static bool step_done(void *user, const graft_step_result *result)
{
    (void)result;
    note(user, 0);
    return true;
}

static bool batch_done(void *run, uint64_t images)
{
    estimation *e = run;
    note(e, images);
    return e->count < BATCHES;
}

static graft_status time_steps(estimation *e, double *seconds)
{
    gr_run *r = &e->run;
    graft_batch_source source = {gr_run_next_batch, r};
    GR_TRY(gr_loader_seek(r->loader, 0, 0));
    restart(e);
    GR_TRY(
        graft_trainer_run(r->trainer, &source, r->steps < STEPS ? r->steps : STEPS, step_done, e));
    *seconds = e->shortest;
    return GRAFT_OK;
}

/* Of all test images, from the first batches of them. */
static graft_status time_evaluation(estimation *e, double *seconds)
{
    graft_eval_result result;
    *seconds = 0.0;
    if (!e->run.data.test)
        return GRAFT_OK;
    restart(e);
    graft_status status = gr_run_evaluate(&e->run, batch_done, &result);
    if (status != GRAFT_OK && status != GRAFT_ERR_INTERRUPTED)
        return status;
    *seconds = e->shortest * (double)gr_dataset_count(e->run.data.test) / (double)e->of_shortest;
    return GRAFT_OK;
}

/* Steps and evaluations that take as long as those that were timed: where features are kept, what
 * comes after the first time takes next to nothing. */
static uint64_t full(uint64_t all, uint64_t first, bool kept)
{
    return kept && first < all ? first : all;
}

static graft_status estimate(estimation *e, graft_estimate *out)
{
    gr_run *r = &e->run;
    double evaluation;
    GR_TRY(gr_run_prepare(r));
    GR_TRY(time_steps(e, &out->step_seconds));
    GR_TRY(time_evaluation(e, &evaluation));
    uint64_t steps = r->p->max_steps && r->p->max_steps < r->steps ? r->p->max_steps : r->steps;
    uint64_t epochs = steps / r->steps_per_epoch, every = (uint64_t)r->p->eval_every;
    uint64_t evaluations = epochs / every + (epochs == (uint64_t)r->epochs && epochs % every != 0);
    out->trainable = r->info->trainable;
    out->trainable_without_head = r->info->trainable_without_head;
    out->images = gr_dataset_count(r->data.train);
    out->test_images = r->data.test ? gr_dataset_count(r->data.test) : 0;
    out->steps = steps;
    out->batch_size = r->batch;
    out->micro_batch = r->info->micro_batch;
    out->seconds =
        (double)full(steps, r->steps_per_epoch, r->info->keeps_features) * out->step_seconds +
        (double)full(evaluations, 1, r->info->keeps_test_features) * evaluation;
    graft_device_memory(r->device, &out->device_bytes);
    return GRAFT_OK;
}

graft_status graft_train_estimate(graft_log *log, graft_device *device,
                                  const graft_train_params *params, graft_estimate *out)
{
    estimation *e = gr_alloc(NULL, sizeof(*e));
    *out = (graft_estimate){0};
    if (gr_ranks_are_several(params->ranks)) {
        gr_free(e);
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "estimate: is of one process; a rank of %d has `batch_size` / %d images of "
                       "a step",
                       params->ranks->count, params->ranks->count);
    }
    if (!e)
        return gr_fail(log, GRAFT_ERR_MEMORY, "run: out of memory");
    gr_run_init(&e->run, log, device, params);
    graft_status status = estimate(e, out);
    gr_run_free(&e->run);
    return status;
}
