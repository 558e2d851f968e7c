#include "command/console/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Seconds between two lines. */
static const double REDRAW = 0.1, PLAIN = 5.0;

double cli_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void cli_progress_start(cli_progress *progress, cli_console *console, const volatile int *stop)
{
    *progress = (cli_progress){.console = console, .stop = stop, .accuracy = -1.0};
}

void cli_time_text(double seconds, char *text, size_t size)
{
    long left = seconds > 0.0 && seconds < 1e9 ? (long)(seconds + 0.5) : 0;
    if (left >= 3600)
        snprintf(text, size, "%ld:%02ld:%02ld", left / 3600, left / 60 % 60, left % 60);
    else
        snprintf(text, size, "%ld:%02ld", left / 60, left % 60);
}

static void progress_text(const graft_train_progress *p, char *text, size_t size)
{
    char accuracy[32] = "", left[32];
    if (p->accuracy >= 0.0)
        snprintf(accuracy, sizeof(accuracy), "  accuracy %.1f%%", 100.0 * p->accuracy);
    if (p->evaluating) {
        snprintf(text, size, "epoch %d/%d  evaluating %" PRIu64 "/%" PRIu64 "%s", p->epoch,
                 p->epochs, p->step, p->steps, accuracy);
        return;
    }
    cli_time_text(p->seconds_left, left, sizeof(left));
    /* A narrow terminal cuts the end: what is needed least stands there. */
    snprintf(text, size,
             "epoch %d/%d  step %" PRIu64 "/%" PRIu64 "  %s left  %.*f images/s  loss %.4f%s",
             p->epoch, p->epochs, p->step, p->steps, left, p->images_per_second < 100.0 ? 1 : 0,
             p->images_per_second, (double)p->loss, accuracy);
}

static void draw(cli_progress *progress, const char *text)
{
    char line[sizeof(progress->last) + 32];
    snprintf(line, sizeof(line), "%s%s%s", progress->phase ? progress->phase : "",
             progress->phase ? "  " : "", text);
    if (progress->console->terminal)
        cli_console_status(progress->console, line);
    else if (progress->console->level >= GRAFT_LOG_INFO)
        cli_console_message(progress->console, GRAFT_LOG_INFO, line);
    progress->started = true;
    progress->shown = cli_seconds();
}

static bool is_due(const cli_progress *progress)
{
    double pause = progress->console->terminal ? REDRAW : PLAIN;
    return !progress->started || cli_seconds() - progress->shown >= pause;
}

void cli_progress_phase(cli_progress *progress, const char *phase)
{
    if (progress->phase && strcmp(progress->phase, phase) == 0)
        return;
    if (progress->last[0] && !progress->last_shown)
        draw(progress, progress->last);
    cli_console_keep_status(progress->console);
    cli_progress_start(progress, progress->console, progress->stop);
    progress->phase = phase;
}

void cli_progress_text(cli_progress *progress, const char *text, double seconds_left)
{
    char left[32];
    cli_time_text(seconds_left, left, sizeof(left));
    snprintf(progress->last, sizeof(progress->last), "%s  %s left", text, left);
    progress->last_shown = is_due(progress);
    if (progress->last_shown)
        draw(progress, progress->last);
}

bool cli_progress_show(void *user, const graft_train_progress *state)
{
    cli_progress *progress = user;
    bool news = state->accuracy >= 0.0 && state->accuracy != progress->accuracy;
    bool due = is_due(progress) || news;
    char text[sizeof(progress->last)] = "";
    progress_text(state, text, sizeof(text));
    if (!state->evaluating)
        memcpy(progress->last, text, sizeof(text));
    progress->last_shown = due && !state->evaluating;
    if (due) {
        draw(progress, text);
        progress->accuracy = state->accuracy;
    }
    return !*progress->stop;
}

void cli_progress_finish(cli_progress *progress)
{
    if (progress->last[0] && !progress->last_shown)
        draw(progress, progress->last);
    cli_console_keep_status(progress->console);
}
