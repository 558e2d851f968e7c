/* An ONNX model as it is written down: protobuf messages, filled one after the other.
 *
 * All texts, shapes and messages are allocations of the file; names may be given printf-like where
 * said. Errors stick: the first one is what gr_onnx_write returns. Thread-safety: one thread.
 */
#ifndef GR_EXPORT_ONNX_FILE_H
#define GR_EXPORT_ONNX_FILE_H

#include "base/log.h"
#include "base/shape.h"

typedef struct gr_onnx_file gr_onnx_file;

/* half: matrices are stored as f16. NULL when out of memory. Borrows `log`. */
gr_onnx_file *gr_onnx_create(graft_log *log, bool half);
void gr_onnx_destroy(gr_onnx_file *file);

/* The first error; a node after it has no name (NULL). */
graft_status gr_onnx_status(const gr_onnx_file *file);

/* A text that lives as long as the file. */
const char *gr_onnx_name(gr_onnx_file *file, const char *fmt, ...) GRAFT_PRINTF(2, 3);

/* A constant of floats, which are borrowed until the file is written, or of integers, which are
 * copied. */
void gr_onnx_floats(gr_onnx_file *file, const char *name, const gr_shape *shape,
                    const float *values);
const char *gr_onnx_integers(gr_onnx_file *file, const int64_t *values, int count);
const char *gr_onnx_scalar(gr_onnx_file *file, float value);

/* A node; `inputs` end with NULL. Returns its output, named `output`, or by itself for NULL. */
const char *gr_onnx_node(gr_onnx_file *file, const char *op, const char *const *inputs,
                         const char *output);
#define GR_ONNX_NODE(file, op, ...)                                                                \
    gr_onnx_node(file, op, (const char *const[]){__VA_ARGS__, NULL}, NULL)

/* Attributes of the node that was added last. */
void gr_onnx_set_int(gr_onnx_file *file, const char *name, int64_t value);
void gr_onnx_set_text(gr_onnx_file *file, const char *name, const char *text);
void gr_onnx_set_float(gr_onnx_file *file, const char *name, float value);
void gr_onnx_set_ints(gr_onnx_file *file, const char *name, const int64_t *values, int count);

/* Floats whose first axis is "batch". */
void gr_onnx_input(gr_onnx_file *file, const char *name, const gr_shape *shape);
void gr_onnx_output(gr_onnx_file *file, const char *name, const gr_shape *shape);

void gr_onnx_metadata(gr_onnx_file *file, const char *key, const char *value);

/* Writes the file atomically. */
graft_status gr_onnx_write(gr_onnx_file *file, const char *path);

#endif
