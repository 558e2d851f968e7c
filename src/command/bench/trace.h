/* Where a training step's time goes: per kernel, and as a trace for Perfetto. */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include "command/bench/models.h"

/* Runs some steps with each kernel measured. *kernels: an array of what each took, moved and
 * computed; NULL on a device that cannot measure. *flop: of a step. */
graft_status bench_profile(bench *b, bench_device *device, const bench_work *work,
                           const bench_truth *truth, json_t **kernels, double *flop);

#endif
