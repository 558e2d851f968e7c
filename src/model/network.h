/* A model's graph with the values that are fed and read, and its plan. */
#ifndef GR_NETWORK_H
#define GR_NETWORK_H

#include "build/build.h"
#include "model/features.h"
#include "model/pixels.h"
#include "model/transfers.h"
#include "plan/plan.h"

/* What training compares the logits with. */
typedef enum gr_target_kind {
    GR_TARGETS_NONE, /* no training: no loss, no dropout */
    GR_TARGETS_LABELS,
    GR_TARGETS_SOFT,
} gr_target_kind;

typedef struct gr_network {
    gr_graph *graph;
    gr_value *image;       /* [batch, 3, S, S] */
    gr_value *targets;     /* labels [batch] (I32) or targets [batch, classes], training only */
    gr_value *scalars;     /* [16], see ops/scalars.h */
    gr_value *logits;      /* [batch, classes]; or what `build` asks for instead */
    gr_value *loss;        /* [], training only */
    gr_plan *plan;         /* made by the owner */
    gr_pixel_input pixels; /* by gr_network_logits_of_pixels */
    gr_feature cut[GR_FEATURES_MAX]; /* with build.cut_features */
    int cut_count;
    gr_features *features; /* made by the owner, where something is cut; or NULL */
} gr_network;

/* Builds the graph for `batch` images; the other fields of `build` say what of. Call
 * gr_network_release also after a failure. */
graft_status gr_network_build(graft_log *log, gr_build build, int batch, gr_target_kind targets,
                              gr_network *out);
void gr_network_release(gr_network *network);

/* A network that targets with logits, planned, for at most *batch images at once: these are halved
 * until the device takes the values. scratch: see gr_plan_params; may be NULL. */
graft_status gr_network_plan(graft_log *log, gr_store *store, gr_scratch *scratch,
                             const gr_build *build, int *batch, gr_network *out);

/* Makes a planned network ready to run. */
graft_status gr_network_prepare(graft_log *log, gr_store *store, gr_network *network);

/* Both, with memory of its own. */
graft_status gr_network_fit(graft_log *log, gr_store *store, const gr_build *build, int *batch,
                            gr_network *out);

/* Allocates the image input and fills it with zeros: rows that a partial batch leaves unwritten
 * must hold finite numbers, as 0 * NaN is NaN. */
graft_status gr_network_clear_images(graft_log *log, gr_store *store, const gr_network *network);

/* Writes the first `bytes` of an input. */
graft_status gr_network_write(gr_store *store, const gr_value *input, const void *data,
                              uint64_t bytes);

/* logits [count, classes] of images [count, 3, S, S], in batches of the network's size. */
graft_status gr_network_logits(gr_store *store, gr_network *network, const float *images, int count,
                               float *logits);

/* The same of images that lie on the device; and to a buffer there, without waiting. */
graft_status gr_network_logits_on_device(gr_store *store, gr_network *network,
                                         gr_transfers *transfers, const graft_device_images *images,
                                         int count, float *logits);
graft_status gr_network_run_on_device(graft_log *log, gr_store *store, gr_network *network,
                                      gr_transfers *transfers, const graft_device_images *images,
                                      int count, graft_buffer *out, uint64_t offset_bytes);

/* The same of pixels [count, S, S, 3], which the device normalises, always in the same way; of
 * their `numbers` see features.h: NULL, or pixels may be NULL where the features of all are kept.
 */
graft_status gr_network_logits_of_pixels(graft_log *log, gr_store *store, gr_network *network,
                                         const gr_normalization *normalization,
                                         const uint8_t *pixels, const uint32_t *numbers, int count,
                                         float *logits);

#endif
