/* What is at hand while an adapter is written as a folder of Hugging Face peft. */
#ifndef GR_PEFT_WRITER_H
#define GR_PEFT_WRITER_H

#include "adapter/file.h"
#include "adapter/peft.h"

typedef struct gr_peft_writer {
    graft_log *log;
    const char *method;
    const void *options; /* the method's */
    const gr_tensors *backbone, *adapter;
    gr_tensors *file; /* the backbone under its own names */
    const gr_adapter_info *info;
    gr_layout_match match;
    char above[GR_NAME_BYTES]; /* "vit.": what stands before names in the library's classifier */
    gr_peft_modules modules;
    gr_tensors *result, *head; /* head: beside the adapter; NULL: within it */
    json_t *config, *targets, *inputs, *ranks, *alphas;
} gr_peft_writer;

/* A row of the method's options, and its value; NULL: it has none such. */
const graft_setting *gr_peft_writer_row(const gr_peft_writer *w, const char *name);
const void *gr_peft_writer_option(const gr_peft_writer *w, const char *name);

/* The adapter's tensor of a module; NULL: the module is not adapted. */
const gr_tensor *gr_peft_writer_tensor(const gr_peft_writer *w, const gr_peft_module *m,
                                       const char *leaf);

/* Adds the tensors of a module and of the two that follow it, where they are one linear. */
graft_status gr_peft_write_module(gr_peft_writer *w, const gr_peft_module *m);

/* The head as a module to save, or beside the adapter. */
graft_status gr_peft_write_head(gr_peft_writer *w);

#endif
