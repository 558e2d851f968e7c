/* Training step by step: a frozen backbone, methods and an optimiser on a device, fed one batch at
 * a time by the application. No file is needed but the backbone.
 *
 *     graft_train_params settings;
 *     graft_train_defaults(&settings);
 *     settings.backbone = "vit.safetensors", settings.method = "lora", settings.batch_size = 16;
 *     graft_trainer_params params;
 *     graft_trainer_defaults(&params);
 *     params.settings = &settings, params.classes = 10;
 *     graft_trainer *trainer;
 *     if (graft_trainer_create(log, device, &params, &trainer) != GRAFT_OK) ...
 *     graft_batch batch = {.count = 16, .images = images, .labels = labels};
 *     for (...) {
 *         graft_step_result result;
 *         if (graft_trainer_step(trainer, &batch, NULL, &result) != GRAFT_OK) ...
 *     }
 *     graft_trainer_save_adapter(trainer, "adapter.safetensors");
 *
 * A step is graft_trainer_gradients and then graft_trainer_update; between the two, gradients may
 * be read and written, e.g. to sum them over machines. Equal settings and batches give equal bits.
 *
 * An application that draws between the calls gives each of them a budget, and calls again with the
 * same batch until the step is done; the result is the same to the last bit:
 *
 *     graft_budget budget = {.milliseconds = 4};
 *     graft_trainer_step(trainer, &batch, &budget, &result);
 *     if (result.done)
 *         next_batch(&batch);
 */
#ifndef GRAFT_TRAINER_H
#define GRAFT_TRAINER_H

#include <graft/buffer.h>
#include <graft/io.h>
#include <graft/model.h>
#include <graft/program.h>
#include <graft/train.h>

/* Thread-safety: one thread at a time, as the device. */
typedef struct graft_trainer graft_trainer;

/* Filled in by graft_trainer_defaults(); may grow at the end. */
typedef struct graft_trainer_params {
    /* Borrowed, with its texts, until graft_trainer_create returns. What concerns data, epochs and
     * files of a run (`data` to `test_split`, `augment`, `epochs`, `max_steps`, `out`, ..) plays no
     * part, but for the schedule, see steps_per_epoch. `batch_size`: the most images of a batch. */
    const graft_train_params *settings;
    graft_model
        *model;  /* whose backbone, which stays on the device once, is trained on, in the place
                  * of settings->backbone; borrowed, outlives the trainer; NULL: none */
    int classes; /* logits of an image, at least 1 */
    const char *const *class_names; /* [classes], for the adapter's file; borrowed; NULL: none, nor
                                     * from the first that is NULL on */
    bool soft_targets;              /* batches have `targets`, not `labels` */
    uint64_t steps_per_epoch; /* the rate follows the schedule of the settings, with epochs so long;
                               * 0: it stays at settings->lr until graft_trainer_set_lr */
    int batch_size;           /* most images of a batch; 0: settings->batch_size */
    /* Batches may number their images, below this, and evaluations theirs: what is computed of an
     * image before the first thing that training changes or draws at random is then computed once
     * for a number, and kept in host memory of at most settings->keep_features bytes. 0: nothing.
     */
    uint32_t kept_images, kept_test_images;
    /* With settings->ranks every step is one of all ranks: each gives its images of the batch, in
     * the order of ranks, none (`count` 0) where it has none left but others have; means, gradients
     * and losses are those of the whole batch, and random masks those of an image's place in it.
     * graft_trainer_evaluate is told of all images, too. All ranks step and evaluate alike, and a
     * failure, or a callback that ends a run, of one is one of all. `batch_size`: the most images
     * of this rank. */
} graft_trainer_params;

typedef struct graft_trainer_info {
    int classes, image_size;                   /* S, pixels */
    int batch_size;                            /* most images of a batch */
    int micro_batch;                           /* of them at once on the device: as many as fit */
    int64_t trainable, trainable_without_head; /* parameters */
    bool whole_batches; /* every batch has batch_size images, all of which count: `head_norm` */
    graft_input_params input; /* how images become input, with what the backbone's files tell and
                               * defaults resolved */
    const char *backbone; /* the fingerprint of its tensors, the trainer's; NULL: from scratch */
    bool keeps_features, keeps_test_features; /* there is something to keep, and it is worth it */
} graft_trainer_info;

/* Images with what they should be. Borrowed until the step is done. */
typedef struct graft_batch {
    int count;             /* images, from 1 to batch_size */
    const uint8_t *pixels; /* [count, S, S, 3], 8-bit RGB, which the device normalises as
                            * settings->input tells; or NULL: */
    const float *images;   /* [count, 3, S, S], normalised; or NULL: */
    const int32_t *labels; /* [count], from 0 to classes - 1; negative: does not count */
    const float *targets;  /* [count, classes], with soft_targets; a row of zeros does not count */
    /* [count], 8-bit RGB or RGBA of any size: resized as settings->input tells, by the host, and
     * then what `pixels` are; or NULL. */
    const graft_pixels *pictures;
    /* `images` or pictures of one size on the trainer's device: moved when the step begins to need
     * them, after what was queued before; or buffer NULL. */
    graft_device_images on_device;
    /* [count], below kept_images (of an evaluation: kept_test_images), where these are set: equal
     * numbers stand for equal images. Where graft_trainer_has_features, the images may be left out.
     * NULL: nothing is known of them. */
    const uint32_t *numbers;
} graft_batch;

/* How long a call may take. It ends when the device is through with what it queued: after this
 * time, or sooner where what comes next would take longer than is left. Times are learnt in the
 * first step, and every call does at least one piece of work: some kernels, of which slow devices
 * get fewer from step to step until a piece fits, down to one. */
typedef struct graft_budget {
    double milliseconds;
} graft_budget;

typedef struct graft_step_result {
    bool done;     /* false: the budget is spent, call again; the loss is not known yet */
    float loss;    /* mean cross entropy of the images that count; of soft targets as well */
    float lr;      /* of the update that was done or is next */
    uint64_t step; /* updates done so far */
} graft_step_result;

/* Where batches come from. */
typedef struct graft_batch_source {
    /* Describes the batch of update number `step`, from 0; count 0 when there are no more. It is
     * called while the device is at work on the batch before. What it points to stays as it is
     * until the next call. Another status than GRAFT_OK ends the run after the step at work. */
    graft_status (*next)(void *user, uint64_t step, graft_batch *batch);
    void *user;
} graft_batch_source;

/* After each step; may evaluate and save, but not step. Returns whether to go on. */
typedef bool graft_step_callback(void *user, const graft_step_result *result);

GRAFT_BEGIN_DECLS

/* No settings, no classes; labels, a constant rate. */
GRAFT_API void graft_trainer_defaults(graft_trainer_params *params);

/* Reads the backbone and compiles for the device. The trainer borrows `log` and `device`, which
 * must outlive it. *out is NULL on failure. Blocks. Thread-safety: one thread at a time for each
 * device. */
GRAFT_API graft_status graft_trainer_create(graft_log *log, graft_device *device,
                                            const graft_trainer_params *params,
                                            graft_trainer **out);

/* Frees the trainer and sets *trainer to NULL. NULL and a pointer to NULL are accepted. */
GRAFT_API void graft_trainer_destroy(graft_trainer **trainer);

/* Valid until the trainer is destroyed. */
GRAFT_API const graft_trainer_info *graft_trainer_get_info(const graft_trainer *trainer);

/* Whether the features of all these images are kept by now: of a batch to train on, or of one to
 * evaluate on. */
GRAFT_API bool graft_trainer_has_features(const graft_trainer *trainer, bool evaluating,
                                          const uint32_t *numbers, int count);

/* Gradients and update in one. NULL `budget`: all of it, which blocks until the loss is there.
 * While a step is not done, `batch` must be the one that it began with, with the same arrays and
 * numbers. GRAFT_ERR_NUMERIC, without an update, when the loss is no finite number. `result` may be
 * NULL. */
GRAFT_API graft_status graft_trainer_step(graft_trainer *trainer, const graft_batch *batch,
                                          const graft_budget *budget, graft_step_result *result);

/* Forward and backward of a batch: the gradients of the mean loss take the place of those before.
 * Budget, statuses and blocking as above. */
GRAFT_API graft_status graft_trainer_gradients(graft_trainer *trainer, const graft_batch *batch,
                                               const graft_budget *budget,
                                               graft_step_result *result);

/* Steps with batches of a source, until `steps` more are done or it has no more. Both callbacks run
 * on the caller's thread. Pixels, labels and targets of the next batch go to the device beside its
 * work; `images` follow when it is done. GRAFT_ERR_INTERRUPTED when `callback` (may be NULL) says
 * so: all is as after a whole step, but a batch that the source was asked for ahead is not used.
 * Of what the callbacks said, which they know, nothing is logged. In the first steps gradients are
 * looked at: a warning names trainable tensors that never get one. Blocks. */
GRAFT_API graft_status graft_trainer_run(graft_trainer *trainer, const graft_batch_source *source,
                                         uint64_t steps, graft_step_callback *callback, void *user);

/* Gives up a step that is not done: its gradients are lost, parameters are what they were (but for
 * the statistics of `head_norm`). Without such a step, nothing. */
GRAFT_API void graft_trainer_cancel(graft_trainer *trainer);

/* One update of all parameters with the gradients at hand, and one more step is done. Queues; does
 * not wait. GRAFT_ERR_ARGUMENT when there are no new gradients. */
GRAFT_API graft_status graft_trainer_update(graft_trainer *trainer);

/* The learning rate of updates to come, with steps_per_epoch 0. */
GRAFT_API graft_status graft_trainer_set_lr(graft_trainer *trainer, double lr);

/* All gradients as one vector of info->trainable numbers, whose order is the same for equal
 * settings on every device. Block. */
GRAFT_API graft_status graft_trainer_read_gradients(graft_trainer *trainer, float *gradients);
GRAFT_API graft_status graft_trainer_write_gradients(graft_trainer *trainer,
                                                     const float *gradients);

/* Where tensor `index` lies in that vector; false past the last one. `name` is the trainer's. */
typedef struct graft_trainer_tensor {
    const char *name;
    int64_t first, count; /* elements */
} graft_trainer_tensor;
GRAFT_API bool graft_trainer_get_tensor(const graft_trainer *trainer, int index,
                                        graft_trainer_tensor *out);

/* logits [count, classes] of normalised images [count, 3, S, S] without dropout, for any count;
 * with `ema` those of the averaged parameters, and then the gradients at hand are lost. Blocks. */
GRAFT_API graft_status graft_trainer_logits(graft_trainer *trainer, const float *images, int count,
                                            float *logits);

/* The same of images of the trainer's device: no pixel reaches the host. */
GRAFT_API graft_status graft_trainer_logits_on_device(graft_trainer *trainer,
                                                      const graft_device_images *images, int count,
                                                      float *logits);

/* After each batch of an evaluation, with the images so far. Returns whether to go on. */
typedef bool graft_evaluate_callback(void *user, uint64_t images);

/* Accuracy and loss, without dropout and with `ema` of the averages, on batches that a source gives
 * from number 0 on: images of any kind, and labels, also with soft_targets. The callback
 * (may be NULL) may stop it: GRAFT_ERR_INTERRUPTED. No image that counts is GRAFT_ERR_ARGUMENT, a
 * loss that is no finite number GRAFT_ERR_NUMERIC. Gradients at hand are lost. Blocks. */
GRAFT_API graft_status graft_trainer_evaluate(graft_trainer *trainer,
                                              const graft_batch_source *source,
                                              graft_evaluate_callback *callback, void *user,
                                              graft_eval_result *result);

/* With settings->profile: waits, writes the kernels of the latest forward and backward pass, one
 * micro-batch, longest first, into times[max], and sets *count to how many there are; `count` NULL:
 * logs them as a table. GRAFT_ERR_ARGUMENT without that setting, or before the first step. */
GRAFT_API graft_status graft_trainer_profile(graft_trainer *trainer, graft_kernel_time *times,
                                             int max, int *count);

/* Writes what was trained (with `ema` its average, as above), as graft_train does: a file that is
 * replaced as a whole or not at all. A NaN among the values is GRAFT_ERR_NUMERIC. Blocks. */
GRAFT_API graft_status graft_trainer_save_adapter(graft_trainer *trainer, const char *path);

/* The same bytes for a writer of the application. */
GRAFT_API graft_status graft_trainer_write_adapter(graft_trainer *trainer,
                                                   const graft_writer *writer);

/* All that a trainer of the same settings, classes and batch size needs to go on, bit for bit as if
 * it had not stopped, also on a device of another kind but for rounding: parameters, moments,
 * averages, steps done and the rate that was set. A step that is not done does not count; the one
 * that loads gives its own up. Saving a NaN is GRAFT_ERR_NUMERIC. Loading what is not such a state
 * is GRAFT_ERR_FORMAT, one of other settings GRAFT_ERR_ARGUMENT; then nothing has changed. Block.
 */
GRAFT_API graft_status graft_trainer_save_state(graft_trainer *trainer, const graft_writer *writer);
GRAFT_API graft_status graft_trainer_load_state(graft_trainer *trainer, const void *data,
                                                size_t size_bytes);

/* Updates done, those before a state that was loaded included. */
GRAFT_API uint64_t graft_trainer_steps(const graft_trainer *trainer);

/* A text that an application keeps with a state, under a name of its own. */
typedef struct graft_note {
    const char *key, *value;
} graft_note;

/* Looks at all texts of a checkpoint before anything of it is loaded, which another status than
 * GRAFT_OK prevents. The notes are valid during the call. */
typedef graft_status graft_notes_check(void *user, const graft_note *notes, int count);

/* The same state as a file, which is replaced as a whole or not at all; `notes` and `check` may be
 * NULL. This is what graft_train leaves in checkpoint/. */
GRAFT_API graft_status graft_trainer_save_checkpoint(graft_trainer *trainer, const char *path,
                                                     const graft_note *notes, int count);
GRAFT_API graft_status graft_trainer_load_checkpoint(graft_trainer *trainer, const char *path,
                                                     graft_notes_check *check, void *user);

GRAFT_END_DECLS

#endif
