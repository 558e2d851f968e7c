/* Features of images that are computed once and kept in host memory: what a network computes of an
 * image before the first thing that training changes, see gr_graph_cut_features.
 *
 * Images are told apart by numbers; the same number stands for the same pixels.
 * Thread-safety: one thread at a time, as the device.
 */
#ifndef GR_MODEL_FEATURES_H
#define GR_MODEL_FEATURES_H

#include "passes/passes.h"
#include "plan/plan.h"

enum { GR_FEATURES_MAX = 8 };

typedef struct gr_features gr_features;

/* Bytes of the features of one image. */
uint64_t gr_features_bytes(const gr_feature *cut, int count);

/* Plans how the features of `cut` are computed; they are borrowed, as their graph, until
 * gr_features_prepare has returned. images: numbers are below it. */
graft_status gr_features_create(graft_log *log, gr_store *store, const gr_feature *cut, int count,
                                uint32_t images, bool tentative, gr_features **out);
void gr_features_destroy(gr_features *features); /* NULL is accepted */

gr_plan *gr_features_plan(gr_features *features);

/* Takes the memory, of the host as well. */
graft_status gr_features_prepare(gr_features *features);

/* Whether those of all images are kept: they need not be in the network. False without features,
 * with numbers NULL, and for a number that is too large. */
bool gr_features_have(const gr_features *features, const uint32_t *numbers, int count);

/* Queues what puts the features of the network's first `count` images where the rest of it reads
 * them: kept ones, where there are some, computed ones else, which are kept from then on. numbers
 * NULL: all are computed, none is kept. Without features (NULL) nothing. May wait for the device.
 */
graft_status gr_features_supply(gr_features *features, const uint32_t *numbers, int count);

#endif
