/* How everything is timed: warm-up until steady, then samples by turns. docs/bench.md, "Rules". */
#include "command/bench/bench.h"
#include "command/bench/machine.h"
#include "command/bench/result.h"

#include "command/console/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_RUNS = 12, ENOUGH = 9, MOST = 3 * ENOUGH, LEAST = 3 };
static const double SAMPLE_SECONDS = 0.1, STEADY = 0.05;

/* What is being measured on one device. */
typedef struct lane {
    bench_device *device;
    bench_run run;
    bool open;
    int repeat; /* runs of a sample */
    bench_samples samples;
} lane;

static bool stopped(const bench *b)
{
    return *b->stop != 0;
}

/* Runs `repeat` times; *seconds is the time of one. */
static graft_status take(bench *b, lane *l, int repeat, double *seconds)
{
    graft_status status = GRAFT_OK;
    bench_patience_blocks(&b->patience);
    double start = cli_seconds();
    for (int i = 0; i < repeat && status == GRAFT_OK; i++)
        status = l->run.once(l->run.state);
    *seconds = (cli_seconds() - start) / repeat;
    bench_patience_goes_on(&b->patience);
    return status;
}

/* Until two samples in a row agree, or it has been tried often enough. */
static graft_status warm_up(bench *b, lane *l, double *seconds)
{
    double before, start = cli_seconds();
    CLI_TRY(take(b, l, 1, seconds)); /* drivers may still be compiling: it does not count */
    int runs = 1;
    for (int i = 0; i < WARM_RUNS && !stopped(b); i++) {
        before = *seconds;
        CLI_TRY(take(b, l, runs, seconds));
        l->repeat = (int)ceil(SAMPLE_SECONDS / fmax(*seconds, 1e-7));
        runs = (l->repeat + 3) / 4;
        if (fabs(*seconds - before) <= STEADY * *seconds ||
            cli_seconds() - start > 0.2 * b->allowance)
            break;
    }
    return GRAFT_OK;
}

/* A sample, and whether other programs left it alone: they had no more than a twentieth of one
 * processor. */
static graft_status sample(bench *b, const bench_work *work, lane *l)
{
    double start = cli_seconds(), cpu = bench_cpu_seconds(), busy = bench_busy_seconds(), seconds;
    CLI_TRY(take(b, l, l->repeat, &seconds));
    double took = cli_seconds() - start;
    cli_trace_until_now(&l->device->lanes, work->name, start);
    double others = bench_busy_seconds() - busy - (bench_cpu_seconds() - cpu);
    bench_samples_add(&l->samples, seconds, others <= fmax(0.05 * took, 0.02));
    return GRAFT_OK;
}

static void fail_lane(bench *b, const bench_work *work, lane *l, graft_status status)
{
    char text[1024];
    graft_log_error(b->c->log, text, sizeof(text));
    const char *why = b->c->error[0] ? b->c->error : text[0] ? text : graft_status_text(status);
    bench_result_failed(b, l->device, work, why);
    b->c->error[0] = '\0';
    if (l->open)
        l->run.close(l->run.state);
    json_decref(l->run.extra);
    l->open = false;
}

/* Prepares one device; where one run would take too long, leaves it out with a line. */
static void open_lane(bench *b, const bench_work *work, lane *l)
{
    char name[160];
    double seconds = 0.0, start = cli_seconds();
    bench_patience_blocks(&b->patience);
    graft_status status = work->open(b, l->device, work, &l->run);
    bench_patience_goes_on(&b->patience);
    snprintf(name, sizeof(name), "prepare and check %s", work->name);
    cli_trace_until_now(&l->device->lanes, name, start);
    l->open = status == GRAFT_OK;
    if (l->open && work->unit != BENCH_MIB)
        status = warm_up(b, l, &seconds);
    if (status != GRAFT_OK) {
        fail_lane(b, work, l, status);
    } else if (seconds * LEAST > b->allowance && !work->is_peak) {
        bench_note(b, "%s: %s, %s: left out: one run takes %.1f s", l->device->info.id, work->suite,
                   work->name, seconds);
        l->run.close(l->run.state);
        json_decref(l->run.extra);
        l->open = false;
    }
}

static bool wants_more(const bench *b, const lane *l, double spent)
{
    if (!l->open || stopped(b))
        return false;
    if (spent >= b->allowance)
        return l->samples.count < LEAST;
    if (l->samples.count >= ENOUGH && l->samples.clean == 0)
        return false; /* the other program will not end soon */
    return l->samples.clean < ENOUGH && l->samples.count < MOST;
}

/* By turns, and every other round the other way round. */
static void take_turns(bench *b, const bench_work *work, lane *lanes, int count)
{
    double start = cli_seconds();
    bool more = true;
    for (int round = 0; more; round++) {
        more = false;
        for (int i = 0; i < count; i++) {
            lane *l = &lanes[round % 2 ? count - 1 - i : i];
            if (!wants_more(b, l, (cli_seconds() - start) / count))
                continue;
            graft_status status = sample(b, work, l);
            if (status != GRAFT_OK)
                fail_lane(b, work, l, status);
            more = true;
        }
    }
}

/* What is left of the whole is shared by what is left to do; nothing gets more than its own. */
static double allowance_of(const bench *b, size_t done)
{
    double left = b->most_seconds - (cli_seconds() - b->started);
    double share = left / (double)(b->work_count - done) / b->device_count;
    return fmin(b->most_each, fmax(share, 2.0));
}

/* Preparing takes as long as it takes; none begins once the time for all is over. */
static bool is_late(bench *b, const bench_work *work, const bench_device *device)
{
    if (cli_seconds() - b->started < b->most_seconds)
        return false;
    bench_note(b, "%s: %s, %s: left out: the %.0f s of the suite are over", device->info.id,
               work->suite, work->name, b->most_seconds);
    return true;
}

static void measure_one(bench *b, const bench_work *work, lane *lanes)
{
    for (int i = 0; i < b->device_count && !stopped(b); i++) {
        lanes[i] = (lane){.device = &b->devices[i], .repeat = 1};
        if (!is_late(b, work, &b->devices[i]))
            open_lane(b, work, &lanes[i]);
    }
    if (work->unit != BENCH_MIB)
        take_turns(b, work, lanes, b->device_count);
    for (int i = 0; i < b->device_count; i++) {
        lane *l = &lanes[i];
        if (!l->open)
            continue;
        if (work->unit == BENCH_MIB || l->samples.count)
            bench_result_add(b, l->device, work, &l->run, &l->samples);
        l->run.close(l->run.state);
        json_decref(l->run.extra);
    }
    memset(lanes, 0, (size_t)b->device_count * sizeof(*lanes));
}

static void show_progress(bench *b, size_t done)
{
    char text[200];
    const bench_work *work = &b->works[done];
    double spent = cli_seconds() - b->started;
    double left = done ? spent / (double)done * (double)(b->work_count - done)
                       : 2.0 * (double)(b->work_count * (size_t)b->device_count);
    snprintf(text, sizeof(text), "%zu/%zu  %s  %s", done + 1, b->work_count, work->suite,
             work->name);
    cli_progress_text(&b->progress, text, left);
}

graft_status bench_measure(bench *b)
{
    lane *lanes = calloc((size_t)b->device_count, sizeof(*lanes));
    if (!lanes)
        return cli_fail(b->c, GRAFT_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < b->work_count && !stopped(b); i++) {
        show_progress(b, i);
        b->allowance = allowance_of(b, i);
        measure_one(b, &b->works[i], lanes);
    }
    free(lanes);
    cli_progress_finish(&b->progress);
    return stopped(b) ? GRAFT_ERR_INTERRUPTED : GRAFT_OK;
}
