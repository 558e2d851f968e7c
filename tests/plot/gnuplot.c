/* Figures drawn by gnuplot: what comes back, and what is said when nothing does. */
#include "command/plot/gnuplot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Draws, or skips the test where there is no gnuplot. */
static graft_status draw(const char *script, char **svg, char error[256])
{
    const gr_figure figure = {.name = "test", .script = script, .width = 300, .height = 200};
    graft_status status = gr_gnuplot_svg(&figure, svg, error);
    if (status == GRAFT_ERR_NOT_FOUND) {
        print_message("skipped: %s\n", error);
        skip();
    }
    return status;
}

static void test_draws_an_element(void **state)
{
    char *svg, error[256];
    assert_int_equal(
        draw("$d << EOD\n1 2\n2 3\nEOD\nplot $d title 'foo_bar' with lines", &svg, error),
        GRAFT_OK);
    assert_memory_equal(svg, "<svg", 4);
    assert_non_null(strstr(svg, "viewBox=\"0 0 300 200\""));
    assert_non_null(strstr(svg, ">foo_bar<"));
    assert_non_null(strstr(svg, "</svg>"));
    free(svg);
}

static void test_pictures_are_inside(void **state)
{
    char *svg, error[256];
    assert_int_equal(
        draw("$d << EOD\n1 2\n3 4\nEOD\nplot $d matrix with image pixels", &svg, error), GRAFT_OK);
    assert_null(strstr(svg, "xlink:href='test"));
    assert_non_null(strstr(svg, "<polygon fill")); /* a pixel */
    free(svg);
}

static void test_tells_what_is_wrong(void **state)
{
    char *svg, error[256];
    assert_int_equal(draw("plot nonsense(x)", &svg, error), GRAFT_ERR_IO);
    assert_null(svg);
    assert_non_null(strstr(error, "undefined function: nonsense"));
    assert_null(strchr(error, '\n'));
    assert_int_equal(draw("x = 1", &svg, error), GRAFT_ERR_IO);
}

static void test_any_text_is_a_title(void **state)
{
    char *script, *svg, error[256];
    size_t size;
    FILE *f = open_memstream(&script, &size);
    fprintf(f, "plot 1 title ");
    gr_gnuplot_quote(f, "it's `date` @x \"q\" \\n\n%d{/Bold");
    fclose(f);
    assert_int_equal(draw(script, &svg, error), GRAFT_OK);
    assert_non_null(strstr(svg, "it's `date` @x \"q\" \\n?%d{/Bold"));
    free(script);
    free(svg);
}

static void test_absence_names_the_remedy(void **state)
{
    const char *path = getenv("PATH");
    char *svg, error[256], *kept = strdup(path ? path : "");
    setenv("PATH", "/nonexistent", 1);
    graft_status status = gr_gnuplot_svg(&(gr_figure){"test", "plot x", 0, 0}, &svg, error);
    setenv("PATH", kept, 1);
    free(kept);
    assert_int_equal(status, GRAFT_ERR_NOT_FOUND);
    assert_null(svg);
    assert_non_null(strstr(error, "tools/setup --with-figures"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws_an_element),         cmocka_unit_test(test_pictures_are_inside),
        cmocka_unit_test(test_tells_what_is_wrong),      cmocka_unit_test(test_any_text_is_a_title),
        cmocka_unit_test(test_absence_names_the_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
