#include "command/console/trace.h"

#include "command/console/output.h"
#include "command/console/progress.h"
#include "command/console/write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A million spans are some 200 MB, more than viewers are good at. */
enum { MOST_EVENTS = 1000000, KERNELS = 0 };

void cli_trace_begin(cli_trace *t)
{
    *t = (cli_trace){.events = json_array(), .started = cli_seconds()};
    pthread_mutex_init(&t->lock, NULL);
    t->threads[t->thread_count++] = pthread_self();
}

void cli_trace_end(cli_trace *t)
{
    json_decref(t->events);
    pthread_mutex_destroy(&t->lock);
}

/* Names a process or one of its threads. */
static void name_lane(cli_trace *t, const char *what, int process, int thread, const char *name)
{
    json_array_append_new(t->events,
                          json_pack("{s:s,s:s,s:i,s:i,s:{s:o}}", "ph", "M", "name", what, "pid",
                                    process, "tid", thread, "args", "name", cli_json_text(name)));
}

void cli_trace_add(cli_trace *t, const char *id, cli_trace_device *device)
{
    *device = (cli_trace_device){.trace = t, .number = ++t->processes};
    name_lane(t, "process_name", device->number, KERNELS, id);
    name_lane(t, "thread_name", device->number, KERNELS, "device");
    name_lane(t, "thread_name", device->number, 1, "host");
}

/* The calling thread's number, from 1 on; the last one is shared by all that come too late. */
static int lane_of_thread(const cli_trace_device *d)
{
    cli_trace *t = d->trace;
    char name[40];
    for (int i = 0; i < t->thread_count; i++)
        if (pthread_equal(t->threads[i], pthread_self()))
            return i + 1;
    if (t->thread_count == CLI_TRACE_THREADS)
        return CLI_TRACE_THREADS;
    t->threads[t->thread_count++] = pthread_self();
    snprintf(name, sizeof(name), "host, thread %d", t->thread_count);
    name_lane(t, "thread_name", d->number, t->thread_count, name);
    return t->thread_count;
}

double cli_trace_share(const cli_trace_device *d, double flop, double bytes, double seconds)
{
    double by_flop = d->flop_peak > 0.0 ? flop / d->flop_peak : 0.0;
    double by_bytes = d->byte_peak > 0.0 ? bytes / d->byte_peak : 0.0;
    return seconds > 0.0 ? fmax(by_flop, by_bytes) / seconds : 0.0;
}

static json_t *kernel_facts(const cli_trace_device *d, const graft_span *s)
{
    double share = cli_trace_share(d, s->flop, s->bytes, s->seconds);
    return json_pack("{s:i,s:f,s:f,s:o}", "dispatches", s->dispatches, "bytes", s->bytes, "flop",
                     s->flop, "share_of_peak", share > 0.0 ? json_real(share) : json_null());
}

void cli_trace_span(void *device, const graft_span *s)
{
    const cli_trace_device *d = device;
    cli_trace *t = d->trace;
    bool kernel = s->kind == GRAFT_SPAN_DEVICE;
    pthread_mutex_lock(&t->lock);
    if (json_array_size(t->events) < MOST_EVENTS)
        json_array_append_new(
            t->events, json_pack("{s:s,s:o,s:s,s:f,s:f,s:i,s:i,s:o}", "ph", "X", "name",
                                 cli_json_text(s->name), "cat", kernel ? "kernel" : "host", "ts",
                                 (s->start - t->started) * 1e6, "dur", s->seconds * 1e6, "pid",
                                 d->number, "tid", kernel ? KERNELS : lane_of_thread(d), "args",
                                 kernel ? kernel_facts(d, s) : json_object()));
    else
        t->left_out++;
    pthread_mutex_unlock(&t->lock);
}

void cli_trace_until_now(cli_trace_device *device, const char *name, double start)
{
    graft_span span = {.name = name, .start = start, .seconds = cli_seconds() - start};
    if (device->trace)
        cli_trace_span(device, &span);
}

graft_status cli_trace_write(cli *c, cli_trace *t, const char *path)
{
    char told[160];
    pthread_mutex_lock(&t->lock);
    json_t *document = json_pack("{s:s,s:O}", "displayTimeUnit", "ms", "traceEvents", t->events);
    char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(12));
    pthread_mutex_unlock(&t->lock);
    json_decref(document);
    graft_status status =
        text ? cli_write_file(c, path, text) : cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    free(text);
    snprintf(told, sizeof(told), "the trace holds %d spans; %zu that came later are left out",
             MOST_EVENTS, t->left_out);
    if (t->left_out && c->console->level >= GRAFT_LOG_WARN)
        cli_console_message(c->console, GRAFT_LOG_WARN, told);
    return status;
}
