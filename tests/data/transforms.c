#include "transforms.h"

#include "python.h"

#include <math.h>
#include <stdlib.h>

void run_transforms(fixture *f, const char *what, FILE *draws)
{
    if (draws)
        assert_int_equal(fclose(draws), 0);
    run_python(f, "data/transforms.py", what, "one of torch, torchvision and timm");
}

gr_random_key key_of(int number)
{
    return (gr_random_key){.seed = 9, .epoch = 2, .index = (uint32_t)number};
}

void compare_image(FILE *results, const gr_image *found, int number)
{
    size_t size = (size_t)(found->width * found->height) * 3;
    uint8_t *expected = malloc(size);
    assert_non_null(expected);
    assert_int_equal(fread(expected, 1, size, results), size);
    for (size_t i = 0; i < size; i++)
        if (found->pixels[i] != expected[i])
            fail_msg("draw %d: value %zu is %d instead of %d", number, i, found->pixels[i],
                     expected[i]);
    free(expected);
}

void compare_floats(FILE *results, const float *found, size_t count, float tolerance, int number)
{
    for (size_t i = 0; i < count; i++) {
        float expected;
        assert_int_equal(fread(&expected, sizeof(expected), 1, results), 1);
        if (!(fabsf(found[i] - expected) <= tolerance))
            fail_msg("draw %d: value %zu is %g instead of %g", number, i, (double)found[i],
                     (double)expected);
    }
}

void compare_end(FILE *file)
{
    char rest;
    assert_int_equal(fscanf(file, " %c", &rest), EOF);
    fclose(file);
}

void sample_add(sample *s, double value)
{
    s->sum += value;
    s->squares += value * value;
    s->fourths += value * value * value * value;
    s->count++;
}

/* Of `count` numbers with this sum and this sum of squares. */
static void compare(FILE *statistics, const char *name, double sum, double squares, int count)
{
    char expected_name[64];
    double expected, error, mean = sum / count;
    assert_int_equal(fscanf(statistics, "%63s %lf %lf", expected_name, &expected, &error), 3);
    assert_string_equal(name, expected_name);
    double variance = fmax(0.0, squares / count - mean * mean) / count;
    if (!(fabs(mean - expected) <= 4.5 * sqrt(variance + error * error) + 1e-9))
        fail_msg("%s: mean %g instead of %g, standard errors %g and %g", name, mean, expected,
                 sqrt(variance), error);
}

void compare_mean(FILE *statistics, const char *name, const sample *found)
{
    compare(statistics, name, found->sum, found->squares, found->count);
}

void compare_moments(FILE *statistics, const char *name, const sample *found)
{
    char square[64];
    snprintf(square, sizeof(square), "%s_square", name);
    compare_mean(statistics, name, found);
    compare(statistics, square, found->squares, found->fourths, found->count);
}
