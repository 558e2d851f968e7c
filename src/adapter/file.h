/* Adapter files: the trained tensors with what is needed to rebuild the model around them.
 *
 * A safetensors file. Metadata, all texts: "graft.format" "adapter-1", "graft.methods"
 * "freqfit+lora", "graft.options" (JSON object "method.option": "value"), "graft.model" (JSON
 * object of the geometry), "graft.input" (JSON object: interpolation, resize, normalization, exif,
 * resize_to unless 0),
 * "graft.classes" (JSON object {"names": [...]}, may be absent), "graft.heads".
 * Beside what was trained there may be "head.bn.running_mean" and "head.bn.running_var" [D]: the
 * head then stands behind a batch norm with these statistics.
 */
#ifndef GR_ADAPTER_H
#define GR_ADAPTER_H

#include "adapter/input.h"
#include "build/config.h"
#include "peft/compose.h"
#include "weights/tensors.h"

typedef struct gr_adapter_info {
    gr_model_config config;
    gr_methods *methods; /* owned: gr_adapter_info_release */
    gr_input input;
} gr_adapter_info;

/* What classes 0 .. count-1 are called; a NULL among the names: has none. */
typedef struct gr_class_names {
    const char *const *name; /* borrowed */
    int count;               /* 0: none is named */
} gr_class_names;

/* Writes the metadata of an adapter. */
graft_status gr_adapter_describe(graft_log *log, gr_tensors *adapter, const gr_model_config *config,
                                 const gr_methods *methods, const gr_input *input,
                                 const gr_class_names *classes);

/* Reads it back. A file that is no adapter, or lies, is a one-line error. */
graft_status gr_adapter_info_read(graft_log *log, const gr_tensors *adapter, gr_adapter_info *out);

/* The input alone, which a merged checkpoint tells as well. */
graft_status gr_adapter_input_read(graft_log *log, const gr_tensors *adapter, int image_size,
                                   gr_input *input);
void gr_adapter_info_release(gr_adapter_info *info);

/* The names of classes 0 .. count-1, an allocation of `parent`; NULL where the file tells none. */
graft_status gr_adapter_class_names(graft_log *log, const gr_tensors *adapter, void *parent,
                                    int count, const char ***names);

#endif
