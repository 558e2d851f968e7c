/* What the tests of weight files share: a scratch directory, a log, and makers of hostile files. */
#ifndef TESTS_WEIGHTS_SUPPORT_H
#define TESTS_WEIGHTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "weights/tensors.h"

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

/* The path of a file in the scratch directory. */
char *path_of(fixture *f, const char *name);
int file_count(const char *directory);

void put_bytes(const char *path, const void *data, size_t size);
void put_text(const char *path, const char *text);

/* A file of safetensors structure with any header text and any data. */
void put_safetensors(const char *path, const char *header, const void *data, size_t size);

/* A .npy file: `header` is the Python literal. */
typedef struct blob {
    char *data;
    size_t size;
} blob;
blob npy(fixture *f, int version, const char *header, const void *data, size_t size);

/* A zip archive; method is ZIP_CM_STORE or ZIP_CM_DEFLATE. */
typedef struct zip_member {
    const char *name;
    blob content;
    int method;
} zip_member;
void put_zip(const char *path, const zip_member *members, size_t count);

/* The call must have failed with this status, and the log's message must hold each of the texts
 * (the list ends with NULL) in one line. */
void check_error(fixture *f, graft_status found, graft_status expected, ...);
#define assert_error(f, found, expected, ...) check_error(f, found, expected, __VA_ARGS__, NULL)

void check_tensor(const gr_tensors *tensors, const char *name, gr_dtype dtype, gr_shape shape);

/* check_tensor for F32, and every element must be equal. */
void check_values(const gr_tensors *tensors, const char *name, gr_shape shape, const float *values);

#endif
