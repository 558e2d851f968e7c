/* From samples to the entries of the document. */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include "command/bench/bench.h"

enum { BENCH_MAX_SAMPLES = 256 };

/* Seconds of one run each; those that other programs disturbed are kept apart. */
typedef struct bench_samples {
    double seconds[BENCH_MAX_SAMPLES];
    bool is_clean[BENCH_MAX_SAMPLES];
    int count, clean;
} bench_samples;

void bench_samples_add(bench_samples *samples, double seconds, bool clean);

/* Adds the entry of a measured figure to the device's results. */
void bench_result_add(bench *b, bench_device *device, const bench_work *work, const bench_run *run,
                      const bench_samples *samples);

/* Adds what could not be measured to the device's failures, and says it. */
void bench_result_failed(bench *b, bench_device *device, const bench_work *work, const char *why);

#endif
