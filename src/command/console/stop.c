#include "command/console/stop.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static const int INTERRUPTED = 130;

/* Signal handlers can reach nothing but globals. */
static volatile int stop;

static void handle(int signal_number)
{
    static const char text[] = "\ngraft: stopping after this step; once more to end at once\n";
    int saved = errno;
    (void)signal_number;
    if (stop)
        _exit(INTERRUPTED);
    stop = 1;
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)ignored;
    errno = saved;
}

const volatile int *cli_stop_on_signals(void)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &stop;
}
