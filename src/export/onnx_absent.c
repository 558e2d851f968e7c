/* graft_export_onnx of a build without protobuf-c. */
#include <graft/onnx.h>

#include "base/log.h"

graft_status graft_export_onnx(graft_log *log, const char *backbone, const char *adapter,
                               const char *out, graft_number_type weights)
{
    return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                   "%s: this build of graft has no protobuf-c, which ONNX files are written with; "
                   "install libprotobuf-c-dev, protobuf-c-compiler and libonnx-dev, and build with "
                   "-Donnx=enabled",
                   out);
}
