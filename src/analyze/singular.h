/* The singular values of a matrix, on the host. */
#ifndef GR_ANALYZE_SINGULAR_H
#define GR_ANALYZE_SINGULAR_H

#include "base/log.h"

#include <stdbool.h>
#include <stdint.h>

/* What to do where there is no LAPACK. */
#define GR_SINGULAR_MISSING                                                                        \
    "need LAPACK, which is not installed; install it with tools/setup --with-figures (Debian: "    \
    "liblapacke)"

/* Whether there is LAPACK, which does the work: it is looked for at run time, and loaded by the
 * first call, so that programs which never ask do not have its threads. */
bool gr_singular_available(void);

/* values[min(rows, cols)], largest first, of matrix [rows, cols] that `name` names in messages.
 * Without LAPACK that is GRAFT_ERR_UNSUPPORTED; a matrix with NaN or infinity GRAFT_ERR_NUMERIC.
 * Thread-safety: safe. */
graft_status gr_singular_values(graft_log *log, const char *name, const float *matrix, int64_t rows,
                                int64_t cols, double *values);

/* exp of the entropy of values / sum(values): how many of them matter (Roy and Vetterli, "The
 * effective rank", 2007). 0 when all are zero. */
double gr_effective_rank(const double *values, int64_t count);

#endif
