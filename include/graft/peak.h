/* What a device can do at most, as kernels in graft's dialect reach it: what the speed of a program
 * is a share of. Memory, launches and copies are measured with programs and buffers. */
#ifndef GRAFT_PEAK_H
#define GRAFT_PEAK_H

#include <graft/device.h>

typedef enum graft_peak {
    GRAFT_PEAK_MULTIPLY_ADD,  /* of f32 in registers, flop: two for a multiply-add */
    GRAFT_PEAK_SHARED_MEMORY, /* what work-groups read of their shared memory, bytes */
} graft_peak;

/* Thread-safety: one thread at a time, as its device. */
typedef struct graft_peak_test graft_peak_test;

GRAFT_BEGIN_DECLS

/* Compiles the kernel, finds out how much of it runs for about 20 ms, and checks its results: a
 * wrong one is GRAFT_ERR_NUMERIC. GRAFT_ERR_UNSUPPORTED on a device that cannot run it (the
 * reference). Borrows `log` and `device`, which must outlive it. *out is NULL on failure. Blocks.
 */
GRAFT_API graft_status graft_peak_create(graft_log *log, graft_device *device, graft_peak peak,
                                         graft_peak_test **out);

/* Frees it and sets *test to NULL; NULL is accepted. */
GRAFT_API void graft_peak_destroy(graft_peak_test **test);

/* Runs it once. Blocks. */
GRAFT_API graft_status graft_peak_run(graft_peak_test *test);

/* Flop or bytes of a run. */
GRAFT_API double graft_peak_work(const graft_peak_test *test);

GRAFT_END_DECLS

#endif
