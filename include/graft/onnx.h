/* Models for other runtimes: an adapter folded into its backbone, as ONNX. */
#ifndef GRAFT_ONNX_H
#define GRAFT_ONNX_H

#include <graft/log.h>
#include <graft/params.h>

GRAFT_BEGIN_DECLS

/* Writes the model as ONNX, opset 17: input "images" [batch, 3, S, S], normalised, output "logits"
 * [batch, classes], for any batch. The file's metadata say how images become input ("graft.input",
 * "mean", "std", "image_size", ..) and what classes are called ("classes", a JSON array).
 *
 * `backbone` as in graft_train_params, `adapter` as made by graft_train; NULL: the backbone's own
 * head. `weights`: F32, or F16 for matrices of half the size, which the graph widens again; BF16 is
 * GRAFT_ERR_UNSUPPORTED. `out` is replaced once all is
 * written. A method that cannot be folded, a file beyond protobuf's limit of 2 GiB and a build
 * without protobuf-c are GRAFT_ERR_UNSUPPORTED. Blocks. Thread-safety: safe. */
GRAFT_API graft_status graft_export_onnx(graft_log *log, const char *backbone, const char *adapter,
                                         const char *out, graft_number_type weights);

GRAFT_END_DECLS

#endif
