/* How far a training run is: one line redrawn on a terminal, plain lines otherwise. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "command/console/command.h"

typedef struct cli_progress {
    cli_console *console;
    const volatile int *stop; /* becomes non-zero to end what runs */
    double shown;             /* seconds; when the last line was printed */
    double accuracy;          /* that it told */
    const char *phase;        /* begins the line; NULL: there is one phase only */
    bool started;
    char last[256]; /* the latest training step */
    bool last_shown;
} cli_progress;

/* Since some moment in the past; never goes back. */
double cli_seconds(void);

/* "1:23", "2:03:05" */
void cli_time_text(double seconds, char *text, size_t size);

void cli_progress_start(cli_progress *progress, cli_console *console, const volatile int *stop);

/* A callback of graft_train; `user` is the progress. False once it is to stop. */
bool cli_progress_show(void *user, const graft_train_progress *state);

/* What is running from now on; borrows the text. */
void cli_progress_phase(cli_progress *progress, const char *phase);

/* A line of another kind, with the time left. */
void cli_progress_text(cli_progress *progress, const char *text, double seconds_left);

/* Shows the last state, and leaves the line on the screen. */
void cli_progress_finish(cli_progress *progress);

#endif
