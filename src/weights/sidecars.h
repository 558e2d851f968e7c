/* The JSON files that libraries put beside a checkpoint: what names and shapes of its tensors do
 * not tell.
 *
 * config.json of Hugging Face transformers and of timm, preprocessor_config.json,
 * open_clip_config.json. What they say becomes metadata of the tensors, so that a file that says it
 * itself, and graft's own merges, are read by the same lines: graft.heads, graft.norm_eps,
 * graft.activation, graft.image_size, graft.pool, graft.classes, and graft.input, how images become
 * input.
 */
#ifndef GR_WEIGHTS_SIDECARS_H
#define GR_WEIGHTS_SIDECARS_H

#include "base/json.h"
#include "weights/tensors.h"

/* Whose files a layout's checkpoints come with. */
typedef enum gr_sidecars {
    GR_SIDECARS_NONE,
    GR_SIDECARS_TRANSFORMERS,
    GR_SIDECARS_TIMM,
    GR_SIDECARS_OPEN_CLIP,
} gr_sidecars;

/* Looks for them in the directory `path`, or beside the file `path`. Missing files, and those of
 * another kind of model, set nothing; what is there and cannot be used is a warning, and a file
 * that is not JSON is GRAFT_ERR_FORMAT. One INFO line tells what was taken from where. */
graft_status gr_sidecars_read(graft_log *log, const char *path, gr_sidecars kind,
                              gr_tensors *tensors);

/* How images become input, as a file says it; fields that it does not tell are NULL or 0. */
typedef struct gr_sidecar_input {
    const char *interpolation, *resize, *normalization; /* graft's names */
    int image_size, resize_to;                          /* pixels */
} gr_sidecar_input;

/* Each reads one library's object. False: it holds something that graft has no name for; `why`
 * tells what. */
bool gr_sidecar_transformers_input(const json_t *json, gr_sidecar_input *out, char why[160]);
bool gr_sidecar_timm_input(const json_t *json, gr_sidecar_input *out, char why[160]);
bool gr_sidecar_open_clip_input(const json_t *json, gr_sidecar_input *out, char why[160]);

#endif
