#include "command/sweep/engine.h"

#include "command/sweep/child.h"
#include "command/sweep/folder.h"
#include "command/sweep/origin.h"
#include "command/sweep/stage.h"
#include "command/console/progress.h"
#include "command/sweep/progress.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

/* A device with the run that is on it. */
typedef struct worker {
    const char *device;
    sweep_run *run; /* NULL: idle */
    pid_t pid;      /* of its process, while there is a run */
    int stage;      /* see stage.h */
    double started;
} worker;

typedef struct engine {
    cli *c;
    sweep_plan *plan;
    const volatile int *stop;
    worker workers[SWEEP_MAX_DEVICES];
    int worker_count;
    sweep_progress progress;
} engine;

/* ---- Starts ------------------------------------------------------------------------------ */

/* Starts the worker's stage; when that fails the worker is idle and has no process. */
static graft_status start_stage(engine *e, worker *w)
{
    graft_status status = sweep_stage_start(e->c, e->plan, w->run, w->stage, w->device, &w->pid);
    if (status == GRAFT_OK)
        return GRAFT_OK;
    w->run->state = SWEEP_WAITING;
    w->run = NULL;
    return status;
}

static graft_status start_run(engine *e, worker *w, sweep_run *run)
{
    w->run = run;
    w->started = cli_seconds();
    w->stage = sweep_stage_next(run, 0);
    run->state = SWEEP_RUNNING;
    return start_stage(e, w);
}

/* ---- Ends -------------------------------------------------------------------------------- */

static void fail_run(engine *e, sweep_run *run, int code)
{
    char log[4096] = "", title[160], text[4800];
    sweep_run_path(run, "log.txt", log, sizeof(log));
    sweep_last_message(log, run->error, sizeof(run->error));
    if (code < 0)
        snprintf(run->error, sizeof(run->error), "killed by signal %d (%s)", -code,
                 strsignal(-code));
    run->state = SWEEP_FAILED;
    snprintf(text, sizeof(text), "%s: %s; see %s", sweep_run_title(run, title), run->error, log);
    if (e->c->console->level >= GRAFT_LOG_WARN)
        cli_console_message(e->c->console, GRAFT_LOG_WARN, text);
}

static void finish_run(engine *e, worker *w)
{
    sweep_run *run = w->run;
    run->state = SWEEP_WAITING;
    sweep_run_load(run);
    if (run->state != SWEEP_DONE) {
        snprintf(run->error, sizeof(run->error), "left no result");
        run->state = SWEEP_FAILED;
    }
    sweep_progress_done(&e->progress, e->plan, run, cli_seconds() - w->started);
}

/* A stage left its result: on to the next one. */
static graft_status finish_stage(engine *e, worker *w)
{
    if (sweep_stage_keep(w->run, w->stage)) {
        w->stage = sweep_stage_next(w->run, w->stage + 1);
        if (w->stage < sweep_stage_count(w->run))
            return start_stage(e, w);
    }
    finish_run(e, w);
    w->run = NULL;
    return GRAFT_OK;
}

/* What the end of the worker's process means. */
static graft_status handle_end(engine *e, worker *w, int code)
{
    sweep_run *run = w->run;
    if (code == 0)
        return finish_stage(e, w);
    if (w->stage == 0)
        sweep_run_add_seconds(run, cli_seconds() - w->started);
    w->run = NULL;
    if (code == EXIT_INTERRUPTED || *e->stop) {
        run->state = SWEEP_WAITING;
        return *e->stop ? GRAFT_OK
                        : cli_fail(e->c, GRAFT_ERR_INTERRUPTED, "%s: was stopped", run->folder);
    }
    fail_run(e, run, code);
    return code == EXIT_USAGE
               ? cli_fail(e->c, GRAFT_ERR_ARGUMENT, "%s: %s", run->folder, run->error)
               : GRAFT_OK;
}

static graft_status collect(engine *e)
{
    graft_status status = GRAFT_OK;
    for (int i = 0; i < e->worker_count; i++) {
        worker *w = &e->workers[i];
        int code;
        if (!w->run || !sweep_child_ended(w->pid, &code))
            continue;
        graft_status ended = handle_end(e, w, code);
        if (status == GRAFT_OK)
            status = ended;
    }
    return status;
}

/* Stops all and waits for them. */
static void stop_all(engine *e)
{
    for (int i = 0; i < e->worker_count; i++)
        if (e->workers[i].run)
            sweep_child_stop(e->workers[i].pid);
    for (int i = 0; i < e->worker_count; i++) {
        worker *w = &e->workers[i];
        int code;
        if (!w->run)
            continue;
        while (!sweep_child_ended(w->pid, &code))
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        if (w->stage == 0)
            sweep_run_add_seconds(w->run, cli_seconds() - w->started);
        w->run->state = SWEEP_WAITING;
        w->run = NULL;
    }
}

/* ---- The whole --------------------------------------------------------------------------- */

/* The next run that is to be started; those that are done already are noticed on the way. */
static graft_status next_run(engine *e, sweep_run **out)
{
    *out = NULL;
    for (int i = 0; i < e->plan->count; i++) {
        sweep_run *run = &e->plan->runs[i];
        if (!sweep_run_ready(e->plan, run))
            continue;
        CLI_TRY(sweep_run_prepare(e->c, e->plan, run));
        if (run->state == SWEEP_WAITING) {
            *out = run;
            break;
        }
    }
    return GRAFT_OK;
}

static graft_status fill_workers(engine *e, int *busy)
{
    *busy = 0;
    for (int i = 0; i < e->worker_count; i++) {
        worker *w = &e->workers[i];
        sweep_run *run = NULL;
        if (!w->run) {
            CLI_TRY(next_run(e, &run));
            if (run)
                CLI_TRY(start_run(e, w, run));
        }
        *busy += w->run != NULL;
    }
    return GRAFT_OK;
}

static void show(engine *e)
{
    sweep_active active[SWEEP_MAX_DEVICES];
    int count = 0;
    for (int i = 0; i < e->worker_count; i++)
        if (e->workers[i].run)
            active[count++] =
                (sweep_active){e->workers[i].run, cli_seconds() - e->workers[i].started};
    sweep_progress_show(&e->progress, e->plan, active, count, e->worker_count, cli_seconds());
}

static graft_status loop(engine *e)
{
    int busy = 0;
    do {
        CLI_TRY(collect(e));
        if (*e->stop)
            return cli_fail(e->c, GRAFT_ERR_INTERRUPTED,
                            "stopped; the same command goes on from there");
        CLI_TRY(fill_workers(e, &busy));
        show(e);
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    } while (busy > 0);
    return GRAFT_OK;
}

graft_status sweep_engine_run(cli *c, sweep_plan *plan, const volatile int *stop)
{
    engine e = {.c = c, .plan = plan, .stop = stop};
    size_t devices = json_array_size(plan->spec->devices);
    for (size_t i = 0; i < (devices ? devices : 1); i++) {
        const json_t *device = json_array_get(plan->spec->devices, i);
        e.workers[e.worker_count++].device = device ? json_string_value(device) : "auto";
    }
    sweep_progress_start(&e.progress, c->console, cli_seconds());
    graft_status status = sweep_engine_look(c, plan);
    if (status == GRAFT_OK)
        status = sweep_origins_check(c, plan);
    if (status == GRAFT_OK)
        status = loop(&e);
    stop_all(&e);
    sweep_progress_end(&e.progress);
    return status;
}

graft_status sweep_engine_look(cli *c, sweep_plan *plan)
{
    for (int i = 0; i < plan->count; i++)
        if (sweep_run_ready(plan, &plan->runs[i]))
            CLI_TRY(sweep_run_prepare(c, plan, &plan->runs[i]));
    return GRAFT_OK;
}
