#include "python.h"

#include "base/mem.h"

#include <stdlib.h>
#include <sys/wait.h>

bool python_ran(fixture *f, const char *script, const char *what, const char *needed)
{
    static const char *const pythons[] = {"python3", "/usr/bin/python3"};
    for (size_t i = 0; i < sizeof(pythons) / sizeof(pythons[0]); i++) {
        char *command = gr_printf(f->memory, "%s '%s/%s' %s '%s'", pythons[i], GRAFT_TEST_SOURCE,
                                  script, what, f->directory);
        assert_non_null(command);
        int status = system(command);
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (code == 0)
            return true;
        if (code != 77 && code != 127)
            fail_msg("%s: status %d", command, status);
    }
    print_message("skipped: %s is not installed\n", needed);
    return false;
}

void run_python(fixture *f, const char *script, const char *what, const char *needed)
{
    if (!python_ran(f, script, what, needed))
        skip();
}
