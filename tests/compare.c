#include "compare.h"

#include "base/philox.h"

#include <math.h>
#include <stdio.h>

/* |got - expected|, infinite where a NaN or only one infinity makes that senseless. */
static double error_of(float got, float expected)
{
    if (isnan(got) || isnan(expected))
        return INFINITY;
    return got == expected ? 0 : fabs((double)got - expected);
}

/* An error as a multiple of what is allowed: above 1 is wrong. */
static double severity_of(double error, float expected, tolerance allowed)
{
    double limit = allowed.absolute + allowed.relative * fabs((double)expected);
    if (error == 0)
        return 0;
    return isinf(error) || limit == 0 ? INFINITY : error / limit;
}

comparison compare_floats(const float *got, const float *expected, size_t count, tolerance allowed)
{
    comparison result = {.count = count};
    double worst_severity = -1, worst_error = -1, error_squares = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        double error = error_of(got[i], expected[i]);
        double severity = severity_of(error, expected[i], allowed);
        result.wrong += severity > 1;
        if (severity > worst_severity || (severity == worst_severity && error > worst_error)) {
            worst_severity = severity;
            worst_error = error;
            result.worst = i;
            result.got = got[i];
            result.expected = expected[i];
        }
        result.max_absolute = fmax(result.max_absolute, error);
        if (expected[i] != 0)
            result.max_relative = fmax(result.max_relative, error / fabs((double)expected[i]));
        error_squares += error * error;
        squares += (double)expected[i] * expected[i];
    }
    result.nmse = error_squares == 0 ? 0 : error_squares / squares;
    return result;
}

void compare_describe(const comparison *result, char *text, size_t size_bytes)
{
    snprintf(text, size_bytes,
             "%zu of %zu wrong; worst is [%zu]: got %.9g, expected %.9g; "
             "max absolute error %.3g, max relative %.3g, NMSE %.3g",
             result->wrong, result->count, result->worst, (double)result->got,
             (double)result->expected, result->max_absolute, result->max_relative, result->nmse);
}

/* Four words of the stream that `seed` names. */
static void draw(uint64_t seed, uint64_t block, uint32_t words[4])
{
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0};
    gr_philox_seeded(seed, counter, words);
}

void fill_uniform(float *x, size_t count, float low, float high, uint64_t seed)
{
    uint32_t words[4];
    for (size_t i = 0; i < count; i++) {
        if (i % 4 == 0)
            draw(seed, i / 4, words);
        x[i] = low + (high - low) * gr_philox_uniform(words[i % 4]);
    }
}

void fill_normal(float *x, size_t count, float deviation, uint64_t seed)
{
    uint32_t words[4];
    float pair[2];
    for (size_t i = 0; i < count; i++) {
        if (i % 4 == 0)
            draw(seed, i / 4, words);
        if (i % 2 == 0)
            gr_philox_normal(words[i % 4], words[i % 4 + 1], pair);
        x[i] = deviation * pair[i % 2];
    }
}
