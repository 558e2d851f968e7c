/* What the tests of the compute API share. */
#ifndef TEST_COMPUTE_H
#define TEST_COMPUTE_H

#include "devices.h"

#include <graft/graft.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline graft_device *device_of(void **state)
{
    return gr_device_to_public(test_device_of(state));
}

static inline graft_log *log_of(void **state)
{
    return ((const test_target *)*state)->devices->log;
}

/* The call fails with this status and a line with this text. */
#define CHECK_FAILS(log, call, status, text)                                                       \
    do {                                                                                           \
        assert_int_equal(call, status);                                                            \
        test_assert_error(log, text);                                                              \
    } while (0)

/* A program with one output. Fails the test when it is not made. */
graft_program *program_of(void **state, graft_value *output);

extern const test_case training_cases[], thread_cases[], bad_use_cases[];
extern const int training_count, thread_count, bad_use_count;

#endif
