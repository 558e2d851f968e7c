/* A merged model in the names, and with the tensors, that a library has for it: what timm and
 * Hugging Face transformers load strictly and compute the same logits with. */
#ifndef GR_ADAPTER_NAMES_H
#define GR_ADAPTER_NAMES_H

#include "build/config.h"
#include "weights/layout.h"

#include <graft/params.h>

typedef struct gr_named {
    gr_tensors *tensors;      /* with the library's names; they borrow from the others */
    gr_tensors *plain;        /* with graft's names */
    gr_model_config config;   /* as it is after that */
    graft_tensor_names names; /* whose they are; as read: graft's own, which no library has */
    const gr_layout *layout;
} gr_named;

/* `merged` has graft's names and the geometry `config`; `layout` names that of the backbone's file
 * (GR_LAYOUT_KEY), or is NULL. What the library's model has no place for is folded into what it
 * has: a projection into the head (for transformers, that into the projection), biases that a
 * method added to the patch embedding of CLIP into its positions, and to a Swin's merging layers
 * into the norms before them. A model that the library has no class for is GRAFT_ERR_UNSUPPORTED,
 * unless the names are as read: then they are timm's, or graft's own, and a line says why. Borrows
 * `merged`. The caller gives *out to gr_named_release; on failure there is nothing in it. */
graft_status gr_names_apply(graft_log *log, graft_tensor_names names, const char *layout,
                            const gr_model_config *config, const gr_tensors *merged, gr_named *out);
void gr_named_release(gr_named *named);

#endif
