/* Whole models with random weights, and what the reference says of them. */
#ifndef BENCH_MODELS_H
#define BENCH_MODELS_H

#include "command/bench/bench.h"

enum { BENCH_CLASSES = 100 };

/* A model with a method, as the reference computes it for one image. */
typedef struct bench_truth {
    const char *model, *method; /* borrowed; NULL: nothing yet */
    int image_size;
    float loss;
    float *gradients; /* [trainable] */
    int64_t trainable, trainable_without_head;
    float logits[BENCH_CLASSES]; /* after one update */
    graft_bytes adapter;         /* the same update */
} bench_truth;

/* The truth about the model and method of the work; the one before it is dropped. */
graft_status bench_truth_of(bench *b, const bench_work *work, const bench_truth **out);
void bench_truth_release(bench_truth *truth);

/* A normalised image [3, S, S]: the one that the reference sees. */
void bench_fill_image(float *image, int size);
enum { BENCH_LABEL = 37 };

/* A trainer of the work's model and method on a device, on a model of its own. `profile`: each
 * kernel is measured, and told to these lanes where they have a trace; or NULL. */
graft_status bench_open_trainer(bench *b, graft_device *device, const bench_work *work,
                                int batch_size, cli_trace_device *profile, graft_model **model,
                                graft_trainer **trainer);

#endif
