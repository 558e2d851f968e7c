#include "analyze/singular.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#ifdef GRAFT_HAVE_LAPACKE
#include <lapacke.h>

bool gr_singular_available(void)
{
    return true;
}

/* LAPACK stores by columns, so it sees the transpose, which has the same singular values. */
graft_status gr_singular_values(graft_log *log, const char *name, const float *matrix, int64_t rows,
                                int64_t cols, double *values)
{
    if (rows < 1 || cols < 1 || rows > INT_MAX || cols > INT_MAX)
        return gr_fail(log, GRAFT_ERR_SHAPE, "%s: no matrix: %lld x %lld", name, (long long)rows,
                       (long long)cols);
    double *copy = malloc((size_t)rows * (size_t)cols * sizeof(*copy));
    if (!copy)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", name);
    for (int64_t i = 0; i < rows * cols; i++)
        copy[i] = matrix[i];
    lapack_int error = LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', (lapack_int)cols, (lapack_int)rows,
                                      copy, (lapack_int)cols, values, NULL, 1, NULL, 1);
    free(copy);
    if (error == LAPACK_WORK_MEMORY_ERROR || error == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", name);
    if (error)
        return gr_fail(log, GRAFT_ERR_NUMERIC,
                       "%s: has no singular values: NaN or infinite numbers in it; train with a "
                       "lower --lr",
                       name);
    return GRAFT_OK;
}

#else

bool gr_singular_available(void)
{
    return false;
}

graft_status gr_singular_values(graft_log *log, const char *name, const float *matrix, int64_t rows,
                                int64_t cols, double *values)
{
    return gr_fail(log, GRAFT_ERR_UNSUPPORTED, "%s: singular values: " GR_SINGULAR_MISSING, name);
}

#endif

double gr_effective_rank(const double *values, int64_t count)
{
    double sum = 0.0, entropy = 0.0;
    for (int64_t i = 0; i < count; i++)
        sum += values[i];
    for (int64_t i = 0; i < count && sum > 0.0; i++)
        if (values[i] > 0.0)
            entropy -= values[i] / sum * log(values[i] / sum);
    return sum > 0.0 ? exp(entropy) : 0.0;
}
