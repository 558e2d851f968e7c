/* What a graft_trainer needs to go on elsewhere: all planes of its parameters, with its position
 * and notes of the application in the metadata of one safetensors file. */
#ifndef GR_TRAINER_STATE_H
#define GR_TRAINER_STATE_H

#include <graft/trainer.h>

#include "train/params.h"
#include "weights/tensors.h"

typedef struct gr_trainer_state {
    uint64_t step; /* updates done */
    double lr;
} gr_trainer_state;

typedef struct gr_notes {
    const graft_note *items;
    int count;
} gr_notes;

/* To the file `path`, or to a writer that is not NULL. `identity` is that of the settings
 * (train/settings.h), which must be the same when it is read. */
graft_status gr_trainer_state_write(graft_log *log, const char *path, const graft_writer *writer,
                                    const gr_params *params, const gr_trainer_state *state,
                                    const char *identity, gr_notes notes);

/* From `file`, which is called `name`. What does not fit, or what `check` (may be NULL) refuses,
 * changes nothing. */
graft_status gr_trainer_state_read(graft_log *log, const char *name, const gr_tensors *file,
                                   const gr_params *params, const char *identity,
                                   graft_notes_check *check, void *user, gr_trainer_state *state);

#endif
