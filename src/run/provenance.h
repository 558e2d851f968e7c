/* What a run is made from, by content: its backbone, its classes and its images. Checkpoints carry
 * it, and a run goes on only with the same. */
#ifndef GR_PROVENANCE_H
#define GR_PROVENANCE_H

#include "adapter/input.h"
#include "data/dataset.h"

/* The metadata key of a checkpoint under which it stands. */
#define GR_PROVENANCE_KEY "graft.provenance"

typedef struct gr_run_origin {
    const char *backbone; /* fingerprint; NULL: from scratch */
    const gr_input *input; /* NULL: not said */
    const gr_dataset *train, *test; /* test NULL: no evaluation */
} gr_run_origin;

/* A JSON text: "backbone" (adapter/fingerprint.h; absent for a run from scratch), "input"
 * (how images become network input, as adapters have it), "classes" (their
 * names or how many), and for "train" and "test" how many images there are, and a hash of their
 * labels and of their paths below the data's folder. The caller frees *text by free(). */
graft_status gr_provenance_describe(graft_log *log, const gr_run_origin *origin, char **text);

/* Compares what the checkpoint `path` was made from with what there is now. Other classes are
 * GRAFT_ERR_ARGUMENT: rows of the head belong to their names. Another backbone or other images are,
 * too, and a warning instead with `accept`. The line says what differs. `found` NULL, a checkpoint
 * of version 0.1.0, passes. */
graft_status gr_provenance_check(graft_log *log, const char *path, const char *found,
                                 const char *now, bool accept);

#endif
