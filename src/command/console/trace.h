/* Spans of time as a file for Perfetto (ui.perfetto.dev) and chrome://tracing. */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include "command/console/command.h"

#include <jansson.h>
#include <pthread.h>

enum { CLI_TRACE_THREADS = 64 };

/* Chrome's trace events: a process for each device, a thread for its kernels and one for each
 * thread of the host. Thread-safety: spans may come from any thread, the rest from one. */
typedef struct cli_trace {
    pthread_mutex_t lock;
    json_t *events;
    double started; /* cli_seconds() */
    int processes;
    size_t left_out; /* spans past the most that a trace holds */
    pthread_t threads[CLI_TRACE_THREADS];
    int thread_count;
} cli_trace;

/* The lanes of a device. Peaks are per second; 0: unknown, then kernels have no share. */
typedef struct cli_trace_device {
    cli_trace *trace;
    int number;
    double flop_peak, byte_peak;
} cli_trace_device;

/* The thread that begins it is the main one. */
void cli_trace_begin(cli_trace *trace);

/* A device by its id; borrows the trace. */
void cli_trace_add(cli_trace *trace, const char *id, cli_trace_device *device);

/* A graft_span_callback; `device` is a cli_trace_device. */
void cli_trace_span(void *device, const graft_span *span);

/* From `start` to now, on the calling thread; nothing where device->trace is NULL. */
void cli_trace_until_now(cli_trace_device *device, const char *name, double start);

/* Writes the file, as cli_write_file does. */
graft_status cli_trace_write(cli *c, cli_trace *trace, const char *path);

void cli_trace_end(cli_trace *trace);

/* What the device needs at best for so much to compute and to move, over the time it took; 0:
 * unknown. */
double cli_trace_share(const cli_trace_device *device, double flop, double bytes, double seconds);

#endif
