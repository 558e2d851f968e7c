#include "command/console/console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void cli_console_init(cli_console *console)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool dumb = term && strcmp(term, "dumb") == 0;
    pthread_mutex_init(&console->lock, NULL);
    console->terminal = isatty(STDERR_FILENO) && !dumb;
    console->color = console->terminal && !(no_color && no_color[0]);
    console->drawn = false;
    console->level = GRAFT_LOG_INFO;
}

static const char *label(graft_log_level level)
{
    return level == GRAFT_LOG_WARN ? "warning: " : "";
}

static void clear_status(cli_console *console)
{
    if (console->drawn)
        fputs("\r\033[K", stderr);
    console->drawn = false;
}

void cli_console_message(void *user, graft_log_level level, const char *text)
{
    cli_console *console = user;
    const char *color = level == GRAFT_LOG_ERROR ? "\033[31m" : "\033[33m";
    bool colored = console->color && level <= GRAFT_LOG_WARN;
    pthread_mutex_lock(&console->lock);
    clear_status(console);
    fprintf(stderr, "%sgraft: %s%s%s\n", colored ? color : "", label(level), text,
            colored ? "\033[0m" : "");
    fflush(stderr);
    pthread_mutex_unlock(&console->lock);
}

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 8 ? size.ws_col : 80;
}

void cli_console_status(cli_console *console, const char *text)
{
    pthread_mutex_lock(&console->lock);
    fprintf(stderr, "\r%.*s\033[K", terminal_width() - 1, text);
    fflush(stderr);
    console->drawn = true;
    pthread_mutex_unlock(&console->lock);
}

void cli_console_keep_status(cli_console *console)
{
    pthread_mutex_lock(&console->lock);
    if (console->drawn)
        fputs("\n", stderr);
    console->drawn = false;
    pthread_mutex_unlock(&console->lock);
}

bool cli_console_set_level(cli_console *console, bool verbose)
{
    static const char *const names[] = {"none", "error", "warn", "info", "debug", "trace"};
    const char *wanted = getenv("GRAFT_LOG");
    int level = 0, count = (int)(sizeof(names) / sizeof(names[0]));
    if (!wanted || !wanted[0])
        wanted = "info";
    while (level < count && strcmp(wanted, names[level]) != 0)
        level++;
    bool known = level < count;
    if (!known)
        level = GRAFT_LOG_INFO;
    if (verbose && level < GRAFT_LOG_DEBUG)
        level = GRAFT_LOG_DEBUG;
    console->level = (graft_log_level)level;
    return known;
}

void cli_console_images(cli_console *c, long long done, long long total)
{
    char text[64];
    snprintf(text, sizeof(text), "%lld of %lld images", done, total);
    if (c->terminal)
        cli_console_status(c, text);
}
