/* Checkpoints: everything that a run needs to go on as if it had never stopped.
 *
 * One safetensors file with all planes of all parameters ("value.NAME", "moment1.NAME", ..) and
 * the run's position in its metadata; it is replaced as a whole or not at all.
 */
#ifndef GR_CHECKPOINT_H
#define GR_CHECKPOINT_H

#include <graft/io.h>

#include "train/params.h"
#include "weights/tensors.h"

typedef struct gr_position {
    uint64_t step;          /* updates done */
    uint64_t metrics_bytes; /* length of metrics.jsonl */
    double accuracy;        /* of the latest evaluation; negative: none */
    double best_accuracy;
    int best_epoch;
    int epochs_ended; /* with their evaluation */
} gr_position;

/* A NaN or infinity among the values is GRAFT_ERR_NUMERIC, here and in gr_params_save: what was
 * saved before is worth more, and stays.
 * `identity` is that of the run's settings (train/settings.h), which must be the same when it goes
 * on: what determines its result; `provenance` what it was made from (train/provenance.h). */
graft_status gr_checkpoint_write(graft_log *log, const char *path, const gr_params *params,
                                 const gr_position *position, const char *identity,
                                 const char *provenance);

/* Reads the file into the parameters on the device. Another identity, a missing or extra tensor
 * is a one-line error, and so is another provenance, but for what `accept` takes. */
graft_status gr_checkpoint_read(graft_log *log, const char *path, const gr_params *params,
                                const char *identity, const char *provenance, bool accept,
                                gr_position *position);

/* The planes alone: beside the metadata in `file`, which gets their names; and back. Nothing has
 * changed when the file does not fit. */
graft_status gr_planes_write(graft_log *log, const char *path, const graft_writer *writer,
                             const gr_params *params, gr_tensors *file);
graft_status gr_planes_load(graft_log *log, const char *path, const gr_tensors *file,
                            const gr_params *params);

/* Writes the parameters' values alone under their names, with the metadata and the frozen tensors
 * that `header` holds: an adapter. To the file `path`, or to a writer that is not NULL. */
graft_status gr_params_save(graft_log *log, const char *path, const graft_writer *writer,
                            const gr_params *params, const gr_tensors *header);

#endif
