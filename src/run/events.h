/* Event files of TensorBoard: the curves of a run, for its page of scalars.
 *
 * A file is a row of records, each with its length and two checksums (TFRecord), that hold messages
 * of tensorflow/core/util/event.proto. Of these messages six fields are needed, and they are
 * written here as protocol buffers lay them down: the code that a compiler of the description makes
 * would need a library, and be longer.
 */
#ifndef GR_EVENTS_H
#define GR_EVENTS_H

#include "base/log.h"

#include <stdint.h>

typedef struct gr_events gr_events;

typedef struct gr_scalar {
    const char *tag; /* "train/loss" */
    double value;    /* written as float32 */
} gr_scalar;

/* Begins a new file in `directory`, which is made where it is not there, for what comes after
 * `step`. Of the directory's earlier files TensorBoard then shows what came up to that step alone.
 */
graft_status gr_events_open(graft_log *log, const char *directory, uint64_t step, gr_events **out);

graft_status gr_events_write(gr_events *events, uint64_t step, const gr_scalar *scalars, int count);

/* Closes the file, and removes it where nothing was written to it; NULL and a pointer to NULL are
 * accepted. */
void gr_events_close(gr_events **events);

#endif
