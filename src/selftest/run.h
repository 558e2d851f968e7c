/* Running one case of the self-test on one device. */
#ifndef GR_SELFTEST_RUN_H
#define GR_SELFTEST_RUN_H

#include "selftest/cases.h"

#include <graft/device.h>
#include <stddef.h>

enum { GR_SELFTEST_MAX_OUTPUTS = 1 + GR_SELFTEST_MAX_INPUTS };

/* The result and the gradients of all inputs, one after the other. */
typedef struct gr_selftest_values {
    float *data; /* for gr_free() */
    size_t counts[GR_SELFTEST_MAX_OUTPUTS];
    int outputs;
} gr_selftest_values;

/* Builds the case's graph and runs it on the device. Without `data` on failure. */
graft_status gr_selftest_run(graft_log *log, graft_device *device, const gr_selftest_case *c,
                             gr_selftest_values *values);

#endif
