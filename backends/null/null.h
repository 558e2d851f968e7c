/* The null backend: a device that counts what it is told and computes nothing.
 *
 * Graphs, plans, memory and error paths are tested on it without any driver. Its buffers have a
 * size but no memory, and read as zeros. */
#ifndef GR_NULL_H
#define GR_NULL_H

#include "backends/backend.h"

/* Counted since the device was opened, unless it says "live". */
typedef struct gr_null_stats {
    int live_buffers, live_pipelines, live_lists;
    int submits, waits;
    uint64_t dispatches, copies, fills, barriers; /* of submitted lists */
    uint64_t bytes_written, bytes_read;           /* by the host */
} gr_null_stats;

/* `device` must be an open null device. */
const gr_null_stats *gr_null_stats_of(const gr_device *device);

/* Lets `count` more operations succeed and every later one that can fail return `status`;
 * GRAFT_OK ends it. */
void gr_null_fail_after(gr_device *device, int count, graft_status status);

#endif
