/* Models: a backbone that stays on a device, and adapters that are attached to it, swapped and
 * detached without uploading it again.
 *
 *     graft_model_params params;
 *     graft_model_defaults(&params);
 *     params.backbone.path = "vit.safetensors";
 *     graft_model *model;
 *     if (graft_model_open(log, device, &params, &model) != GRAFT_OK) ...
 *     graft_model_attach(model, birds);
 *     graft_model_attach(model, flowers);
 *     graft_model_run(model, GRAFT_OUTPUT_LOGITS, images, count, logits);   (flowers)
 *     graft_model_use(model, birds);
 *     graft_model_run(model, GRAFT_OUTPUT_LOGITS, images, count, logits);   (birds)
 *
 * On the device there are the backbone, the tensors of each attached adapter, and room for one
 * batch of intermediate values, which all of them use.
 */
#ifndef GRAFT_MODEL_H
#define GRAFT_MODEL_H

#include <graft/adapter.h>
#include <graft/backbone.h>
#include <graft/buffer.h>
#include <graft/train.h>

/* Thread-safety: one thread at a time, as its device. */
typedef struct graft_model graft_model;

/* Filled in by graft_model_defaults(); may grow at the end. */
typedef struct graft_model_params {
    graft_source backbone;    /* a path: as in graft_train_params */
    const char *adapter;      /* to attach at once, see graft_model_open_adapter; NULL: none */
    int batch_size;           /* most images at once on the device; 32 */
    bool accept_changes;      /* warn, instead of failing, where an adapter was trained on another
                               * backbone */
    graft_input_params input; /* 0, .._DEFAULT: as the adapter was trained */
    int heads;                /* of the backbone, as in graft_train_params */
    bool headless;            /* features alone: the backbone needs no head of its own */
    graft_pool pool;          /* what features are of; not DEFAULT: needs headless */
    const char *model; /* a geometry by name, "vit_base_patch16_224", with random weights and a head
                        * of 1000 classes, in the place of a backbone: for measuring; NULL: none */
    const graft_backbone_graph *graph; /* the backbone is the application's own graph; copied, what
                                        * it points to is borrowed as long as the model lives; NULL:
                                        * one that graft builds of the file's tensors */
    graft_weights weights; /* how the backbone's matrices are kept on the device */
} graft_model_params;

/* What a model says of an image. */
typedef enum graft_output {
    GRAFT_OUTPUT_LOGITS,        /* [classes] */
    GRAFT_OUTPUT_PROBABILITIES, /* [classes], softmax of the logits */
    GRAFT_OUTPUT_FEATURES, /* [D], what the head sees: the normed class token or mean of patches,
                            * CLIP's projected and scaled; methods act, head_norm does not. With
                            * GRAFT_POOL_TOKENS [T, D] */
} graft_output;

/* An 8-bit image of any size in host memory. */
typedef struct graft_pixels {
    const uint8_t *data; /* rows of RGB or RGBA, top to bottom; alpha plays no part */
    int width, height;   /* pixels */
    int channels;        /* 3 or 4 */
    size_t row_bytes;    /* from row to row; 0: width * channels */
} graft_pixels;

/* Images in a buffer of the device, one after the other from offset_bytes on, a multiple of
 * graft_buffer_alignment(). Where the calls that take them do not wait, the buffer's memory is kept
 * until they are done, at least; up to the next call with other buffers. */
typedef struct graft_device_images {
    graft_buffer *buffer;
    uint64_t offset_bytes;
    int width, height; /* of each image, of 8-bit pixels of four bytes, red lowest in memory, the
                        * fourth ignored, rows without gaps: resized and normalised on the device,
                        * to the same bits as images of the host. 0, 0: floats, [3, S, S] each,
                        * normalised */
    bool bgra;         /* blue lowest */
} graft_device_images;

typedef struct graft_eval_result {
    double accuracy, loss; /* part of the images from 0 to 1; mean cross entropy */
    int64_t images;
} graft_eval_result;

/* One image of a data set, and what the model says of it. Valid for the call that shows it. */
typedef struct graft_seen_image {
    const char *name;      /* its path, as the data has it */
    int label;             /* in the classes of the model; negative: it does not count */
    const float *values;   /* [count] */
    int count;             /* classes, or features */
    const uint8_t *pixels; /* [size, size, 3], RGB: what the network saw, before normalisation; of
                            * files NULL */
    int size;
} graft_seen_image;

/* Called for each image in the order of the data; false ends with GRAFT_ERR_INTERRUPTED. */
typedef bool graft_visit(void *user, const graft_seen_image *image, int64_t done, int64_t total);

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

GRAFT_API void graft_model_defaults(graft_model_params *params);

/* Reads the backbone; it goes to the device as adapters come to need it. The model borrows `log`
 * and `device`, which must outlive it, and copies the texts of `params`. A backbone in memory
 * (backbone.data) is borrowed as long as the model lives. *out is NULL on failure. Blocks.
 * Thread-safety: one thread at a time for each device. */
GRAFT_API graft_status graft_model_open(graft_log *log, graft_device *device,
                                        const graft_model_params *params, graft_model **out);

/* Frees the model, lets its adapters go, and sets *model to NULL. NULL is accepted. */
GRAFT_API void graft_model_close(graft_model **model);

/* Reads an adapter for the model's backbone: what graft_adapter_open reads, and folders of Hugging
 * Face peft (adapter_config.json, adapter_model.safetensors), whose modules may be named as in timm
 * or in transformers, whatever the backbone's file does. GRAFT_ERR_UNSUPPORTED, with a line that
 * names it, for what such a folder says that graft does not do. Blocks. */
GRAFT_API graft_status graft_model_open_adapter(graft_model *model, const graft_source *source,
                                                graft_adapter **out);

/* Brings an adapter to the device, compiles for it, and uses it from now on. NULL stands for the
 * head that the backbone has itself. The model keeps the adapter alive. GRAFT_ERR_ARGUMENT when it
 * is attached already, or there is no such head; GRAFT_ERR_SHAPE when it was trained on another
 * geometry, GRAFT_ERR_ARGUMENT on other weights, unless accept_changes. On failure the model is as
 * it was. Blocks. */
GRAFT_API graft_status graft_model_attach(graft_model *model, graft_adapter *adapter);

/* Uses another one of those that are attached, NULL as above. Moves nothing: a swap costs what
 * setting a pointer does, or recording commands anew where another adapter needed more room. */
GRAFT_API graft_status graft_model_use(graft_model *model, graft_adapter *adapter);

/* Frees what an adapter has on the device. If it was in use none is until the next attach or use.
 */
GRAFT_API graft_status graft_model_detach(graft_model *model, graft_adapter *adapter);

/* Of what is in use; 0 when nothing is: the number of logits, and the side of the input in pixels;
 * the length of features. */
GRAFT_API int graft_model_classes(const graft_model *model);
GRAFT_API int graft_model_image_size(const graft_model *model);
GRAFT_API int graft_model_features(const graft_model *model);

/* How many tokens these are of: 1, or with GRAFT_POOL_TOKENS all. */
GRAFT_API int graft_model_tokens(const graft_model *model);

/* The name of a class, or NULL when no file tells. Valid as long as what is in use
 * is attached. */
GRAFT_API const char *graft_model_class_name(graft_model *model, int index);

/* Runs what is in use on normalised images [count, 3, S, S], S graft_model_image_size(), in batches
 * of the model's size: out [count, classes or features]. GRAFT_ERR_ARGUMENT when nothing is in use.
 * Blocks. */
GRAFT_API graft_status graft_model_run(graft_model *model, graft_output output, const float *images,
                                       int count, float *out);

/* The same of images of any size, resized and normalised as those were that it was trained on. */
GRAFT_API graft_status graft_model_run_pixels(graft_model *model, graft_output output,
                                              const graft_pixels *images, int count, float *out);

/* The same from the device to the device: answers [count, classes or features] into `out` from
 * offset_bytes on, a multiple of graft_buffer_alignment(). Queues and does not wait, unless images
 * of another size come than the time before. Results are those of the other two, probabilities but
 * for rounding. GRAFT_ERR_ARGUMENT when a buffer is of another device, or too small. */
GRAFT_API graft_status graft_model_run_on_device(graft_model *model, graft_output output,
                                                 const graft_device_images *images, int count,
                                                 graft_buffer *out, uint64_t offset_bytes);

/* graft_model_run of GRAFT_OUTPUT_LOGITS. */
GRAFT_API graft_status graft_model_logits(graft_model *model, const float *images, int count,
                                          float *logits);

/* The classes with the `k` largest of values[count], largest first, of equal ones the lower; -1
 * from the count-th on. Thread-safety: safe. */
GRAFT_API void graft_top_classes(const float *values, int count, int k, int *classes);

/* Folds the adapter in use into the backbone, as graft_merge, for a writer. Blocks. */
GRAFT_API graft_status graft_model_merge(graft_model *model, graft_number_type type,
                                         const graft_writer *writer);

/* Accuracy and mean loss on a split of a data set (docs/data.md); NULL: "test". Where both the data
 * and the model name their classes, images belong to the model's class of that name, and data with
 * other names is GRAFT_ERR_FORMAT. Blocks. */
GRAFT_API graft_status graft_model_evaluate(graft_model *model, const char *data, const char *split,
                                            graft_eval_result *result);

/* Runs what is in use on each image of a split, as graft_model_evaluate does, and shows it. With
 * GRAFT_OUTPUT_FEATURES labels are those of the data. Blocks. */
GRAFT_API graft_status graft_model_visit(graft_model *model, graft_output output, const char *data,
                                         const char *split, graft_visit *callback, void *user);

/* The same of image files, in order; a folder stands for all images in it, at any depth, in order
 * of their paths. Labels are -1, `total` is 0. Goes on after a file that cannot be read, which is
 * shown with values NULL and the reason in the log, and returns the status of the first of them. */
GRAFT_API graft_status graft_model_visit_files(graft_model *model, graft_output output,
                                               const char *const *images, int count,
                                               graft_visit *callback, void *user);

/* Classifies image files as graft_model_visit_files shows them. k: how many classes to tell, from 1
 * to all of them. Blocks. */
GRAFT_API graft_status graft_model_predict(graft_model *model, const char *const *images, int count,
                                           int k, graft_prediction *callback, void *user);

/* Folds an adapter into its backbone and writes a plain checkpoint, for images of the size that the
 * adapter was trained with. `type` is that of the file's elements. `out` is a file that is replaced
 * once all is written, or a folder, which exists or ends with '/': it receives model.safetensors,
 * and beside a file of that name stand the config.json (and preprocessor_config.json) that the
 * library reads: geometry, preprocessing, names of classes. It may not be one of the inputs. With
 * `names` of timm or transformers, these load the result strictly and compute the same logits; a
 * model that the library has no class for is GRAFT_ERR_UNSUPPORTED. graft_merge: as read; where
 * that cannot be one line tells. Blocks. Thread-safety: safe. */
GRAFT_API graft_status graft_merge_as(graft_log *log, const char *backbone, const char *adapter,
                                      const char *out, graft_number_type type,
                                      graft_tensor_names names);
GRAFT_API graft_status graft_merge(graft_log *log, const char *backbone, const char *adapter,
                                   const char *out, graft_number_type type);

/* Counts the trainable parameters of a method on a geometry by name, or a checkpoint file. `set`:
 * options such as "lora.r=4", or NULL; `classes` of the head, at least 1. Thread-safety: safe. */
GRAFT_API graft_status graft_count_trainable(graft_log *log, const char *model, const char *method,
                                             const graft_text_list *set, int classes,
                                             graft_count *count);

GRAFT_END_DECLS

#endif
