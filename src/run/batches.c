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

int gr_run_batch_images(const gr_run *r, uint64_t step)
{
    size_t before = (size_t)(step % r->steps_per_epoch) * (size_t)r->batch;
    size_t left = gr_dataset_count(r->data.train) - before;
    return left < (size_t)r->batch ? (int)left : r->batch;
}

/* What is loaded is this rank's part, or the whole batch where its images are mixed. */
static void take_part(const gr_run *r, int whole, graft_batch *batch)
{
    size_t first = (size_t)gr_loader_first_row(whole, r->rank, r->ranks);
    size_t image = 3 * (size_t)r->info->image_size * (size_t)r->info->image_size;
    batch->count = gr_loader_first_row(whole, r->rank + 1, r->ranks) - (int)first;
    if (!r->targets)
        first = 0;
    batch->pixels = r->pixels ? r->pixels + first * image : NULL;
    batch->images = r->images ? r->images + first * image : NULL;
    batch->labels = r->targets ? NULL : r->labels;
    batch->targets = r->targets ? r->targets + first * (size_t)r->data.classes : NULL;
}

graft_status gr_run_next_batch(void *run, uint64_t step, graft_batch *batch)
{
    gr_run *r = run;
    int valid = 0, whole = gr_run_batch_images(r, step);
    uint32_t *numbers = r->numbers[step & 1];
    take_part(r, whole, batch);
    gr_spans spans = gr_run_spans(r);
    double start = gr_span_begin(&spans);
    if (batch->count || r->targets)
        GR_TRY(load_step(r, step, &valid));
    gr_span_end(&spans, "load", start);
    for (int i = 0; i < valid; i++)
        numbers[i] = (uint32_t)gr_loader_index(r->loader, i);
    if (r->targets)
        mix_batch(r, step, valid);
    if (r->ranks == 1)
        batch->numbers = numbers;
    if (graft_trainer_has_features(r->trainer, false, batch->numbers, batch->count))
        batch->pixels = NULL, batch->images = NULL;
    if (step == r->at.step) /* nothing is at work yet */
        r->began = gr_seconds();
    return GRAFT_OK;
}

/* The test images on their way to the trainer. */
typedef struct test_batches {
    gr_loader *loader;
    uint8_t *pixels;
    int32_t *labels;
    uint32_t *numbers; /* of the images, in their order */
    const gr_dataset *data;
    size_t batch;
} test_batches;

static graft_status next_test_batch(void *user, uint64_t number, graft_batch *batch)
{
    test_batches *b = user;
    for (size_t i = 0; i < b->batch; i++)
        b->numbers[i] = (uint32_t)(number * b->batch + i);
    batch->numbers = b->numbers;
    batch->pixels = b->pixels;
    batch->labels = b->labels;
    return gr_loader_next_pixels(b->loader, b->pixels, b->labels, &batch->count);
}

/* Their features are kept: nothing is read of them but labels. */
static graft_status next_kept_batch(void *user, uint64_t number, graft_batch *batch)
{
    test_batches *b = user;
    size_t first = number * b->batch, count = gr_dataset_count(b->data);
    size_t left = first < count ? count - first : 0;
    batch->count = (int)(left < b->batch ? left : b->batch);
    for (size_t i = 0; i < (size_t)batch->count; i++) {
        b->numbers[i] = (uint32_t)(first + i);
        b->labels[i] = gr_dataset_label(b->data, first + i);
    }
    batch->numbers = b->numbers;
    batch->labels = b->labels;
    return GRAFT_OK;
}

/* They are evaluated in one order, so that the last one tells. */
static bool all_are_kept(const gr_run *r)
{
    uint32_t last = (uint32_t)gr_dataset_count(r->data.test) - 1;
    return graft_trainer_has_features(r->trainer, true, &last, 1);
}

graft_status gr_run_evaluate(gr_run *r, graft_evaluate_callback *callback,
                             graft_eval_result *result)
{
    int batch_size = r->ranks > 1 ? r->batch / r->ranks * r->ranks : r->info->micro_batch;
    gr_loader_params params = {.preprocess = r->input.preprocess,
                               .batch = batch_size,
                               .order = GR_ORDER_SEQUENTIAL,
                               .threads = r->p->input.threads,
                               .part = r->rank,
                               .parts = r->ranks,
                               .spans = gr_run_spans(r)};
    size_t side = (size_t)r->info->image_size, batch = (size_t)params.batch;
    void *memory = gr_alloc(NULL, 1);
    bool kept = all_are_kept(r);
    test_batches b = {.pixels = gr_alloc_array(memory, batch, 3 * side * side),
                      .labels = gr_alloc_array(memory, batch, sizeof(int32_t)),
                      .numbers = gr_alloc_array(memory, batch, sizeof(uint32_t)),
                      .data = r->data.test,
                      .batch = batch};
    graft_status status = memory && b.pixels && b.labels && b.numbers
                              ? GRAFT_OK
                              : gr_fail(r->log, GRAFT_ERR_MEMORY, "evaluation: out of memory");
    graft_batch_source source = {kept ? next_kept_batch : next_test_batch, &b};
    if (status == GRAFT_OK && !kept)
        status = gr_loader_create(r->log, r->data.test, &params, &b.loader);
    if (status == GRAFT_OK)
        status = graft_trainer_evaluate(r->trainer, &source, callback, r, result);
    gr_loader_destroy(&b.loader);
    gr_free(memory);
    return status;
}
