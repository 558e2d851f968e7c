/* Trained models: evaluation, prediction, merging, and what a method would train. */
#ifndef GRAFT_MODEL_H
#define GRAFT_MODEL_H

#include <graft/train.h>

/* A backbone with an adapter on a device. Thread-safety: one thread at a time. */
typedef struct graft_model graft_model;

typedef struct graft_model_params {
    const char *backbone;     /* as in graft_train_params */
    const char *adapter;      /* made by graft_train; NULL: the backbone with its own head */
    int batch_size;           /* most images at once; 0: 32 */
    bool accept_changes;      /* warn, instead of failing, where the adapter was trained on another
                               * backbone */
    graft_input_params input; /* 0, .._DEFAULT: as the adapter was trained */
} graft_model_params;

typedef struct graft_eval_result {
    double accuracy, loss; /* part of the images from 0 to 1; mean cross entropy */
    int64_t images;
} graft_eval_result;

/* Calls back for each image: k class indices, best first, with their probabilities. k 0: the file
 * could not be read, the log tells why. */
typedef void graft_prediction(void *user, const char *image, const int *classes,
                              const float *probabilities, int k);

/* A count of trainable parameters, as `graft methods --count` prints them. */
typedef struct graft_count {
    int64_t without_head, with_head;
} graft_count;

GRAFT_BEGIN_DECLS

/* The table of graft_model_params: row `index`, NULL past the last one. Thread-safety: safe. */
GRAFT_API const graft_setting *graft_model_setting(int index);

/* Reads the files and compiles for the device. The model borrows `log` and `device`, which must
 * outlive it; the files are not needed any more. *out is NULL on failure. Blocks. Thread-safety:
 * one thread at a time for each device. */
GRAFT_API graft_status graft_model_open(graft_log *log, graft_device *device,
                                        const graft_model_params *params, graft_model **out);

/* Frees the model and sets *model to NULL. NULL is accepted. */
GRAFT_API void graft_model_close(graft_model **model);

/* The number of logits, and the side of the input in pixels. */
GRAFT_API int graft_model_classes(const graft_model *model);
GRAFT_API int graft_model_image_size(const graft_model *model);

/* The name of a class, or NULL when no file tells. Valid until the next call. */
GRAFT_API const char *graft_model_class_name(graft_model *model, int index);

/* logits [count, classes] of normalised images [count, 3, size, size]. Blocks. */
GRAFT_API graft_status graft_model_logits(graft_model *model, const float *images, int count,
                                          float *logits);

/* Accuracy and mean loss on a split of a data set (docs/data.md); NULL: "test". Where both the data
 * and the model name their classes, images belong to the model's class of that name, and data with
 * other names is GRAFT_ERR_FORMAT. Blocks. */
GRAFT_API graft_status graft_model_evaluate(graft_model *model, const char *data, const char *split,
                                            graft_eval_result *result);

/* Classifies image files: one callback for each, in order; a folder stands for all images in it, at
 * any depth, in order of their paths. k: how many classes to tell, from 1 to all of them. Goes on
 * after a file that cannot be read, and returns the status of the first of them. Blocks. */
GRAFT_API graft_status graft_model_predict(graft_model *model, const char *const *images, int count,
                                           int k, graft_prediction *callback, void *user);

/* Folds an adapter into its backbone and writes a plain checkpoint with timm names, for images of
 * the size that the adapter was trained with. `type` of the file's elements: "f32", "f16" or
 * "bf16"; NULL: "f32". A value that f16 cannot hold is GRAFT_ERR_NUMERIC. `out` is replaced once
 * all is written; it may not be one of the inputs. Blocks. Thread-safety: safe. */
GRAFT_API graft_status graft_merge(graft_log *log, const char *backbone, const char *adapter,
                                   const char *out, const char *type);

/* Counts the trainable parameters of a method on a geometry by name, or a checkpoint file. `set`:
 * options such as "lora.r=4", or NULL; `classes` of the head, at least 1. Thread-safety: safe. */
GRAFT_API graft_status graft_count_trainable(graft_log *log, const char *model, const char *method,
                                             const graft_text_list *set, int classes,
                                             graft_count *count);

GRAFT_END_DECLS

#endif
