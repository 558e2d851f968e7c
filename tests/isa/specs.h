/* Every pipeline that graft may ask a driver for: each kernel as it stands, with each of its
 * choices, and as each row of src/kernels has it. */
#ifndef SPECS_H
#define SPECS_H

#include "backends/backend.h"

typedef struct isa_spec {
    gr_pipeline_spec pipeline;
    const char *op; /* of the row, "" for none */
    const char *row;
    uint32_t classes; /* of devices that may get the row, bit i: class i; 0: all */
} isa_spec;

/* Writes as many as `max`, returns how many there are. */
int list_specs(isa_spec *specs, int max);

#endif
