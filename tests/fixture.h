/* A scratch directory and a log for one test, and checks of errors. */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"

typedef struct fixture {
    graft_log *log;
    void *memory;    /* scratch allocations of the test */
    char *directory; /* removed with everything in it */
} fixture;

/* cmocka's setup and teardown of one test: *state is a fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

#define TEST(function)   cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
#define RUN_TESTS(tests) cmocka_run_group_tests(tests, NULL, NULL)

/* Fails the test with the log's text. */
void check_ok(fixture *f, graft_status found);

/* The call must have failed with this status, and the log's message must hold each of the texts
 * (the list ends with NULL) in one line. */
void check_error(fixture *f, graft_status found, graft_status expected, ...);
#define assert_error(f, found, expected, ...) check_error(f, found, expected, __VA_ARGS__, NULL)

/* The path of a file in the scratch directory. */
char *path_of(fixture *f, const char *name);
FILE *open_in(fixture *f, const char *name, const char *mode);

/* Writes a file; folders on the way are made. */
void put_bytes(const char *path, const void *data, size_t size);
void put_text(const char *path, const char *text);

#endif
