/* Golden cases: a small backbone, a batch and what training it must give.
 *
 * A case is a folder with config.json (geometry, methods, optimisers), backbone.safetensors,
 * adapter_init.safetensors (start values), batch.safetensors and expected.safetensors (computed in
 * float64 from the official implementations). What all cases of a folder have in common may lie in
 * that folder instead.
 *
 * Thread-safety: one thread at a time for each object.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "train/trainer.h"

#include <jansson.h>

typedef struct golden_case {
    const char *path;
    const char *name; /* of the folder */
    json_t *config;
    gr_model_config geometry;
    gr_methods *methods;
    gr_tensors *backbone, *adapter, *batch, *expected;
    int batch_size;
    float *images;   /* [batch_size, 3, S, S] */
    int32_t *labels; /* [batch_size] */
} golden_case;

/* Reads a case. GRAFT_ERR_UNSUPPORTED: it is well-formed, but its backbone, methods or options do
 * not exist here. golden_close accepts a case whose opening failed. */
graft_status golden_open(graft_log *log, const char *path, golden_case *out);
void golden_close(golden_case *c);

/* Trains the case on a device and fills *out, which the caller destroys, with everything that
 * expected.safetensors holds, under the same names. */
graft_status golden_run(graft_log *log, const golden_case *c, gr_device *device, gr_tensors **out);

/* Compares with the expected values, prints the worst error of each group of tensors in one line,
 * and a line for each tensor that is wrong. Returns how many are. */
int golden_check(const golden_case *c, const char *device, const gr_tensors *got);

/* Calls `visit` for each case at or below `path`, in the order of their names; a folder is a case
 * when it holds config.json. Returns how many there were. */
int golden_visit(const char *path, void (*visit)(void *user, const char *path), void *user);

#endif
