/* Running one kernel on the reference device: arrays in, arrays out. */
#ifndef TESTS_BACKEND_REFERENCE_SUPPORT_H
#define TESTS_BACKEND_REFERENCE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backends/backend.h"

typedef struct fixture {
    graft_log *log;
    const gr_backend *backend;
    gr_device *device;
} fixture;

/* cmocka's setup and teardown of one test: *state is a fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

typedef struct array {
    void *words; /* floats or integers of 32 bits */
    size_t count;
} array;
#define ARRAY(x)                                                                                   \
    {                                                                                              \
        (x), sizeof(x) / 4                                                                         \
    }

typedef struct dispatch {
    const gr_kernel *kernel;
    const void *params;
    struct {
        const char *name;
        uint32_t value;
    } tunables[3];                 /* the others keep their defaults */
    uint32_t grid[3];              /* 0 means 1 */
    array arrays[GR_MAX_BINDINGS]; /* copied to the device before and back after the run */
} dispatch;

graft_status try_dispatch(fixture *f, const dispatch *d);

/* RUN(f, softmax, .params = &p, .arrays = {ARRAY(x), ARRAY(y)}) must succeed. */
void run_dispatch(fixture *f, const char *file, int line, const dispatch *d);
#define RUN(f, name, ...)                                                                          \
    run_dispatch(f, __FILE__, __LINE__, &(dispatch){.kernel = &gr_kernel_##name, __VA_ARGS__})

/* The same must fail with this status and leave all the texts in the log's error. */
void fail_dispatch(fixture *f, const char *file, int line, graft_status expected,
                   const char *const *texts, const dispatch *d);
#define FAULT(f, texts, name, ...)                                                                 \
    fail_dispatch(f, __FILE__, __LINE__, GRAFT_ERR_ARGUMENT, texts,                                \
                  &(dispatch){.kernel = &gr_kernel_##name, __VA_ARGS__})
#define TEXTS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* Every element within 1e-6 of what is expected (of the larger of 1 and its magnitude). */
void check_floats(const char *file, int line, const float *got, const float *expected,
                  size_t count);
#define CHECK(got, ...)                                                                            \
    do {                                                                                           \
        const float expected_[] = {__VA_ARGS__};                                                   \
        _Static_assert(sizeof(expected_) == sizeof(got), "one number for each element");           \
        check_floats(__FILE__, __LINE__, got, expected_, sizeof(expected_) / sizeof(float));       \
    } while (0)

/* The groups of tests, one file each; they return the number of failures. */
int reference_contract_tests(void);
int reference_dense_tests(void);
int reference_elementwise_tests(void);
int reference_signal_tests(void);
int reference_training_tests(void);

#endif
