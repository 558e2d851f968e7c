/* From the loader to the trainer: batches to train on, and those of an evaluation. */
#include "run/run.h"

#include "base/mem.h"
#include "base/system.h"
#include "data/augment_mix.h"

/* Batches are mixed as a whole, before they are split: the split changes nothing. */
static void mix_batch(gr_run *r, uint64_t step, int valid)
{
    int size = r->info->image_size;
    gr_random_key key = {r->p->seed, (uint32_t)(step / r->steps_per_epoch),
                         (uint32_t)(step % r->steps_per_epoch)};
    gr_mix_draw draw = gr_mix_draw_batch(&r->p->augment, key, size);
    if (r->pixels)
        gr_mix_pixels(draw, valid, size, r->pixels);
    else
        gr_mix_images(draw, valid, size, r->images);
    gr_mix_targets(&r->p->augment, draw, r->labels, valid, r->data.classes, r->targets);
}

static graft_status load(gr_run *r, int *valid)
{
    return r->pixels ? gr_loader_next_pixels(r->loader, r->pixels, r->labels, valid)
                     : gr_loader_next(r->loader, r->images, r->labels, valid);
}

/* Of the next epoch, where one is over. */
static graft_status load_step(gr_run *r, uint64_t step, int *valid)
{
    GR_TRY(load(r, valid));
    if (*valid)
        return GRAFT_OK;
    GR_TRY(gr_loader_seek(r->loader, (uint32_t)(step / r->steps_per_epoch), 0));
    return load(r, valid);
}

graft_status gr_run_next_batch(void *run, uint64_t step, graft_batch *batch)
{
    gr_run *r = run;
    int *valid = &r->fetched[step & 1];
    r->fetching = load_step(r, step, valid);
    if (r->fetching != GRAFT_OK)
        return GRAFT_OK;
    if (r->targets)
        mix_batch(r, step, *valid);
    *batch = (graft_batch){.count = *valid,
                           .pixels = r->pixels,
                           .images = r->images,
                           .labels = r->targets ? NULL : r->labels,
                           .targets = r->targets};
    if (step == r->at.step) /* nothing is at work yet */
        r->began = gr_seconds();
    return GRAFT_OK;
}

/* The test images on their way to the trainer. */
typedef struct test_batches {
    gr_loader *loader;
    uint8_t *pixels;
    int32_t *labels;
} test_batches;

static graft_status next_test_batch(void *user, uint64_t number, graft_batch *batch)
{
    test_batches *b = user;
    (void)number;
    batch->pixels = b->pixels;
    batch->labels = b->labels;
    return gr_loader_next_pixels(b->loader, b->pixels, b->labels, &batch->count);
}

graft_status gr_run_evaluate(gr_run *r, graft_evaluate_callback *callback,
                             graft_eval_result *result)
{
    gr_loader_params params = {.preprocess = r->input.preprocess,
                               .batch = r->info->micro_batch,
                               .order = GR_ORDER_SEQUENTIAL,
                               .threads = r->p->input.threads};
    size_t side = (size_t)r->info->image_size, batch = (size_t)params.batch;
    void *memory = gr_alloc(NULL, 1);
    test_batches b = {.pixels = gr_alloc_array(memory, batch, 3 * side * side),
                      .labels = gr_alloc_array(memory, batch, sizeof(int32_t))};
    graft_status status = memory && b.pixels && b.labels
                              ? gr_loader_create(r->log, r->data.test, &params, &b.loader)
                              : gr_fail(r->log, GRAFT_ERR_MEMORY, "evaluation: out of memory");
    graft_batch_source source = {next_test_batch, &b};
    if (status == GRAFT_OK)
        status = graft_trainer_evaluate(r->trainer, &source, callback, r, result);
    gr_loader_destroy(&b.loader);
    gr_free(memory);
    return status;
}
