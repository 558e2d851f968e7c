#include "command/bench/result.h"

#include "command/console/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void bench_samples_add(bench_samples *s, double seconds, bool clean)
{
    if (s->count == BENCH_MAX_SAMPLES)
        return;
    s->is_clean[s->count] = clean;
    s->seconds[s->count++] = seconds;
    s->clean += clean;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Of the clean samples, or of all when fewer than half of them are clean. */
typedef struct spread {
    double least, median, most;
    int count;
} spread;

static spread spread_of(const bench_samples *s)
{
    double kept[BENCH_MAX_SAMPLES];
    bool all = 2 * s->clean < s->count;
    int n = 0;
    for (int i = 0; i < s->count; i++)
        if (all || s->is_clean[i])
            kept[n++] = s->seconds[i];
    qsort(kept, (size_t)n, sizeof(*kept), by_size);
    double median = n % 2 ? kept[n / 2] : 0.5 * (kept[n / 2 - 1] + kept[n / 2]);
    return (spread){kept[0], median, kept[n - 1], n};
}

static const char *unit_name(bench_unit unit)
{
    static const char *const names[] = {
        [BENCH_GFLOPS] = "GFLOP/s",  [BENCH_GBS] = "GB/s", [BENCH_IMAGES] = "images/s",
        [BENCH_MICROSECONDS] = "us", [BENCH_MIB] = "MiB",
    };
    return names[unit];
}

/* The figure for a run of so many seconds. */
static double figure(const bench_work *work, const bench_run *run, double seconds)
{
    switch (work->unit) {
    case BENCH_GFLOPS:
        return run->flop / seconds * 1e-9;
    case BENCH_GBS:
        return run->bytes / seconds * 1e-9;
    case BENCH_IMAGES:
        return work->amount / seconds;
    case BENCH_MICROSECONDS:
        return seconds / work->amount * 1e6;
    case BENCH_MIB:
        break;
    }
    return 0.0;
}

/* Of the roofline: what the device could reach at most for so much to compute and to move. */
static void add_share(const bench_device *d, const bench_work *work, const bench_run *run,
                      double seconds, json_t *entry)
{
    double compute = d->peak[BENCH_PEAK_MULTIPLY_ADD], memory = d->peak[BENCH_PEAK_BANDWIDTH];
    if (work->is_peak || run->error < 0.0 || work->unit == BENCH_MICROSECONDS)
        return;
    bool is_model = work->unit == BENCH_IMAGES;
    double by_compute = compute > 0.0 ? run->flop / compute : 0.0;
    double by_memory = memory > 0.0 && !is_model ? run->bytes / memory : 0.0;
    double at_best = fmax(by_compute, by_memory);
    if (at_best <= 0.0)
        return;
    json_object_set_new(entry, "share_of_peak", json_real(at_best / seconds));
    json_object_set_new(entry, "share_of",
                        json_string(by_compute >= by_memory ? "multiply_add" : "bandwidth"));
}

/* The keys by which a figure alone is asked for. */
static void add_named(const bench_work *work, double median, double least, double most,
                      json_t *entry)
{
    if (work->unit == BENCH_IMAGES) {
        json_object_set_new(entry, "images_per_s", json_real(median));
        json_object_set_new(entry, "images_per_s_min", json_real(least));
        json_object_set_new(entry, "images_per_s_max", json_real(most));
    } else if (work->unit == BENCH_GFLOPS) {
        json_object_set_new(entry, "gflops", json_real(median));
    } else if (work->unit == BENCH_GBS) {
        json_object_set_new(entry, "gb_per_s", json_real(median));
    }
}

static void add_times(bench *b, bench_device *d, const bench_work *work, const bench_run *run,
                      const bench_samples *samples, json_t *entry)
{
    spread s = spread_of(samples);
    bool lower = work->unit == BENCH_MICROSECONDS;
    double median = figure(work, run, s.median);
    double least = figure(work, run, lower ? s.least : s.most);
    double most = figure(work, run, lower ? s.most : s.least);
    bool busy = 2 * samples->clean < samples->count;
    json_object_update_new(entry, json_pack("{s:f,s:f,s:f,s:f,s:i,s:i,s:b,s:f}", "value", median,
                                            "min", least, "max", most, "seconds", s.median,
                                            "samples", samples->count, "clean", samples->clean,
                                            "busy", busy, "error", fmax(run->error, 0.0)));
    if (run->flop > 0.0)
        json_object_set_new(entry, "flop", json_real(run->flop));
    if (run->bytes > 0.0)
        json_object_set_new(entry, "bytes", json_real(run->bytes));
    add_named(work, median, least, most, entry);
    if (work->is_peak) {
        double rate = (work->unit == BENCH_GFLOPS ? run->flop : run->bytes) / s.median;
        d->peak[work->peak] = fmax(d->peak[work->peak], rate);
        d->lanes.flop_peak = d->peak[BENCH_PEAK_MULTIPLY_ADD];
        d->lanes.byte_peak = d->peak[BENCH_PEAK_BANDWIDTH];
    }
    add_share(d, work, run, s.median, entry);
    if (busy)
        bench_note(b, "%s: %s, %s: other programs kept the machine busy; do not trust it",
                   d->info.id, work->suite, work->name);
}

void bench_result_add(bench *b, bench_device *device, const bench_work *work, const bench_run *run,
                      const bench_samples *samples)
{
    json_t *entry = json_pack("{s:s,s:s,s:s}", "suite", work->suite, "name", work->name, "unit",
                              unit_name(work->unit));
    if (work->unit != BENCH_MIB)
        add_times(b, device, work, run, samples, entry);
    if (work->model)
        json_object_update_new(entry, json_pack("{s:s,s:s,s:i}", "model", work->model, "method",
                                                work->method, "batch_size", work->batch_size));
    if (run->extra)
        json_object_update(entry, run->extra);
    json_array_append_new(device->results, entry);
}

void bench_result_failed(bench *b, bench_device *device, const bench_work *work, const char *why)
{
    char line[1200];
    json_array_append_new(device->failures, json_pack("{s:s,s:s,s:o}", "suite", work->suite, "name",
                                                      work->name, "why", cli_json_text(why)));
    snprintf(line, sizeof(line), "%s: %s, %s: not measured: %.900s", device->info.id, work->suite,
             work->name, why);
    if (b->c->console->level >= GRAFT_LOG_WARN)
        cli_console_message(b->c->console, GRAFT_LOG_WARN, line);
}
