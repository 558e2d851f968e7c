/* What a graft_trainer has learnt so far: logits, accuracy and loss. */
#include "train/graft_trainer.h"

#include "adapter/evaluate.h"
#include "base/mem.h"

graft_status gr_swap_averages(graft_trainer *t)
{
    if (!gr_trainer_has_average(t->core))
        return GRAFT_OK;
    if (gr_is_half_done(t))
        return gr_refuse_half_done(t, "averages");
    t->phase = GR_PHASE_NONE; /* they went through the gradients' memory */
    return gr_trainer_swap_average(t->core);
}

static graft_status check_logits(const graft_trainer *t, const void *images, int count,
                                 const float *logits)
{
    if (count > 0 && images && logits)
        return GRAFT_OK;
    return gr_fail(t->log, GRAFT_ERR_ARGUMENT, "logits: of %d images, %s: expected 1 or more",
                   count, images && logits ? "given" : "NULL");
}

graft_status graft_trainer_logits(graft_trainer *t, const float *images, int count, float *logits)
{
    GR_TRY(check_logits(t, images, count, logits));
    GR_TRY(gr_swap_averages(t));
    graft_status status = gr_trainer_logits(t->core, images, count, logits);
    graft_status back = gr_swap_averages(t);
    return status != GRAFT_OK ? status : back;
}

graft_status graft_trainer_logits_on_device(graft_trainer *t, const graft_device_images *images,
                                            int count, float *logits)
{
    GR_TRY(check_logits(t, images, count, logits));
    GR_TRY(gr_swap_averages(t));
    graft_status status = gr_trainer_logits_on_device(t->core, images, count, logits);
    graft_status back = gr_swap_averages(t);
    return status != GRAFT_OK ? status : back;
}

/* ---- Accuracy and loss ------------------------------------------------------------------ */

static graft_status batch_logits(graft_trainer *t, const graft_batch *b, float *logits)
{
    if (b->pixels || gr_trainer_has_test_features(t->core, b->numbers, b->count))
        return gr_trainer_logits_of_numbered(t->core, b->pixels, b->numbers, b->count, logits);
    if (b->images)
        return gr_trainer_logits(t->core, b->images, b->count, logits);
    if (b->pictures)
        return gr_trainer_logits_of_pictures(t->core, b->pictures, b->count, logits);
    return gr_trainer_logits_on_device(t->core, &b->on_device, b->count, logits);
}

typedef struct evaluation {
    const graft_batch_source *source;
    graft_evaluate_callback *callback;
    void *user;
    float *logits; /* [batch_size, classes] */
    uint64_t images;
} evaluation;

static graft_status score_batches(graft_trainer *t, evaluation *e, gr_score *score)
{
    for (uint64_t number = 0;; number++) {
        graft_batch batch = {0};
        GR_TRY(e->source->next(e->source->user, number, &batch));
        if (batch.count == 0)
            return GRAFT_OK;
        GR_TRY(gr_trainer_check_images(t, &batch, true));
        GR_TRY(gr_trainer_check_labels(t, &batch));
        GR_TRY(batch_logits(t, &batch, e->logits));
        gr_score_add(score, e->logits, batch.labels, batch.count, t->info.classes);
        e->images += (uint64_t)batch.count;
        if (e->callback && !e->callback(e->user, e->images))
            return GRAFT_ERR_INTERRUPTED;
    }
}

graft_status graft_trainer_evaluate(graft_trainer *t, const graft_batch_source *source,
                                    graft_evaluate_callback *callback, void *user,
                                    graft_eval_result *result)
{
    size_t rows = (size_t)t->info.batch_size, classes = (size_t)t->info.classes;
    gr_score score = {0};
    evaluation e = {.source = source, .callback = callback, .user = user};
    if (!(e.logits = gr_alloc_array(NULL, rows * classes, sizeof(*e.logits))))
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "evaluation: out of memory");
    graft_status status = gr_swap_averages(t);
    if (status == GRAFT_OK) {
        status = score_batches(t, &e, &score);
        graft_status back = gr_swap_averages(t);
        status = status != GRAFT_OK ? status : back;
    }
    status = gr_trainer_share_score(t, status, &score);
    if (status == GRAFT_OK)
        status = gr_score_finish(t->log, &score);
    if (status == GRAFT_OK)
        *result = (graft_eval_result){(double)score.correct / (double)score.images, score.loss,
                                      (int64_t)score.images};
    gr_free(e.logits);
    return status;
}
