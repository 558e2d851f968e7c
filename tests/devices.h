/* The devices of this machine, for tests that run the same cases on all of them.
 *
 *     static void copies_buffers(void **state)
 *     {
 *         const test_target *target = *state;
 *         ... target->device ...
 *     }
 *     int main(void)
 *     {
 *         const test_case cases[] = {TEST_CASE(copies_buffers)};
 *         return TEST_RUN("buffers", cases, TEST_EXECUTING);
 *     }
 *
 * GRAFT_TEST_DEVICES=opencl:0,vulkan:0 restricts a run; what is left out is printed. GRAFT_LOG=1
 * (errors) to 5 (trace) prints the log.
 */
#ifndef TEST_DEVICES_H
#define TEST_DEVICES_H

#include "device/device.h"

#ifdef _WIN32 /* has not these two of POSIX */
#include <stdlib.h>
static inline int setenv(const char *name, const char *value, int overwrite)
{
    return _putenv_s(name, value);
}

static inline int unsetenv(const char *name)
{
    return _putenv_s(name, "");
}
#endif

#define TEST_MAX_DEVICES 16

typedef struct test_devices {
    graft_log *log;
    gr_device *null;
    gr_device *reference;             /* NULL when it is not built in */
    gr_device *gpu[TEST_MAX_DEVICES]; /* every OpenCL and Vulkan device, CPU drivers included */
    int gpu_count;
    gr_device *all[TEST_MAX_DEVICES + 2]; /* null, reference, then `gpu` */
    int count;
} test_devices;

/* Group fixtures of cmocka, for tests that want all devices at once: *state becomes a
 * test_devices. Opening fails when a listed device does not open, and when GRAFT_TEST_DEVICES names
 * one that is not there. */
int test_devices_open(void **state);
int test_devices_close(void **state);

/* What the *state of a test_case points to. */
typedef struct test_target {
    gr_device *device;
    const test_devices *devices;
} test_target;

static inline gr_device *test_device_of(void **state)
{
    return ((const test_target *)*state)->device;
}

static inline bool test_is_reference(const test_target *target)
{
    return target->device == target->devices->reference;
}

typedef struct test_case {
    const char *name;
    void (*run)(void **state);
} test_case;

typedef enum test_which {
    TEST_GPU,       /* OpenCL and Vulkan */
    TEST_EXECUTING, /* and reference */
    TEST_ALL,       /* and null */
    TEST_REFERENCE, /* alone */
} test_which;

/* Runs every case on every device, as a test "case opencl:0" each, and returns the exit code of the
 * program: 77 (skipped) when there is no such device. */
int test_run(const char *group, const test_case *cases, int count, test_which which);

#define TEST_CASE(function)                                                                        \
    {                                                                                              \
#function, function                                                                        \
    }
#define TEST_RUN(group, cases, which)                                                              \
    test_run(group, cases, (int)(sizeof(cases) / sizeof((cases)[0])), which)

/* A log that prints as GRAFT_LOG tells. */
graft_log *test_log_create(void);

/* Group fixtures of cmocka, for tests that want a log only: *state becomes a graft_log. */
int test_log_open(void **state);
int test_log_close(void **state);

/* Fails the running test with the latest error unless `status` is GRAFT_OK. */
#define TEST_OK(log, status) test_assert_ok(log, status, __FILE__, __LINE__)
void test_assert_ok(graft_log *log, graft_status status, const char *file, int line);

/* Fails the running test unless the latest error contains `expected`. */
void test_assert_error(graft_log *log, const char *expected);

#endif
