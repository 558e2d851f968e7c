/* Loading a checkpoint of any known kind. */
#ifndef GR_WEIGHTS_LOAD_H
#define GR_WEIGHTS_LOAD_H

#include "weights/layout.h"

#include <graft/io.h>

/* Reads a .safetensors file, an index.json of a sharded checkpoint, a directory with either, or an
 * .npz archive, with the names that it has. The caller owns *tensors, which is NULL on failure.
 * Another kind of file is GRAFT_ERR_UNSUPPORTED. */
graft_status gr_tensors_load(graft_log *log, const char *path, gr_tensors **tensors);

/* The same, but tensors of strange types or shapes are left aside (gr_tensors_strange_count)
 * instead of GRAFT_ERR_UNSUPPORTED. */
graft_status gr_tensors_load_lenient(graft_log *log, const char *path, gr_tensors **tensors);

/* The same for a backbone of any known layout (layout.h): it arrives whole, with graft's names and
 * shapes; strange tensors are ignored if the layout does not use them. A head without a bias gets
 * one of zeros. An unknown layout is GRAFT_ERR_UNSUPPORTED. */
graft_status gr_backbone_load(graft_log *log, const char *path, gr_tensors **tensors);

/* Sets the number of heads, before anything that the file or another one says; 0 sets nothing. */
graft_status gr_backbone_set_heads(graft_log *log, gr_tensors *backbone, int heads);

/* The same of any source. */
graft_status gr_tensors_load_source(graft_log *log, const graft_source *source,
                                    gr_tensors **tensors);
graft_status gr_backbone_load_source(graft_log *log, const graft_source *source,
                                     gr_tensors **tensors);

/* What gr_backbone_load() does with the tensors of `path` once their layout is known: like
 * gr_layout_translate(), and reads the files beside it (sidecars.h), of which a NULL path has none;
 * values that are no numbers are GRAFT_ERR_NUMERIC. */
graft_status gr_backbone_translate(graft_log *log, const char *path, const gr_layout_match *match,
                                   gr_tensors *file, gr_tensors *backbone);

#endif
