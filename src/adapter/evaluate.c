#include "adapter/evaluate.h"

#include "base/log.h"

#include <math.h>
#include <stdlib.h>

/* log(sum exp(row)) */
static double log_sum_exp(const float *row, int count)
{
    double peak = row[0], sum = 0.0;
    for (int c = 1; c < count; c++)
        peak = row[c] > peak ? row[c] : peak;
    for (int c = 0; c < count; c++)
        sum += exp(row[c] - peak);
    return peak + log(sum);
}

void gr_softmax_row(float *row, int count)
{
    double norm = log_sum_exp(row, count);
    for (int c = 0; c < count; c++)
        row[c] = (float)exp(row[c] - norm);
}

void gr_score_add(gr_score *score, const float *logits, const int32_t *labels, int rows,
                  int classes)
{
    for (int r = 0; r < rows; r++) {
        const float *row = logits + (size_t)r * (size_t)classes;
        int best = 0;
        if (labels[r] < 0)
            continue;
        for (int c = 1; c < classes; c++)
            best = row[c] > row[best] ? c : best;
        score->correct += best == labels[r];
        score->loss += log_sum_exp(row, classes) - row[labels[r]];
        score->images++;
    }
}

graft_status gr_score_finish(graft_log *log, gr_score *score)
{
    if (score->images == 0)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "evaluation: there is no image that counts");
    score->loss /= (double)score->images;
    return isfinite(score->loss)
               ? GRAFT_OK
               : gr_fail(log, GRAFT_ERR_NUMERIC,
                         "evaluation: the loss is %s: the model is broken; train it with a lower "
                         "`lr`",
                         isnan(score->loss) ? "NaN" : "infinite");
}

static graft_status score_all(const gr_evaluation *e, gr_loader *loader, uint8_t *pixels,
                              int32_t *labels, float *logits, gr_score *score)
{
    for (;;) {
        int valid;
        GR_TRY(gr_loader_next_pixels(loader, pixels, labels, &valid));
        if (valid == 0)
            return GRAFT_OK;
        GR_TRY(e->logits(e->model, pixels, valid, logits));
        gr_score_add(score, logits, labels, valid, e->classes);
        if (e->progress && !e->progress(e->user, score->images, gr_dataset_count(e->data)))
            return GRAFT_ERR_INTERRUPTED;
    }
}

graft_status gr_evaluate(graft_log *log, const gr_evaluation *e, gr_score *out)
{
    gr_loader_params params = {
        .preprocess = e->preprocess,
        .batch = e->batch,
        .order = GR_ORDER_SEQUENTIAL,
        .threads = e->threads,
    };
    size_t image = 3 * (size_t)e->preprocess.size * (size_t)e->preprocess.size;
    size_t batch = (size_t)e->batch;
    uint8_t *pixels = malloc(batch * image);
    int32_t *labels = malloc(batch * sizeof(*labels));
    float *logits = malloc(batch * (size_t)e->classes * sizeof(*logits));
    gr_loader *loader = NULL;
    *out = (gr_score){0};
    graft_status status = pixels && labels && logits
                              ? gr_loader_create(log, e->data, &params, &loader)
                              : gr_fail(log, GRAFT_ERR_MEMORY, "evaluation: out of memory");
    if (status == GRAFT_OK)
        status = score_all(e, loader, pixels, labels, logits, out);
    if (status == GRAFT_OK)
        status = gr_score_finish(log, out);
    gr_loader_destroy(&loader);
    free(pixels);
    free(labels);
    free(logits);
    return status;
}
