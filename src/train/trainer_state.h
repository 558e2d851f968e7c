/* What a graft_trainer needs to go on elsewhere, as bytes: the planes of a checkpoint with the
 * trainer's own position. */
#ifndef GR_TRAINER_STATE_H
#define GR_TRAINER_STATE_H

#include <graft/io.h>

#include "train/params.h"

typedef struct gr_trainer_state {
    uint64_t step; /* updates done */
    double lr;
} gr_trainer_state;

/* `identity` is that of the settings (train/settings.h), which must be the same when it is read. */
graft_status gr_trainer_state_write(graft_log *log, const graft_writer *writer,
                                    const gr_params *params, const gr_trainer_state *state,
                                    const char *identity);

/* Bytes that do not fit change nothing. */
graft_status gr_trainer_state_read(graft_log *log, const void *bytes, size_t size_bytes,
                                   const gr_params *params, const char *identity,
                                   gr_trainer_state *state);

#endif
