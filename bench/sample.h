/* How the programs of this folder are timed. A program prepares, checks its result, prints facts
 * as lines "name value", then "ready", and from then on answers each line on its standard input
 * with one sample: "wall cpu", seconds for one run, wall clock and processor time of the process.
 * So a runner may take turns among programs that are all warm, and take a sample again.
 */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static inline double sample_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Answers until the input ends. A sample repeats `once` for at least `least` seconds. Returns
 * what `once` returned last: not 0 ends the program. */
static inline int sample_serve(int (*once)(void *user), void *user, double least)
{
    char line[64];
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        double wall = sample_clock(CLOCK_MONOTONIC), cpu = sample_clock(CLOCK_PROCESS_CPUTIME_ID);
        double now = wall;
        int count = 0, failed = 0;
        do {
            failed = once(user);
            now = sample_clock(CLOCK_MONOTONIC);
            count++;
        } while (!failed && now - wall < least);
        if (failed)
            return failed;
        cpu = sample_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        printf("%.9f %.9f\n", (now - wall) / count, cpu / count);
        fflush(stdout);
    }
    return 0;
}

/* Peak resident memory of the process, MiB. */
static inline double sample_peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024.0;
}

#endif
