/* What training leaves of its parameters: all planes of them, as safetensors named "value.NAME",
 * "moment1.NAME", .., from which it goes on as if it had never stopped; and adapters.
 *
 * A NaN or infinity among the values is GRAFT_ERR_NUMERIC: what was saved before is worth more, and
 * stays. Files are replaced as a whole or not at all.
 */
#ifndef GR_CHECKPOINT_H
#define GR_CHECKPOINT_H

#include <graft/io.h>

#include "train/params.h"
#include "weights/tensors.h"

/* Writes the planes beside the metadata in `file`, which gets their names: to the file `path`, or
 * to a writer that is not NULL. */
graft_status gr_planes_write(graft_log *log, const char *path, const graft_writer *writer,
                             const gr_params *params, gr_tensors *file);

/* Reads them into the parameters on the device. A missing or extra tensor is a one-line error, and
 * nothing has changed then. */
graft_status gr_planes_load(graft_log *log, const char *path, const gr_tensors *file,
                            const gr_params *params);

/* Writes the parameters' values alone under their names, with the metadata and the frozen tensors
 * that `header` holds: an adapter. To the file `path`, or to a writer that is not NULL. */
graft_status gr_params_save(graft_log *log, const char *path, const graft_writer *writer,
                            const gr_params *params, const gr_tensors *header);

#endif
