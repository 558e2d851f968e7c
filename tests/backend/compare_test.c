/* The comparison that other tests rely on must see every kind of wrong number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "compare.h"

#include <math.h>
#include <string.h>

static void test_measures(void **state)
{
    const float expected[] = {0, 2, -4, 0}, got[] = {0, 2.5f, -4, 0.25f};
    comparison c = compare_floats(got, expected, 4, (tolerance){0.125, 0.25});
    assert_int_equal(c.wrong, 1);
    assert_int_equal(c.worst, 3); /* 0.25 with 0.125 allowed, against 0.5 with 0.625 */
    assert_true(c.got == 0.25f && c.expected == 0);
    assert_true(c.max_absolute == 0.5 && c.max_relative == 0.25);
    assert_true(c.nmse == (0.25 + 0.0625) / 20);
    char text[256];
    compare_describe(&c, text, sizeof(text));
    assert_non_null(strstr(text, "1 of 4 wrong; worst is [3]: got 0.25, expected 0;"));
}

static void test_not_numbers(void **state)
{
    const tolerance wide = {1e30, 1e30};
    const float values[] = {1, NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            size_t wrong = i == j && i != 1 ? 0 : 1;
            assert_int_equal(compare_floats(&values[i], &values[j], 1, wide).wrong, wrong);
        }
    }
}

static void test_exact(void **state)
{
    const float expected[] = {1, 2}, got[] = {1, nextafterf(2, 3)};
    assert_int_equal(compare_floats(expected, expected, 2, (tolerance){0, 0}).wrong, 0);
    comparison c = compare_floats(got, expected, 2, (tolerance){0, 0});
    assert_true(c.wrong == 1 && c.worst == 1);
}

static void test_fills(void **state)
{
    enum { COUNT = 20001 };
    static float x[COUNT], y[COUNT];
    fill_uniform(x, COUNT, -1, 3, 7);
    double sum = 0, squares = 0;
    for (int i = 0; i < COUNT; i++) {
        assert_true(x[i] >= -1 && x[i] < 3);
        sum += x[i];
    }
    assert_true(fabs(sum / COUNT - 1) < 0.033); /* 4 standard errors: 4 * 4 / sqrt(12 * 20001) */
    fill_uniform(y, COUNT, -1, 3, 8);
    assert_true(memcmp(x, y, sizeof(x)) != 0);
    fill_uniform(y, COUNT / 2, -1, 3, 7); /* a shorter fill is the start of a longer one */
    assert_memory_equal(x, y, COUNT / 2 * sizeof(float));

    fill_normal(x, COUNT, 2, 7);
    for (int i = 0; i < COUNT; i++)
        squares += (double)x[i] * x[i];
    assert_true(fabs(squares / COUNT - 4) < 0.16); /* 4 standard errors: 4 * 4 * sqrt(2 / 20001) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_not_numbers),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_fills),
    };
    return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
