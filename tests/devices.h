/* The devices of this machine, for tests that run the same cases on all of them.
 *
 * GRAFT_TEST_DEVICES=opencl:0,vulkan:0 restricts a run; what is left out is printed. Use as
 *     return cmocka_run_group_tests(tests, test_devices_open, test_devices_close);
 * and take the devices with
 *     test_devices *devices = *state;
 */
#ifndef TEST_DEVICES_H
#define TEST_DEVICES_H

#include "device/device.h"

#define TEST_MAX_DEVICES 16

typedef struct test_devices {
    graft_log *log; /* GRAFT_LOG=1 (errors) to 5 (trace) prints it */
    gr_device *null;
    gr_device *reference;             /* NULL when it is not built in */
    gr_device *gpu[TEST_MAX_DEVICES]; /* every OpenCL and Vulkan device, CPU drivers included */
    int gpu_count;
    gr_device *all[TEST_MAX_DEVICES + 2]; /* null, reference, then `gpu` */
    int count;
} test_devices;

/* Group fixtures of cmocka. Opening fails when a listed device does not open, and when
 * GRAFT_TEST_DEVICES names one that is not there. */
int test_devices_open(void **state);
int test_devices_close(void **state);

/* A log that prints as GRAFT_LOG tells. */
graft_log *test_log_create(void);

/* Fails the running test unless the latest error contains `expected`. */
void test_assert_error(graft_log *log, const char *expected);

#endif
