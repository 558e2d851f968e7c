/* Runs the examples that compute on every device. Each checks its own result, so that on a device
 * which computes nothing it must fail.
 *
 *     compute-examples PROGRAM...
 */
#include "devices.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char **programs;

/* The exit code of a program that is given a device. */
static int run(const char *program, const char *device)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl(program, program, device, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void examples_are_right(void **state)
{
    const test_target *target = *state;
    bool computes = target->device != target->devices->null;
    for (int i = 0; programs[i]; i++) {
        int code = run(programs[i], target->device->info.id);
        if (code != (computes ? 0 : 1))
            fail_msg("%s %s: exit code %d", programs[i], target->device->info.id, code);
    }
}

int main(int argc, char **argv)
{
    const test_case cases[] = {TEST_CASE(examples_are_right)};
    programs = argv + 1;
    return TEST_RUN("examples", cases, TEST_ALL);
}
