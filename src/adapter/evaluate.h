/* Accuracy and loss of a model over a data set. */
#ifndef GR_EVALUATE_H
#define GR_EVALUATE_H

#include "data/loader.h"

/* logits [count, classes] of pixels [count, S, S, 3]. */
typedef graft_status (*gr_logits_fn)(void *model, const uint8_t *pixels, int count, float *logits);

typedef struct gr_evaluation {
    const gr_dataset *data; /* borrowed */
    gr_preprocess preprocess;
    int batch, classes, threads;
    gr_logits_fn logits;
    void *model;
    /* Called after each batch with the images done so far: false ends with GRAFT_ERR_INTERRUPTED.
     * May be NULL. */
    bool (*progress)(void *user, size_t done, size_t total);
    void *user;
} gr_evaluation;

typedef struct gr_score {
    size_t images, correct;
    double loss; /* mean cross entropy */
} gr_score;

/* A loss that is no number is GRAFT_ERR_NUMERIC. */
graft_status gr_evaluate(graft_log *log, const gr_evaluation *evaluation, gr_score *out);

/* Adds rows of logits [rows, classes]; those with a negative label do not count. `loss` is a sum
 * until gr_score_finish has checked it and made it the mean. */
void gr_score_add(gr_score *score, const float *logits, const int32_t *labels, int rows,
                  int classes);
graft_status gr_score_finish(graft_log *log, gr_score *score);

/* softmax in place, in double precision inside. */
void gr_softmax_row(float *row, int count);

#endif
