/* Whether a device computes what it should: drivers and their compilers have bugs, and a wrong
 * result looks like any other.
 *
 * The self-test runs small graphs of every kind of operator, of shapes that are known to break
 * drivers (narrow, odd, one row more than a multiple of a vector), forward and backward, and
 * compares them with the reference, plain C on the CPU. A kernel that is wrong where another one
 * does the same is banned on this device; what has no other makes the device unusable, with the
 * reason. The verdict is kept in the device's cache directory for this driver and these kernels.
 */
#ifndef GRAFT_SELFTEST_H
#define GRAFT_SELFTEST_H

#include <graft/device.h>
#include <stdbool.h>

/* One comparison. Texts live for the call that shows it. */
typedef struct graft_selftest_check {
    const char *name;   /* "softmax 13x197" */
    const char *kernel; /* "softmax=lanes8": that row was forced; "": the one that is chosen */
    bool passed;        /* error is at most tolerance */
    double error;       /* largest difference from the reference, over its largest value; a large
                         * number when one of them is not finite, or nothing was computed */
    double tolerance;
    double seconds;      /* on the device, with what its driver compiled */
    const char *message; /* "", or why nothing was computed */
} graft_selftest_check;

/* Filled in by graft_selftest_defaults(); may grow at the end. */
typedef struct graft_selftest_params {
    bool all; /* every row of every kernel that can run on the device, not only those chosen */
    /* Called after each check; may be NULL. False stops: then nothing is kept. */
    bool (*report)(void *user, const graft_selftest_check *check, int done, int total);
    void *user; /* borrowed for the call */
} graft_selftest_params;

typedef struct graft_selftest_result {
    bool known;    /* the device was tested, now or before */
    bool disabled; /* by GRAFT_DISABLE=selftest: nothing that was found before holds either */
    int checks, failed;
    double seconds;
    char banned[1024]; /* "" or "softmax=lanes8,..": not chosen any more */
    char refused[256]; /* "" or, in one line, what is wrong and cannot be avoided */
} graft_selftest_result;

GRAFT_BEGIN_DECLS

GRAFT_API void graft_selftest_defaults(graft_selftest_params *params);

/* Tests the device, bans what is wrong, and keeps the verdict. Takes a second or some, and as long
 * as the driver compiles; blocks. GRAFT_ERR_DEVICE when the device must not be used,
 * GRAFT_ERR_UNSUPPORTED for devices that there is nothing to compare of (reference and null) and
 * in a build without the reference, GRAFT_ERR_INTERRUPTED when `report` said so. Thread-safety: as
 * the device's. */
GRAFT_API graft_status graft_selftest(graft_log *log, graft_device *device,
                                      const graft_selftest_params *params,
                                      graft_selftest_result *result);

/* What is known of the device without testing it: result->known, banned and refused.
 * Thread-safety: as the device's. */
GRAFT_API void graft_selftest_known(const graft_device *device, graft_selftest_result *result);

GRAFT_END_DECLS

#endif
