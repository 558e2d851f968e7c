/* Comparing arrays of floats, and filling them with numbers that are the same in every run.
 *
 * Independent of the test framework. Thread-safety: safe.
 */
#ifndef TESTS_COMPARE_H
#define TESTS_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An element is right when |got - expected| <= absolute + relative * |expected|. */
typedef struct tolerance {
    double absolute, relative;
} tolerance;

typedef struct comparison {
    size_t count;
    size_t wrong;        /* elements outside the tolerance */
    double max_absolute; /* largest |got - expected| */
    double max_relative; /* largest |got - expected| / |expected|, where expected is not 0 */
    double nmse;         /* sum of (got - expected)^2 / sum of expected^2 */
    size_t worst;        /* the element whose error is largest as a multiple of its tolerance */
    float got, expected; /* of the worst element */
} comparison;

/* A NaN on either side is wrong; infinities must be equal. */
comparison compare_floats(const float *got, const float *expected, size_t count, tolerance allowed);

/* One line: how many elements are wrong, the worst one, and the error measures. */
void compare_describe(const comparison *result, char *text, size_t size_bytes);

/* Uniform in [low, high). */
void fill_uniform(float *x, size_t count, float low, float high, uint64_t seed);

/* Normal with mean 0. */
void fill_normal(float *x, size_t count, float deviation, uint64_t seed);

#endif
