/* A run as a process of the same command: a driver that crashes or runs out of memory takes one run
 * with it and not the sweep, and devices can be busy side by side whatever their drivers share. */
#ifndef SWEEP_CHILD_H
#define SWEEP_CHILD_H

#include "command/console/command.h"

#include <sys/types.h>

/* Starts this command with the arguments (a NULL ends them; the name of the command is put before
 * them). Output goes to the file `output`, messages are appended to `log`. The child has a group of
 * its own, so that a terminal's signals reach it through the sweep only, and is told to stop when
 * the sweep dies. */
graft_status sweep_child_start(cli *c, const char *const *arguments, const char *output,
                               const char *log, pid_t *pid);

/* Whether it has ended; *code is its exit code, or minus the signal. */
bool sweep_child_ended(pid_t pid, int *code);

/* Asks it to stop with a checkpoint. */
void sweep_child_stop(pid_t pid);

/* The last message in a log, without "graft: "; "" when there is none. */
void sweep_last_message(const char *log, char *text, size_t size);

#endif
