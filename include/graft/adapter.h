/* Adapters: methods with the tensors that they trained, in host memory and on no device.
 *
 * A model (model.h) takes any number of them on one backbone:
 *
 *     graft_source file = {.path = "birds/adapter.safetensors"};
 *     graft_adapter *birds;
 *     if (graft_adapter_open(log, &file, &birds) != GRAFT_OK) ...
 *     graft_model_attach(model, birds);
 *     graft_model_run(model, GRAFT_OUTPUT_LOGITS, images, 1, logits);
 */
#ifndef GRAFT_ADAPTER_H
#define GRAFT_ADAPTER_H

#include <graft/io.h>
#include <graft/log.h>

/* Never changes. Thread-safety: safe, also for models on several devices at once. */
typedef struct graft_adapter graft_adapter;

typedef struct graft_adapter_info {
    const char *methods; /* "freqfit+lora"; as long as the adapter lives */
    int classes;         /* logits of an image */
    int image_size;      /* side of the input, pixels */
    uint64_t size_bytes; /* of its tensors in host memory */
} graft_adapter_info;

GRAFT_BEGIN_DECLS

/* Reads what graft_train or a graft_trainer wrote; GRAFT_ERR_FORMAT for anything else, but
 * GRAFT_ERR_ARGUMENT for a folder of Hugging Face peft: graft_model_open_adapter. Borrows
 * `log`, and source->data. *out is NULL on failure. Blocks. */
GRAFT_API graft_status graft_adapter_open(graft_log *log, const graft_source *source,
                                          graft_adapter **out);

/* Lets the adapter go and sets *adapter to NULL; NULL is accepted. Models that it is attached to
 * keep it alive. */
GRAFT_API void graft_adapter_close(graft_adapter **adapter);

/* Of NULL: "", 0. */
GRAFT_API graft_adapter_info graft_adapter_get_info(const graft_adapter *adapter);

/* The name of a class, as long as the adapter lives; NULL when it does not tell. */
GRAFT_API const char *graft_adapter_class_name(const graft_adapter *adapter, int index);

/* A new adapter with all methods of several that were trained on one backbone, such as a LoRA and a
 * scale and shift. Head, classes and input are those of the last. GRAFT_ERR_ARGUMENT when a method
 * or a tensor other than the head's is in two of them, their backbones or geometries differ, or the
 * methods do not go together. count: at least 1. Copies; *out is NULL on failure. */
GRAFT_API graft_status graft_adapter_combine(graft_log *log, graft_adapter *const *adapters,
                                             int count, graft_adapter **out);

/* A new adapter whose update of the backbone is the sum of weights[i] times that of adapters[i],
 * all of one method whose update is low-rank: lora, whose factors stand beside each other then, so
 * that ranks add up. Where all name the same classes (or none names any, and there are as many) the
 * heads are added in the same way, else the head is the last one's; classes and input are. Only a
 * head: method linear. GRAFT_ERR_UNSUPPORTED where another method's tensors have no such sum,
 * GRAFT_ERR_ARGUMENT for methods, backbones or targets that differ, or a weight that is not finite.
 * count: at least 1. Copies; *out is NULL on failure. */
GRAFT_API graft_status graft_adapter_combine_weighted(graft_log *log,
                                                      graft_adapter *const *adapters,
                                                      const float *weights, int count,
                                                      graft_adapter **out);

/* Writes the file that graft_adapter_open reads: to a path, where it is replaced as a whole or not
 * at all, or to a writer. Block. */
GRAFT_API graft_status graft_adapter_save(const graft_adapter *adapter, const char *path);
GRAFT_API graft_status graft_adapter_write(const graft_adapter *adapter,
                                           const graft_writer *writer);

GRAFT_END_DECLS

#endif
