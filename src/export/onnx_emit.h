/* Writing a graph down as ONNX nodes, operator by operator. */
#ifndef GR_EXPORT_ONNX_EMIT_H
#define GR_EXPORT_ONNX_EMIT_H

#include "export/onnx_file.h"
#include "graph/graph.h"

/* The same network for two batch sizes: built alike, so that values correspond by their ids, and an
 * axis whose length differs is one that the batch is part of. */
typedef struct gr_onnx_source {
    const gr_graph *graph[2];
    gr_value *image, *logits; /* of graph[0] */
} gr_onnx_source;

/* Appends "images", "logits", and all between. What does not depend on the image is computed on the
 * reference device and becomes a constant. *values: an allocation, which holds constants until the
 * file is written; the caller gives it to gr_free. GRAFT_ERR_UNSUPPORTED for an operator without a
 * counterpart. */
graft_status gr_onnx_emit(graft_log *log, const gr_onnx_source *source, gr_onnx_file *file,
                          void **values);

#endif
