#include "command/sweep/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum { MAX_ARGUMENTS = 30, NOT_STARTED = 127 };

/* In the child: never returns. */
static void become(const char *const *arguments, int output, int log, pid_t parent,
                   const sigset_t *stops)
{
    const char *argv[MAX_ARGUMENTS + 2] = {"graft"};
    for (int i = 0; i < MAX_ARGUMENTS && arguments[i]; i++)
        argv[i + 1] = arguments[i];
    setpgid(0, 0);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
    if (getppid() != parent)
        _exit(NOT_STARTED);
    dup2(output, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, stops, NULL);
    execv("/proc/self/exe", (char *const *)argv);
    execvp("graft", (char *const *)argv);
    _exit(NOT_STARTED);
}

graft_status sweep_child_start(cli *c, const char *const *arguments, const char *output,
                               const char *log, pid_t *pid)
{
    int out = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int err = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    pid_t parent = getpid();
    sigset_t stops, before;
    /* One that comes while the child has the parent's handler would be lost. */
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigprocmask(SIG_BLOCK, &stops, &before);
    *pid = out >= 0 && err >= 0 ? fork() : -1;
    if (*pid == 0)
        become(arguments, out, err, parent, &stops);
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (out >= 0)
        close(out);
    if (err >= 0)
        close(err);
    if (*pid > 0)
        return GRAFT_OK;
    *pid = 0;
    return cli_fail(c, GRAFT_ERR_IO, "%s: cannot start a run: %s", out < 0 ? output : log,
                    strerror(error));
}

bool sweep_child_ended(pid_t pid, int *code)
{
    int status;
    pid_t found = waitpid(pid, &status, WNOHANG);
    if (found == 0 || (found < 0 && errno == EINTR))
        return false;
    *code = found < 0 ? -SIGKILL : WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    return true;
}

void sweep_child_stop(pid_t pid)
{
    if (pid > 0) /* anything else would be whole groups of processes */
        kill(pid, SIGINT);
}

void sweep_last_message(const char *log, char *text, size_t size)
{
    static const char prefix[] = "graft: ";
    char line[1024];
    FILE *file = fopen(log, "r");
    text[0] = '\0';
    if (!file)
        return;
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, prefix, strlen(prefix)) == 0)
            snprintf(text, size, "%s", line + strlen(prefix));
    }
    fclose(file);
}
