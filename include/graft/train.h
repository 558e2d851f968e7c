/* Fine-tuning: one call from a backbone and a folder of images to an adapter.
 *
 *     graft_train_params p;
 *     graft_train_defaults(&p);
 *     p.backbone = "vit.safetensors", p.data = "photos", p.method = "convpass", p.out = "run";
 *     graft_train_result r;
 *     if (graft_train(log, device, &p, &r) != GRAFT_OK) ...
 */
#ifndef GRAFT_TRAIN_H
#define GRAFT_TRAIN_H

#include <graft/device.h>
#include <graft/ranks.h>
#include <graft/settings.h>
#include <graft/span.h>
#include <stdbool.h>
#include <stdint.h>

/* A classifier made of texts, which CLIP's image encoder compares images with: from a file, or by
 * CLIP's text encoder from the names of the classes. The first four NULL: a head without any. */
typedef struct graft_text_params {
    const char *embeddings;  /* safetensors with a matrix [classes, width], taken as it is */
    const char *encoder;     /* checkpoint with a text encoder; NULL: that of the backbone */
    const char *vocabulary;  /* merges.txt beside vocab.json, OpenAI's bpe_simple_vocab_16e6.txt.gz,
                              * or their folder; NULL: that of the encoder */
    const char *class_names; /* file with a name in each line; "data": those of the data, as NULL
                              * with an encoder or a vocabulary */
    const char *prompt;      /* "a photo of a {}." */
    double logit_scale; /* logits = scale * cosine; 0: plain products; negative: as the checkpoint,
                         * 100 if it does not tell */
} graft_text_params;

typedef struct graft_train_progress {
    uint64_t step, steps; /* done so far, at the end of this call (max_steps) */
    int epoch, epochs;    /* running one from 1, in all (with those of the cooldown) */
    float loss;           /* of the latest step */
    float lr;
    double images_per_second; /* of the latest steps, without evaluations */
    double seconds_left;
    double accuracy; /* of the latest evaluation, 0..1; negative before the first */
    bool evaluating; /* an evaluation is running: `step` images of `steps` */
} graft_train_progress;

/* All texts are borrowed for the duration of the call. */
typedef struct graft_train_params {
    const char *backbone; /* .safetensors, folder with an index, JAX .npz; NULL: `model` */
    const char *model;    /* geometry of a run from scratch, e.g. "vit_tiny_patch16_224" */
    graft_pool pool;      /* what the head sees of a ViT */
    bool projection;      /* the head sees CLIP's projected feature; `text` asks for it, too */
    graft_text_params text;
    const char *data;        /* see docs/data.md: folder, .tar or "dsprites:orientation" */
    const char *train_split; /* "train" */
    int shots;               /* train on so many images of each class, drawn by the seed; 0: all */
    const char *test_split;  /* "test"; "" trains without evaluation */
    const char *method;      /* "lora", "freqfit+lora" */
    graft_text_list set;     /* "method.option=value" */
    /* Adapter file to start from, or NULL. Tensors that the method does not train are left out with
     * a warning; GRAFT_ERR_ARGUMENT when it trains none of them. */
    const char *init_adapter;
    graft_input_params input;
    graft_augment_params augment;
    graft_optimizer optimizer;
    int epochs;          /* over which the learning rate falls */
    int cooldown_epochs; /* more of them: at min_lr after a cosine; constant and restarts go on */
    int batch_size;
    double lr, weight_decay;
    const char *no_decay; /* comma list of name parts without decay; "1d": all vectors */
    double momentum;      /* sgd */
    graft_schedule schedule;
    graft_lr_step lr_step;
    double warmup_epochs, warmup_lr, min_lr;
    double restart_epochs, restart_factor; /* restarts: the first period; growth of the next */
    graft_head_init head_init;
    bool head_norm; /* batch norm without affine before the head; needs whole batches */
    double ema;     /* decay of the parameters' average over steps, which is then what is evaluated
                     * and saved as an adapter; 0: none */
    double drop_path; /* rate in the last block, growing from 0 in the first */
    graft_drop_kind drop_kind;
    bool no_shuffle; /* keep the list's order */
    bool drop_last;  /* leave out the last partial batch of an epoch */
    uint64_t seed;
    uint64_t max_steps; /* stop after so many; 0: all */
    int eval_every;     /* epochs between evaluations; the last one always ends with one */
    int patience; /* end the run after so many evaluations in a row without a better accuracy than
                   * the best one; 0: never */
    uint64_t checkpoint_every; /* steps; 0: at the end of each epoch */
    uint64_t memory_budget;    /* bytes of device memory; 0: 7/8 of what it has */
    const char *out;           /* folder of the run */
    const char *tensorboard;   /* folder for an event file of TensorBoard, or NULL */
    bool resume;               /* continue the run in `out` */
    bool
        accept_changes; /* go on although the backbone or the images are not those of the checkpoint
                         * to resume, or the backbone not that of init_adapter: a warning then */
    bool profile;       /* log the time of each kernel at the end */
    int heads;          /* of the backbone's attention; 0: as its files tell, or as all published
                         * models of its geometry have; GRAFT_ERR_ARGUMENT when neither is known */
    graft_weights weights;  /* of the frozen backbone, on the device; of a model that is given: as
                             * it was opened */
    graft_recompute recompute;
    uint64_t keep_features; /* bytes of host memory for what is computed of an image before the
                             * first thing that training changes, where nothing is random: it is
                             * computed once; 0: none */
    /* Called after each step and during evaluations, on the caller's thread: true goes on, false
     * ends early with a checkpoint. May be NULL. */
    bool (*progress)(void *user, const graft_train_progress *progress);
    void *user;
    /* Borrowed, as texts are. NULL: this process trains alone. Else it is one of several whose run
     * is that of one process with the same settings, but for rounding; `batch_size` is the batch of
     * all. Each reads its part of the images and gives `progress` of the run; rank 0 writes to
     * `out`, which the others read to resume. What differs between them and may not (settings,
     * images, backbone, version) every one refuses. */
    const graft_ranks *ranks;
    /* Is told what takes which time; NULL: nobody is. Of graft_trainer_create, too: until the trainer
     * is destroyed. */
    graft_span_callback *span;
    void *span_user;
} graft_train_params;

typedef struct graft_train_result {
    int64_t trainable, trainable_without_head; /* parameters */
    double accuracy, best_accuracy; /* on the test split, last and best epoch; negative: none */
    int best_epoch;
    float loss; /* of the last step */
    uint64_t steps;
    double seconds;           /* of training, evaluations included, this call only */
    double images_per_second; /* mean over all steps of this call */
    uint64_t peak_device_bytes;
} graft_train_result;

/* What a run would take. */
typedef struct graft_estimate {
    int64_t trainable, trainable_without_head; /* parameters */
    uint64_t images, test_images;              /* to train on, to evaluate on */
    uint64_t steps;                            /* of the whole run */
    int batch_size;                            /* images of a step */
    int micro_batch;                           /* of them at once on the device: as many as fit */
    uint64_t device_bytes;                     /* most memory of the device */
    double step_seconds;
    double seconds; /* of all steps and evaluations */
} graft_estimate;

GRAFT_BEGIN_DECLS

/* Fills in the defaults of the table. */
GRAFT_API void graft_train_defaults(graft_train_params *params);

/* The table of graft_train_params: row `index`, NULL past the last one. Thread-safety: safe. */
GRAFT_API const graft_setting *graft_train_setting(int index);

/* Trains, and leaves in `out`: metrics.jsonl, adapter.safetensors (last), best.safetensors,
 * checkpoint/ and config.json. Blocks. GRAFT_ERR_INTERRUPTED after `progress` ended it: call again
 * with `resume` to go on, bit for bit as if it had never stopped. `result` may be NULL; it is
 * written when the status is GRAFT_OK or GRAFT_ERR_INTERRUPTED. Thread-safety: one thread at a time
 * for each device, and one run at a time for each `out`. */
GRAFT_API graft_status graft_train(graft_log *log, graft_device *device,
                                   const graft_train_params *params, graft_train_result *result);

/* Says whether a run would fit and how long it would take: does its first steps and the first
 * batches of an evaluation, and leaves nothing. Needs what graft_train needs but `out`. Blocks.
 * Thread-safety: as graft_train. */
GRAFT_API graft_status graft_train_estimate(graft_log *log, graft_device *device,
                                            const graft_train_params *params, graft_estimate *out);

/* Whether the run in `out`, finished or not, was made from the backbone, the classes and the images
 * that the settings name: GRAFT_ERR_ARGUMENT with what differs, as graft_train with `resume` would
 * say, or a warning with `accept_changes`. Moved files are no difference, and a folder without a
 * checkpoint passes. Changes nothing. Blocks. Thread-safety: safe. */
GRAFT_API graft_status graft_train_check_resume(graft_log *log, const graft_train_params *params);

/* Checks the settings as far as no file is needed, and describes the run that they stand for in the
 * JSON of config.json, whose keys are those of the table. `device` may be NULL. The
 * caller frees *text by free(). Thread-safety: safe. */
GRAFT_API graft_status graft_train_describe(graft_log *log, const graft_train_params *params,
                                            const char *device, char **text);

GRAFT_END_DECLS

#endif
