#include "analyze/singular.h"

#include "base/system.h"

#include <math.h>
#include <stdlib.h>

#ifdef _WIN32
#define LIBRARY "liblapacke.dll"
#else
#define LIBRARY "liblapacke.so.3"
#endif

/* LAPACKE_dgesdd(layout, job, m, n, a, lda, s, u, ldu, vt, ldvt); its integers have 32 bits. */
typedef int32_t dgesdd(int, char, int32_t, int32_t, double *, int32_t, double *, double *, int32_t,
                       double *, int32_t);

enum { COLUMNS = 102, NO_MEMORY = -1010, NO_MEMORY_TO_TRANSPOSE = -1011 };

/* NULL: there is no such library. */
static dgesdd *find_dgesdd(void)
{
    void *library = gr_shared_library_open(LIBRARY);
    return library ? (dgesdd *)gr_shared_library_function(library, "LAPACKE_dgesdd") : NULL;
}

bool gr_singular_available(void)
{
    return find_dgesdd() != NULL;
}

/* LAPACK stores by columns, so it sees the transpose, which has the same singular values. */
graft_status gr_singular_values(graft_log *log, const char *name, const float *matrix, int64_t rows,
                                int64_t cols, double *values)
{
    dgesdd *decompose = find_dgesdd();
    if (!decompose)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED, "%s: singular values " GR_SINGULAR_MISSING,
                       name);
    if (rows < 1 || cols < 1 || rows > INT32_MAX || cols > INT32_MAX)
        return gr_fail(log, GRAFT_ERR_SHAPE, "%s: no matrix: %lld x %lld", name, (long long)rows,
                       (long long)cols);
    double *copy = malloc((size_t)rows * (size_t)cols * sizeof(*copy));
    if (!copy)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", name);
    for (int64_t i = 0; i < rows * cols; i++)
        copy[i] = matrix[i];
    int32_t error = decompose(COLUMNS, 'N', (int32_t)cols, (int32_t)rows, copy, (int32_t)cols,
                              values, NULL, 1, NULL, 1);
    free(copy);
    if (error == NO_MEMORY || error == NO_MEMORY_TO_TRANSPOSE)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", name);
    if (error)
        return gr_fail(log, GRAFT_ERR_NUMERIC,
                       "%s: has no singular values: NaN or infinite numbers in it; train with a "
                       "lower `lr`",
                       name);
    return GRAFT_OK;
}

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
