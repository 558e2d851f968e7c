#include "command/sweep/progress.h"

#include "command/sweep/folder.h"
#include "command/console/progress.h"

#include <stdio.h>
#include <string.h>

static const double REDRAW = 0.5;

void sweep_progress_start(sweep_progress *progress, cli_console *console, double now)
{
    *progress = (sweep_progress){.console = console, .shown = now - REDRAW};
}

/* The last line of a file that tells an epoch. */
static double last_epoch(const char *path)
{
    char tail[1025];
    double epoch = 0.0;
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0.0;
    if (fseek(file, -(long)(sizeof(tail) - 1), SEEK_END) != 0)
        rewind(file);
    size_t length = fread(tail, 1, sizeof(tail) - 1, file);
    tail[length] = '\0';
    for (const char *at = tail; (at = strstr(at, "\"epoch\": ")); at++)
        sscanf(at, "\"epoch\": %lf", &epoch);
    fclose(file);
    return epoch;
}

double sweep_run_progress(const sweep_run *run)
{
    char path[4096];
    if (!sweep_run_path(run, "config.json", path, sizeof(path)))
        return 0.0;
    json_t *config = json_load_file(path, 0, NULL);
    double epochs = json_number_value(json_object_get(config, "epochs")) +
                    json_number_value(json_object_get(config, "cooldown-epochs"));
    json_decref(config);
    if (epochs <= 0.0 || !sweep_run_path(run, "metrics.jsonl", path, sizeof(path)))
        return 0.0;
    double part = last_epoch(path) / epochs;
    return part < 1.0 ? part : 1.0;
}

/* Seconds until all is done: the runs that wait take as long as those that ended, or as the running
 * ones seem to take. Negative: nothing is known yet. */
static double seconds_left(const sweep_progress *w, const sweep_active *active, int count,
                           const double *part, int waiting, int workers)
{
    double sum = w->done_seconds, running = 0.0;
    int known = w->done_runs;
    for (int i = 0; i < count; i++)
        if (part[i] > 0.02) {
            sum += active[i].seconds / part[i];
            known++;
        }
    if (known == 0)
        return -1.0;
    double each = sum / known;
    for (int i = 0; i < count; i++) {
        double whole = part[i] > 0.02 ? active[i].seconds / part[i] : each;
        running += whole > active[i].seconds ? whole - active[i].seconds : 0.0;
    }
    return (running + each * waiting) / workers;
}

static void count_states(const sweep_plan *plan, int count[4])
{
    memset(count, 0, 4 * sizeof(*count));
    for (int i = 0; i < plan->count; i++)
        count[plan->runs[i].state]++;
}

void sweep_progress_show(sweep_progress *w, const sweep_plan *plan, const sweep_active *active,
                         int count, int workers, double now)
{
    enum { SHOWN = 64 };
    double part[SHOWN];
    char text[512], title[160], left[32] = "";
    int states[4];
    if (!w->console->terminal || now - w->shown < REDRAW || count == 0)
        return;
    w->shown = now;
    count_states(plan, states);
    for (int i = 0; i < count && i < SHOWN; i++)
        part[i] = sweep_run_progress(active[i].run);
    double seconds = seconds_left(w, active, count, part, states[SWEEP_WAITING], workers);
    if (seconds >= 0.0)
        cli_time_text(seconds, left, sizeof(left));
    int used =
        snprintf(text, sizeof(text), "run %d of %d%s%s%s", states[SWEEP_DONE] + 1, plan->count,
                 seconds >= 0.0 ? "  " : "", left, seconds >= 0.0 ? " left" : "");
    for (int i = 0; i < count && used < (int)sizeof(text); i++)
        used += snprintf(text + used, sizeof(text) - (size_t)used, "  %s %.0f%%",
                         sweep_run_title(active[i].run, title), 100.0 * part[i]);
    cli_console_status(w->console, text);
}

void sweep_progress_done(sweep_progress *w, const sweep_plan *plan, const sweep_run *run,
                         double seconds)
{
    char text[320], title[160], time[32], accuracy[40] = "";
    const json_t *found = json_object_get(run->result, "accuracy");
    int states[4];
    w->done_seconds += seconds;
    w->done_runs++;
    if (w->console->level < GRAFT_LOG_INFO)
        return;
    count_states(plan, states);
    cli_time_text(seconds, time, sizeof(time));
    if (json_is_number(found))
        snprintf(accuracy, sizeof(accuracy), ", accuracy %.1f%%", 100.0 * json_number_value(found));
    snprintf(text, sizeof(text), "%d of %d done: %s%s, %s", states[SWEEP_DONE], plan->count,
             sweep_run_title(run, title), accuracy, time);
    cli_console_message(w->console, GRAFT_LOG_INFO, text);
}

void sweep_progress_end(sweep_progress *w)
{
    cli_console_keep_status(w->console);
}
