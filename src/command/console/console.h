/* Standard error: messages in lines of their own, and one status line that is redrawn on a
 * terminal. Colour only on a terminal, and not when NO_COLOR is set.
 *
 * Thread-safety: safe; messages may come from any thread of the library.
 */
#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

#include <graft/log.h>
#include <pthread.h>
#include <stdbool.h>

typedef struct cli_console {
    pthread_mutex_t lock;
    bool terminal, color;
    graft_log_level level; /* plain progress lines count as info */
    bool drawn;            /* the status line is on the screen */
} cli_console;

void cli_console_init(cli_console *console);

/* Prints "graft: text", or "graft: warning: text". A graft_log callback: `user` is the console. */
void cli_console_message(void *user, graft_log_level level, const char *text);

/* Draws the status line, cut to the width of the terminal. */
void cli_console_status(cli_console *console, const char *text);

/* "12 of 30 images", on a terminal. */
void cli_console_images(cli_console *console, long long done, long long total);

/* Leaves the status line behind as an ordinary line. */
void cli_console_keep_status(cli_console *console);

/* Sets the level to the one that GRAFT_LOG names, or info without it; `verbose` makes it at least
 * debug. False: GRAFT_LOG is not a level. */
bool cli_console_set_level(cli_console *console, bool verbose);

#endif
