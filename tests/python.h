/* Runs the scripts in Python that tell what other libraries make of the same input. */
#ifndef TESTS_PYTHON_H
#define TESTS_PYTHON_H

#include "fixture.h"

#include <stdbool.h>

/* `script`: its path below tests/. It works on the fixture's folder, and exits with 77 where a
 * library is not installed: false with every Python of this machine, after naming `needed`. */
bool python_ran(fixture *f, const char *script, const char *what, const char *needed);

/* The same; the test is skipped when false. */
void run_python(fixture *f, const char *script, const char *what, const char *needed);

#endif
