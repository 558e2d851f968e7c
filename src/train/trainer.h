/* A model on a device, ready to be trained one batch at a time and to be evaluated.
 *
 * The trainer builds the graph of backbone and methods, splits a batch into micro-batches that fit
 * the memory budget, and owns the parameters. It knows nothing of files, epochs or schedules.
 *
 * Thread-safety: one thread at a time, as the device.
 */
#ifndef GR_TRAINER_H
#define GR_TRAINER_H

#include <graft/trainer.h>

#include "build/build.h"
#include "data/preprocess.h"
#include "peft/compose.h"
#include "train/budget.h"
#include "train/optimizer.h"
#include "weights/tensors.h"

typedef struct gr_trainer_params {
    gr_device *device;             /* borrowed */
    const gr_model_config *config; /* copied */
    const gr_methods *methods;     /* borrowed */
    const gr_tensors *weights;     /* backbone; borrowed until create returns; NULL: random start,
                                    * for methods that train every tensor */
    gr_store *below;               /* what holds the backbone already, where `shared` says so of a
                                    * value; borrowed for the trainer's life; NULL: nothing does */
    gr_store_shared *shared;
    void *shared_user;
    const gr_tensors *adapter; /* values of trained tensors to start from; may be NULL */
    int batch;                 /* images in a step */
    int micro_batch;           /* at most so many at once; 0: as many as fit */
    uint64_t memory_budget;    /* bytes of device memory in all; 0: no limit */
    uint64_t seed;             /* of start values, dropout and drop-path */
    graft_head_init head_init;
    bool head_norm; /* see gr_build: takes whole batches in which every row counts */
    float drop_path;
    bool drop_elements;              /* see gr_build */
    const gr_preprocess *preprocess; /* of batches with pixels or pictures, copied; NULL:
                                      * batches have floats */
    bool soft_targets;               /* batches have targets, not labels */
    gr_optimizer_params optimizer;
    double ema;           /* decay of the average of the parameters; 0: none is kept */
    const char *no_decay; /* see gr_params_create */
    bool profile;
    graft_weights kept_weights; /* how frozen matrices lie in memory; of those that lie `below`: as
                                 * they are */
    graft_recompute recompute;
    uint32_t kept_images; /* batches may number their images, below this: features of such a number
                           * are computed once and kept in host memory, as features.h has it */
    uint32_t kept_test_images; /* the same of evaluations */
    uint64_t kept_bytes;       /* host memory for both, at most */
} gr_trainer_params;

typedef struct gr_trainer gr_trainer;

/* Of a batch that several trainers share. */
typedef struct gr_batch_part {
    int first;    /* images of the batch before those of this part */
    int counting; /* images of the whole batch that count */
} gr_batch_part;

graft_status gr_trainer_create(graft_log *log, const gr_trainer_params *params, gr_trainer **out);
void gr_trainer_destroy(gr_trainer *trainer); /* NULL is accepted */

/* Forward and backward of one batch, of labels or of targets as the trainer was made. `step` counts
 * from 0 and keys the random masks. The gradients are the mean over the rows that count; *loss is
 * their mean cross entropy. Blocks until done. */
graft_status gr_trainer_batch_gradients(gr_trainer *trainer, const graft_batch *batch,
                                        uint64_t step, float *loss);

/* The same one after the other, with a next batch made ready in the meantime.
 *
 * Stage: copies pixels, labels and targets of the batch after the one at work to the device, beside
 * its work; images are borrowed until it has run. Staging once more takes the place of the first.
 * Start: the staged batch is the one at work; the one before is finished, or given up.
 * Queue: all of it, without waiting but where images are not in pixels.
 * Finish: waits, and reads the loss. */
graft_status gr_trainer_stage(gr_trainer *trainer, const graft_batch *batch, uint64_t step);
graft_status gr_trainer_start(gr_trainer *trainer);
graft_status gr_trainer_queue(gr_trainer *trainer);
graft_status gr_trainer_finish(gr_trainer *trainer, float *loss);

/* In the place of queueing and finishing: gets on with the batch at work for as long as the budget
 * lasts (NULL: to the end). Where *done is true, all of it is done and *loss is there; else neither
 * gradients nor, with head_norm, its statistics are. */
graft_status gr_trainer_advance(gr_trainer *trainer, gr_budget *budget, bool *done, float *loss);

/* Stage a part, with no images where there are none in it: masks and means are the whole's. */
graft_status gr_trainer_stage_part(gr_trainer *trainer, const graft_batch *batch, uint64_t step,
                                   gr_batch_part part);

/* Images of the batch that count. */
int gr_trainer_counting(const gr_trainer *trainer, const graft_batch *batch);

/* Stage and start. */
graft_status gr_trainer_begin(gr_trainer *trainer, const graft_batch *batch, uint64_t step);

/* The same of a full batch: images [batch, 3, S, S], labels [batch]. */
graft_status gr_trainer_gradients(gr_trainer *trainer, const float *images, const int32_t *labels,
                                  uint64_t step, float *loss);

/* Update number step + 1 with the gradients at hand. Does not wait. */
graft_status gr_trainer_update(gr_trainer *trainer, uint64_t step, float lr);

/* The same after gr_trainer_advance, if the budget allows; then waits. */
graft_status gr_trainer_update_within(gr_trainer *trainer, gr_budget *budget, uint64_t step,
                                      float lr, bool *done);

/* With ema: the averages take the place of the values, for evaluation and saving, or the values
 * come back, exactly; the gradients are lost. Without, nothing. */
graft_status gr_trainer_swap_average(gr_trainer *trainer);
bool gr_trainer_has_average(const gr_trainer *trainer);

/* logits [count, classes] of images [count, 3, S, S] without dropout, for any count. */
graft_status gr_trainer_logits(gr_trainer *trainer, const float *images, int count, float *logits);

/* The same of pixels [count, S, S, 3], which the device normalises; and of pictures of any size. Of
 * a trainer that was made with a `preprocess`. */
graft_status gr_trainer_logits_of_pixels(gr_trainer *trainer, const uint8_t *pixels, int count,
                                         float *logits);
graft_status gr_trainer_logits_of_pictures(gr_trainer *trainer, const graft_pixels *pictures,
                                           int count, float *logits);

/* The same of pixels with numbers; pixels may be NULL where gr_trainer_has_test_features. */
graft_status gr_trainer_logits_of_numbered(gr_trainer *trainer, const uint8_t *pixels,
                                           const uint32_t *numbers, int count, float *logits);

/* Whether the features of all these images are kept, of training and of evaluations. */
bool gr_trainer_has_features(const gr_trainer *trainer, const uint32_t *numbers, int count);
bool gr_trainer_has_test_features(const gr_trainer *trainer, const uint32_t *numbers, int count);

/* Whether they are kept once they are computed. */
bool gr_trainer_keeps_features(const gr_trainer *trainer);
bool gr_trainer_keeps_test_features(const gr_trainer *trainer);

/* The same of images on the device, and whether there are so many. */
graft_status gr_trainer_logits_on_device(gr_trainer *trainer, const graft_device_images *images,
                                         int count, float *logits);
graft_status gr_trainer_check_on_device(gr_trainer *trainer, const graft_device_images *images,
                                        int count);

const gr_params *gr_trainer_parameters(const gr_trainer *trainer);
int gr_trainer_micro_batch(const gr_trainer *trainer);

/* Whether every row of a batch must count, for the sake of the batch's statistics. */
bool gr_trainer_takes_whole_batches(const gr_trainer *trainer);

/* A parameter whose gradient is built at all; false: the loss cannot depend on it. */
bool gr_trainer_reaches(const gr_trainer *trainer, const char *name);

/* Of a trainer made with `profile`: the kernels of the last micro-batch, to the log, or as
 * gr_plan_times gives them. */
graft_status gr_trainer_profile(gr_trainer *trainer);
graft_status gr_trainer_times(gr_trainer *trainer, graft_kernel_time *times, int max, int *count);

#endif
