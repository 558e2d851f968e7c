#include "sweep/engine.h"

#include "sweep/child.h"
#include "cli/progress.h"
#include "sweep/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EXIT_INTERRUPTED = 130, MAX_WORKERS = 64, MAX_PATH = 4096 };

/* A device with the run that is on it. */
typedef struct worker {
    const char *device;
    sweep_run *run; /* NULL: idle */
    pid_t pid;
    int stage; /* 0: training; i: test on the i-th other data set */
    double started;
} worker;

typedef struct engine {
    cli *c;
    sweep_plan *plan;
    const volatile int *stop;
    worker workers[MAX_WORKERS];
    int worker_count;
    sweep_watch watch;
} engine;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static graft_status make_directories(cli *c, const char *folder)
{
    char path[MAX_PATH];
    snprintf(path, sizeof(path), "%s", folder);
    for (char *at = path + 1;; at++) {
        char end = *at;
        if (end != '/' && end != '\0')
            continue;
        *at = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return cli_fail(c, GRAFT_ERR_IO, "%s: %s", path, strerror(errno));
        if (end == '\0')
            return GRAFT_OK;
        *at = end;
    }
}

/* ---- Processes --------------------------------------------------------------------------- */

typedef struct paths {
    char settings[MAX_PATH], state[MAX_PATH], log[MAX_PATH], adapter[MAX_PATH];
    char output[MAX_PATH], part[MAX_PATH]; /* the result of the stage, and while it is written */
} paths;

static const json_t *target_of(const worker *w)
{
    return json_array_get(w->run->data->evaluate, (size_t)(w->stage - 1));
}

static bool find_paths(const worker *w, paths *p)
{
    char output[200] = "result.json", part[210];
    if (w->stage > 0)
        snprintf(output, sizeof(output), "evaluate-%s.json",
                 json_string_value(json_object_get(target_of(w), "name")));
    snprintf(part, sizeof(part), "%s.part", output);
    return sweep_run_path(w->run, "settings.json", p->settings, MAX_PATH) &&
           sweep_run_path(w->run, "checkpoint/state.safetensors", p->state, MAX_PATH) &&
           sweep_run_path(w->run, "log.txt", p->log, MAX_PATH) &&
           sweep_run_path(w->run, "adapter.safetensors", p->adapter, MAX_PATH) &&
           sweep_run_path(w->run, output, p->output, MAX_PATH) &&
           sweep_run_path(w->run, part, p->part, MAX_PATH);
}

static graft_status start_training(engine *e, worker *w, const paths *p)
{
    bool resume = access(p->state, F_OK) == 0;
    const char *arguments[] = {
        "train",   "--config",     p->settings,
        "--out",   w->run->folder, "--device",
        w->device, "--json",       resume ? "--resume" : NULL,
        NULL,
    };
    if (json_dump_file(w->run->settings, p->settings, JSON_INDENT(2)) != 0)
        return cli_fail(e->c, GRAFT_ERR_IO, "%s: cannot be written", p->settings);
    return sweep_child_start(e->c, arguments, p->part, p->log, &w->pid);
}

static graft_status start_test(engine *e, worker *w, const paths *p)
{
    const json_t *target = target_of(w);
    const char *split = json_string_value(json_object_get(target, "split"));
    const char *backbone = json_string_value(json_object_get(w->run->settings, "backbone"));
    const char *arguments[] = {
        "eval",
        "--backbone",
        backbone ? backbone : "",
        "--adapter",
        p->adapter,
        "--data",
        json_string_value(json_object_get(target, "data")),
        "--split",
        split ? split : "test",
        "--device",
        w->device,
        "--json",
        NULL,
    };
    return sweep_child_start(e->c, arguments, p->part, p->log, &w->pid);
}

static graft_status start_stage(engine *e, worker *w)
{
    paths p;
    if (!find_paths(w, &p))
        return cli_fail(e->c, GRAFT_ERR_ARGUMENT, "%s: the path is too long", w->run->folder);
    return w->stage == 0 ? start_training(e, w, &p) : start_test(e, w, &p);
}

/* Training, then a test on each other data set. */
static int stages_of(const sweep_run *run)
{
    return 1 + (run->candidate ? 0 : (int)json_array_size(run->data->evaluate));
}

/* The next stage from `from` on that has left no result; stages_of() when all have. */
static int next_stage(const worker *w, int from)
{
    worker probe = *w;
    for (probe.stage = from; probe.stage < stages_of(w->run); probe.stage++) {
        paths p;
        if (!find_paths(&probe, &p) || access(p.output, F_OK) != 0)
            break;
    }
    return probe.stage;
}

static graft_status start_run(engine *e, worker *w, sweep_run *run)
{
    w->run = run;
    w->started = now();
    run->state = SWEEP_RUNNING;
    CLI_TRY(make_directories(e->c, run->folder));
    w->stage = next_stage(w, 0);
    return start_stage(e, w);
}

/* ---- Ends -------------------------------------------------------------------------------- */

static void fail_run(engine *e, sweep_run *run, int code)
{
    char log[MAX_PATH] = "", title[160], text[MAX_PATH + 640];
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
    sweep_watch_done(&e->watch, e->plan, run, now() - w->started);
}

/* A stage left its result: on to the next one. */
static graft_status finish_stage(engine *e, worker *w)
{
    paths p;
    if (!find_paths(w, &p) || rename(p.part, p.output) != 0) {
        fail_run(e, w->run, 0);
        w->run = NULL;
        return GRAFT_OK;
    }
    w->stage = next_stage(w, w->stage + 1);
    if (w->stage < stages_of(w->run))
        return start_stage(e, w);
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
        sweep_run_add_seconds(run, now() - w->started);
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
            sweep_run_add_seconds(w->run, now() - w->started);
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
    sweep_active active[MAX_WORKERS];
    int count = 0;
    for (int i = 0; i < e->worker_count; i++)
        if (e->workers[i].run)
            active[count++] = (sweep_active){e->workers[i].run, now() - e->workers[i].started};
    sweep_watch_show(&e->watch, e->plan, active, count, e->worker_count, now());
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
    for (size_t i = 0; i < (devices ? devices : 1) && i < MAX_WORKERS; i++) {
        const json_t *device = json_array_get(plan->spec->devices, i);
        e.workers[e.worker_count++].device = device ? json_string_value(device) : "auto";
    }
    sweep_watch_start(&e.watch, c->console, now());
    graft_status status = sweep_engine_look(c, plan);
    if (status == GRAFT_OK)
        status = loop(&e);
    stop_all(&e);
    sweep_watch_end(&e.watch);
    return status;
}

graft_status sweep_engine_look(cli *c, sweep_plan *plan)
{
    for (int i = 0; i < plan->count; i++)
        if (sweep_run_ready(plan, &plan->runs[i]))
            CLI_TRY(sweep_run_prepare(c, plan, &plan->runs[i]));
    return GRAFT_OK;
}
