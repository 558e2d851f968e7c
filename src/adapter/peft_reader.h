/* What is at hand while a folder of Hugging Face peft is read. */
#ifndef GR_PEFT_READER_H
#define GR_PEFT_READER_H

#include "adapter/peft.h"

typedef struct gr_peft_reader {
    graft_log *log;
    const char *path;
    char *source; /* of the configuration */
    const gr_tensors *backbone;
    gr_model_config geometry;
    json_t *config;
    gr_tensors *file, *head, *result;
    bool *used; /* tensors of the file */
    gr_peft_modules modules;
    char
        above[2 * GR_NAME_BYTES]; /* what stands before modules' names, such as that of the tower */
    gr_methods *methods;
    unsigned targets;
    char *ranks, *alphas; /* patterns of graft */
} gr_peft_reader;

const char *gr_peft_reader_method(const gr_peft_reader *r);

/* NULL, and a tensor of another file, are accepted. */
void gr_peft_mark_used(gr_peft_reader *r, const gr_tensor *t);

/* Adds the tensors of all modules to the result, and sets the method's options. */
graft_status gr_peft_read_modules(gr_peft_reader *r);

/* The head, from the adapter, from beside it, or from the backbone. */
graft_status gr_peft_read_head(gr_peft_reader *r);

#endif
