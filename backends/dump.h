/* GRAFT_DUMP_KERNELS=<directory>: writes what a driver's compiler is given, for inspection. */
#ifndef GR_DUMP_H
#define GR_DUMP_H

#include "backends/backend.h"

/* Writes "softmax.WG=64.cl" for `extension` "cl" when the variable is set. A failure to write is a
 * warning: it must not stop the work. Thread-safety: safe. */
void gr_dump_kernel(graft_log *log, const gr_pipeline_spec *spec, const char *extension,
                    const void *data, size_t size_bytes);

#define GR_SPEC_TEXT 256

/* "softmax.WG=64.FUNC=1": a kernel and its tunables, good for messages and file names. */
const char *gr_spec_text(const gr_pipeline_spec *spec, char text[GR_SPEC_TEXT]);

#endif
