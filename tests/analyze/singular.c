/* Singular values of matrices that have known ones. */
#include "analyze/singular.h"

#include "fixture.h"

#include <math.h>

static void expect(fixture *f, const float *matrix, int rows, int cols, const double *expected)
{
    double values[8];
    check_ok(f, gr_singular_values(f->log, "matrix", matrix, rows, cols, values));
    for (int i = 0; i < (rows < cols ? rows : cols); i++)
        if (!(fabs(values[i] - expected[i]) < 1e-12 * expected[0]))
            fail_msg("%d x %d: singular value %d is %.15g, expected %.15g", rows, cols, i,
                     values[i], expected[i]);
}

static void need_lapack(void)
{
    if (!gr_singular_available()) {
        print_message("skipped: %s\n", GR_SINGULAR_MISSING);
        skip();
    }
}

static void test_known_matrices(void **state)
{
    fixture *f = *state;
    need_lapack();
    /* det 15, sum of squares 50: squares of the singular values are 45 and 5 */
    expect(f, (float[]){3, 0, 4, 5}, 2, 2, (double[]){sqrt(45), sqrt(5)});
    expect(f, (float[]){0, -2, 0, 7, 0, 0, 0, 0, 0.5f}, 3, 3, (double[]){7, 2, 0.5});
    expect(f, (float[]){1, 2, 2}, 1, 3, (double[]){3});
    expect(f, (float[]){1, 2, 2}, 3, 1, (double[]){3});
    /* (1, 2, 2) outer (3, 4): 3 * 5, and nothing else */
    expect(f, (float[]){3, 4, 6, 8, 6, 8}, 3, 2, (double[]){15, 0});
    expect(f, (float[]){3, 6, 6, 4, 8, 8}, 2, 3, (double[]){15, 0});
    /* orthogonal rows of lengths 5 and 10 */
    expect(f, (float[]){3, 4, 0, 0, -8, 6, 0, 0}, 2, 4, (double[]){10, 5});
}

static void test_refuses_what_has_none(void **state)
{
    fixture *f = *state;
    double values[2];
    need_lapack();
    assert_error(f, gr_singular_values(f->log, "fc1", (float[]){1, NAN, 0, 1}, 2, 2, values),
                 GRAFT_ERR_NUMERIC, "fc1", "NaN");
    assert_error(f, gr_singular_values(f->log, "fc2", NULL, 0, 2, values), GRAFT_ERR_SHAPE, "fc2");
}

static void test_says_what_is_missing(void **state)
{
    fixture *f = *state;
    double value;
    if (gr_singular_available()) {
        print_message("skipped: LAPACK is here\n");
        skip();
    }
    assert_error(f, gr_singular_values(f->log, "fc1", (float[]){1}, 1, 1, &value),
                 GRAFT_ERR_UNSUPPORTED, "fc1", "liblapacke");
}

static void test_effective_rank(void **state)
{
    (void)state;
    assert_true(fabs(gr_effective_rank((double[]){2, 2, 2, 2}, 4) - 4) < 1e-12);
    assert_true(fabs(gr_effective_rank((double[]){7, 0, 0}, 3) - 1) < 1e-12);
    /* probabilities 3/4 and 1/4: 4 / 3^(3/4) */
    assert_true(fabs(gr_effective_rank((double[]){3, 1}, 2) - 4 / pow(3, 0.75)) < 1e-12);
    assert_true(gr_effective_rank((double[]){0, 0}, 2) == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_known_matrices),
        TEST(test_refuses_what_has_none),
        TEST(test_says_what_is_missing),
        TEST(test_effective_rank),
    };
    return RUN_TESTS(tests);
}
