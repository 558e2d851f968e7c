#include "pillow.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

void run_pillow(fixture *f, const char *what)
{
    static const char *const pythons[] = {"python3", "/usr/bin/python3"};
    for (size_t i = 0; i < sizeof(pythons) / sizeof(pythons[0]); i++) {
        char *command = gr_printf(f->memory, "%s '%s/pillow.py' %s '%s'", pythons[i],
                                  GRAFT_TEST_SOURCE, what, f->directory);
        assert_non_null(command);
        int status = system(command);
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (code == 0)
            return;
        if (code != 77 && code != 127)
            fail_msg("%s: status %d", command, status);
    }
    print_message("skipped: Pillow (python3-pil) is not installed\n");
    skip();
}
