/* The inside of a graft_model: a backbone's tensors in one store, and on it a store for each
 * adapter. */
#ifndef GR_ADAPTER_MODEL_H
#define GR_ADAPTER_MODEL_H

#include "adapter/adapter.h"
#include "model/network.h"

#include <graft/model.h>

/* Networks are {0} until they are needed, and again when their scratch had to move. */
typedef struct gr_attachment {
    graft_adapter *adapter; /* shared; NULL: the backbone's own head */
    gr_adapter_info info;   /* as the model uses it; methods are the adapter's, or `own` */
    gr_methods *own;
    const char **class_names; /* [classes], the adapter's or own; NULL: no classes */
    gr_store *store;
    gr_network networks[3];  /* by graft_output; host memory gets probabilities of logits */
    gr_transfers *transfers; /* NULL: nothing came from the device yet */
    int batch;               /* most images at once */
} gr_attachment;

struct graft_model {
    graft_log *log;
    gr_device *device;
    gr_tensors *weights;
    graft_backbone_graph graph; /* of an application; {0}: graft builds it */
    graft_input_params input;
    bool accept_changes;
    bool headless;
    graft_pool pool;
    int batch;
    gr_store *store;
    gr_scratch *scratch;
    gr_attachment **attached;
    size_t count;
    gr_attachment *active; /* NULL: none */
};

/* What a backbone says of itself, whose own head classifies; GRAFT_ERR_ARGUMENT when it has none.
 */
graft_status gr_backbone_describe(graft_log *log, const gr_tensors *weights, bool headless,
                                  gr_model_config *config, gr_input *input);

/* Whether a frozen value is a tensor of the backbone as it was read; a gr_store_shared. */
bool gr_model_has(void *model, const gr_value *value);

/* GRAFT_ERR_ARGUMENT when nothing is in use. */
graft_status gr_model_active(graft_model *model, gr_attachment **out);

/* out [count, classes or features] of pixels [count, S, S, 3], normalised as is right for what is
 * in use; logits or features. */
graft_status gr_model_run_of_pixels(graft_model *model, graft_output output, const uint8_t *pixels,
                                    int count, float *out);
/* Whether these can be arguments of a run. */
graft_status gr_model_check_run(const graft_model *model, graft_output output, const void *images,
                                int count, const void *out);

#endif
