/* A vision transformer small enough to train in milliseconds, with random numbers everywhere. */
#ifndef TRAIN_SUPPORT_H
#define TRAIN_SUPPORT_H

#include "compare.h"
#include "devices.h"
#include "train/trainer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct train_setup {
    graft_log *log;
    gr_model_config config; /* 4x4 patches, width 24, 2 blocks, 5 classes */
    gr_methods *methods;
    gr_tensors *weights;
    gr_tensors *adapter; /* random values of all trained tensors: nothing starts at zero */
    int batch;
    float *images;
    int32_t *labels;
} train_setup;

/* Dropout is off; a test changes what it needs before it creates trainers. */
void train_setup_open(train_setup *s, graft_log *log, const char *methods, int batch);
void train_setup_close(train_setup *s);
void train_setup_option(train_setup *s, const char *key, const char *value);

/* Sets an option that changes shapes: draws the adapter anew. */
void train_setup_reshape(train_setup *s, const char *key, const char *value);

/* Another geometry of the same image size: draws weights and adapter anew. */
void train_setup_remodel(train_setup *s, const gr_model_config *config);

/* Replaces all values by numbers that follow from the tensor's name alone: g + a sin(0.37 i + sum
 * of the name's bytes mod 100), where g is 1 and a 0.5 for weights of norms, 0 and 0.2 for all
 * else. */
void train_fill(const gr_tensors *tensors);

/* The setup's tensors with AdamW, to be changed and given to train_create. */
gr_trainer_params train_params(const train_setup *s, gr_device *device);
gr_trainer *train_create(const train_setup *s, const gr_trainer_params *params);

/* One plane of all parameters, one after the other in the trainer's order; free() it. */
float *train_plane(const train_setup *s, const gr_trainer *trainer, gr_param_plane plane,
                   size_t *count);

/* The gradients of step `step` and its loss; free() them. */
float *train_gradients(const train_setup *s, gr_trainer *trainer, uint64_t step, float *loss,
                       size_t *count);

/* The same of a new trainer. */
float *train_first_gradients(const train_setup *s, const gr_trainer_params *params, float *loss,
                             size_t *count);

/* Fails the test unless a batch gives the same gradients and loss as a whole and in micro-batches
 * of each size. */
void train_assert_splits_agree(const train_setup *s, gr_trainer_params params, const int *sizes,
                               size_t count);

/* The gradient of one tensor; free() it. */
float *train_gradient_of(const train_setup *s, const gr_trainer *trainer, const char *name,
                         size_t *count);

/* Fails the test unless a step of a trainer with these parameters gives every tensor a gradient. */
void train_assert_every_gradient(const train_setup *s, const gr_trainer_params *params,
                                 const char *about);

float train_largest(const float *values, size_t count); /* magnitude */

/* Fails the test unless got and expected agree to `relative` times the largest expected one. */
void train_assert_close(const float *got, const float *expected, size_t count, double relative);

#endif
