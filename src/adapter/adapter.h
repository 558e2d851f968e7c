/* The inside of a graft_adapter. */
#ifndef GR_ADAPTER_ADAPTER_H
#define GR_ADAPTER_ADAPTER_H

#include "adapter/file.h"

#include <graft/adapter.h>
#include <stdatomic.h>

struct graft_adapter {
    atomic_int users; /* the application, and models that it is attached to */
    graft_log *log;
    gr_tensors *tensors;
    gr_adapter_info info;
    char methods[128];
    const char **class_names; /* [info.config.classes] */
};

/* Takes *tensors, also on failure, and sets it to NULL. */
graft_status gr_adapter_create(graft_log *log, gr_tensors **tensors, graft_adapter **out);

/* Whether both were trained on one backbone: GRAFT_ERR_ARGUMENT if not. Their inputs may differ,
 * and their classes. */
graft_status gr_adapter_check_backbone(graft_log *log, const graft_adapter *a,
                                       const graft_adapter *b);

/* The tensors of an adapter of this backbone: a file, or a folder of Hugging Face peft. */
graft_status gr_adapter_load(graft_log *log, const graft_source *source, const gr_tensors *backbone,
                             gr_tensors **out);

/* The same as an adapter. */
graft_status gr_adapter_open(graft_log *log, const graft_source *source, const gr_tensors *backbone,
                             graft_adapter **out);

/* One user more, which lets it go by graft_adapter_close. */
graft_adapter *gr_adapter_share(graft_adapter *adapter);

#endif
