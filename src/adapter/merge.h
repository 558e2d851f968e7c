/* An adapter folded into its backbone. graft_merge writes it as a plain checkpoint. */
#ifndef GR_MERGE_H
#define GR_MERGE_H

#include "peft/sites.h"
#include "adapter/file.h"

typedef struct gr_merged {
    gr_tensors *tensors; /* of the tuned model, f32, with timm's names */
    gr_graph *graph;     /* holds the texts of `sites` */
    gr_sites *sites;     /* where methods may act, in the model's order */
} gr_merged;

/* Fails unless the backbone has the geometry that the adapter was trained on, whatever the images'
 * size. */
graft_status gr_merge_check(graft_log *log, const gr_tensors *backbone,
                            const gr_adapter_info *adapter);

/* GRAFT_ERR_UNSUPPORTED, which says why, when one of them cannot be folded. */
graft_status gr_merge_check_methods(graft_log *log, const gr_methods *methods);

/* Folds all methods that can be folded and leaves the others out; a method's not_foldable tells
 * which. The caller gives *out to gr_merged_release; on failure there is nothing in it. */
graft_status gr_merge(graft_log *log, const gr_tensors *backbone, const gr_tensors *adapter,
                      const gr_adapter_info *info, gr_merged *out);
void gr_merged_release(gr_merged *merged);

#endif
