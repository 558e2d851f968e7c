/* Pictures of learned filters, with the frequency 0 in the middle of the rows. */
#include "command/cli/analyze.h"

#include <math.h>
#include <string.h>

static double value_at(const json_t *filter, const char *what, int place)
{
    return json_number_value(json_array_get(json_object_get(filter, what), (size_t)place));
}

/* The rows of a half spectrum in the order of their frequencies: those behind the middle are
 * negative. The cosine spectrum has no negative ones. */
static void picture(cli_figure *f, const json_t *filter, const char *what)
{
    int rows = cli_json_int(filter, "rows"), cols = cli_json_int(filter, "cols");
    bool turned = strncmp(cli_json_string(filter, "variant"), "2d", 2) == 0;
    int first = turned ? -((rows - 1) / 2) : 0;
    cli_figure_line(f, "$filter << EOD");
    for (int y = first; y < first + rows; y++)
        for (int x = 0; x < cols; x++)
            cli_figure_line(f, "%d %d %.6g", x, y,
                            value_at(filter, what, (y < 0 ? y + rows : y) * cols + x));
    cli_figure_line(f, "EOD\nset title 'before block %d'", cli_json_int(filter, "block"));
    if (rows > 1)
        cli_figure_plot(f, NULL, "$filter using 1:2:3 with image pixels");
    else
        cli_figure_plot(f, NULL, "$filter using 1:3 lt 1");
}

/* Counts the filters of a run, and finds the least and the greatest of their values. */
static size_t survey(const json_t *filters, int run, const char *what, double *low, double *high)
{
    size_t i, count = 0;
    const json_t *filter;
    *low = HUGE_VAL, *high = -HUGE_VAL;
    json_array_foreach(filters, i, filter)
    {
        if (cli_json_int(filter, "run") != run)
            continue;
        for (size_t k = 0; k < json_array_size(json_object_get(filter, what)); k++) {
            *low = fmin(*low, value_at(filter, what, (int)k));
            *high = fmax(*high, value_at(filter, what, (int)k));
        }
        count++;
    }
    return count;
}

static void filters_figure(cli_page *p, const json_t *filters, int run, const char *name,
                           const char *what, const char *meaning)
{
    size_t i;
    const json_t *filter;
    char caption[400];
    double low, high;
    cli_figure f;
    size_t count = survey(filters, run, what, &low, &high);
    if (count == 0)
        return;
    cli_panels_begin(&f, count);
    cli_figure_line(&f,
                    "unset grid\nset palette defined (0 '#081d58', 0.5 '#41b6c4', 1 '#ffffd9')\n"
                    "unset colorbox\nset cbrange [%.9g:%.9g]\nset autoscale fix",
                    low, high > low ? high : low + 1.0);
    json_array_foreach(filters, i, filter)
    {
        if (cli_json_int(filter, "run") == run)
            picture(&f, filter, what);
    }
    cli_figure_line(&f, "unset multiplot");
    snprintf(caption, sizeof(caption),
             "%.100s: %s, mean over channels, by the frequency along rows and columns; from %.4g "
             "(dark) to %.4g (light).",
             name, meaning, low, high);
    cli_page_figure(p, &f, caption);
}

void cli_analyze_filters(cli_page *p, const json_t *report)
{
    size_t i;
    const json_t *run, *filters = json_object_get(report, "filters");
    json_array_foreach(json_object_get(report, "runs"), i, run)
    {
        const char *name = cli_json_string(run, "name");
        filters_figure(p, filters, (int)i, name, "magnitude", "the learned filter |K|");
        filters_figure(p, filters, (int)i, name, "gain",
                       "the factor |1 + scale K| with which FreqFit passes a frequency");
    }
}
