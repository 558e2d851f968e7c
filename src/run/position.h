/* Where a run stands, which its checkpoint keeps as a note beside the trainer's state. */
#ifndef GR_RUN_POSITION_H
#define GR_RUN_POSITION_H

#include <graft/trainer.h>

#include <stdint.h>

typedef struct gr_position {
    uint64_t step;          /* updates done */
    uint64_t metrics_bytes; /* length of metrics.jsonl */
    double accuracy;        /* of the latest evaluation; negative: none */
    double best_accuracy;
    int best_epoch;
    int epochs_ended; /* with their evaluation */
} gr_position;

/* Writes the file `path`. `provenance`: what the run is made from (run/provenance.h). */
graft_status gr_position_save(graft_trainer *trainer, const char *path, const gr_position *position,
                              const char *provenance);

/* Reads it into the trainer, and where it stands. Another provenance is a one-line error, but for
 * what `accept` takes. */
graft_status gr_position_load(graft_log *log, graft_trainer *trainer, const char *path,
                              const char *provenance, bool accept, gr_position *position);

#endif
