/* Time and memory of this process, and what else the machine does. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

/* Seconds: of this process on all its threads, and of all programs since the machine started (0
 * where the system does not tell). */
double bench_cpu_seconds(void);
double bench_busy_seconds(void);

/* The most resident memory since the last reset, in MiB. A system that cannot reset tells the most
 * since the process started. */
double bench_peak_process_mib(void);
void bench_reset_peak_process(void);

#endif
