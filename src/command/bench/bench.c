/* What all suites share. */
#include "command/bench/bench.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bench_work *bench_add(bench *b, const char *suite, const char *name)
{
    bench_work *works = realloc(b->works, (b->work_count + 1) * sizeof(*works));
    if (!works)
        return NULL;
    b->works = works;
    bench_work *w = &works[b->work_count++];
    *w = (bench_work){.suite = suite};
    snprintf(w->name, sizeof(w->name), "%s", name);
    return w;
}

void bench_note(bench *b, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    json_array_append_new(b->notes, json_string(text));
    if (b->c->console->level >= GRAFT_LOG_WARN)
        cli_console_message(b->c->console, GRAFT_LOG_WARN, text);
}

graft_status bench_reference(bench *b, graft_device **out)
{
    graft_status status = GRAFT_OK;
    if (!b->reference)
        status = graft_device_open(b->c->log, "reference:0", NULL, &b->reference);
    *out = b->reference;
    return status;
}

void bench_fill(float *x, size_t count, uint32_t seed)
{
    seed *= 2654435761u;
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) * 0x1p-23f - 1.0f;
    }
}

double bench_error(const float *x, const float *expected, size_t count)
{
    double difference = 0.0, largest = 0.0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)x[i] - (double)expected[i]);
        if (!(d <= HUGE_VAL) || isinf(d))
            return HUGE_VAL;
        difference = fmax(difference, d);
        largest = fmax(largest, fabs((double)expected[i]));
    }
    return largest > 0.0 ? difference / largest : difference;
}

graft_status bench_check(bench *b, double error, double most)
{
    if (error <= most)
        return GRAFT_OK;
    return cli_fail(b->c, GRAFT_ERR_NUMERIC,
                    "wrong result: differs from the reference by %.2g of the largest number, "
                    "allowed is %.0e; its speed is not shown",
                    error, most);
}

void bench_measure_peaks(cli *c, graft_device *device, cli_trace_device *lanes)
{
    const bench_options options = {.suites = BENCH_PEAKS};
    const int never = 0;
    bench_device one = {.handle = device,
                        .info = *graft_device_get_info(device),
                        .results = json_array(),
                        .failures = json_array()};
    bench b = {.c = c,
               .options = &options,
               .devices = &one,
               .device_count = 1,
               .notes = json_array(),
               .stop = &never,
               .started = cli_seconds(),
               .most_seconds = 6.0,
               .most_each = 2.0};
    cli_progress_start(&b.progress, c->console, b.stop);
    if (bench_add_peaks(&b, "peaks", false) == GRAFT_OK)
        bench_measure(&b);
    lanes->flop_peak = one.peak[BENCH_PEAK_MULTIPLY_ADD];
    lanes->byte_peak = one.peak[BENCH_PEAK_BANDWIDTH];
    graft_device_close(&b.reference);
    free(b.works);
    json_decref(one.results);
    json_decref(one.failures);
    json_decref(b.notes);
}
