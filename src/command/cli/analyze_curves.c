/* Figures of runs: how training went, and what came of how many parameters. */
#include "command/cli/analyze.h"

#include <math.h>
#include <string.h>

const char *cli_json_string(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

double cli_json_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

int cli_json_int(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? (int)json_integer_value(value) : -1;
}

void cli_figure_data(cli_figure *f, const char *name, const json_t *xs, const json_t *ys)
{
    enum { POINTS = 200 };
    size_t count = json_array_size(ys), group = (count + POINTS - 1) / POINTS;
    cli_figure_line(f, "$%s << EOD", name);
    for (size_t i = 0; i < count; i += group) {
        double x = 0.0, y = 0.0, n = 0.0;
        for (size_t k = i; k < i + group && k < count; k++, n++) {
            x += xs ? json_number_value(json_array_get(xs, k)) : (double)k;
            y += json_number_value(json_array_get(ys, k));
        }
        cli_figure_line(f, "%.9g %.9g", x / n, y / n);
    }
    cli_figure_line(f, "EOD");
}

void cli_panels_begin(cli_figure *f, size_t count)
{
    int columns = count < 4 ? (int)count : 4, rows = ((int)count + 3) / 4;
    cli_figure_begin(f, 240 * columns + 20, 190 * rows + 20);
    cli_figure_line(f,
                    "set tics font ',10'\nset title offset 0,-0.7\nunset key\nset format y '%%g'\n"
                    "set multiplot layout %d,%d margins char 8,1.5,2.5,2 spacing char 7.5,4",
                    rows, columns);
}

/* A line of each run, of an array of its metrics over the epochs. */
static void steps_figure(cli_page *p, const json_t *runs, const char *what, const char *caption)
{
    size_t i;
    const json_t *run;
    cli_figure f;
    cli_figure_begin(&f, 0, 0);
    cli_figure_line(&f, "set xlabel 'epoch'\nset ylabel '%s'", what);
    json_array_foreach(runs, i, run)
    {
        char name[32];
        const json_t *steps = json_object_get(json_object_get(run, "metrics"), "steps");
        snprintf(name, sizeof(name), "run%zu", i);
        cli_figure_data(&f, name, json_object_get(steps, "epoch"), json_object_get(steps, what));
    }
    json_array_foreach(runs, i, run)
    {
        const json_t *steps = json_object_get(json_object_get(run, "metrics"), "steps");
        if (json_array_size(json_object_get(steps, what)))
            cli_figure_plot(&f, cli_json_string(run, "name"), "$run%zu lt %zu", i, i + 1);
    }
    cli_page_figure(p, &f, caption);
}

static void accuracy_figure(cli_page *p, const json_t *runs)
{
    size_t i, k;
    const json_t *run, *evaluation;
    cli_figure f;
    cli_figure_begin(&f, 0, 0);
    cli_figure_line(&f, "set xlabel 'epoch'\nset ylabel 'accuracy, %%'\nset key bottom right");
    json_array_foreach(runs, i, run)
    {
        cli_figure_line(&f, "$run%zu << EOD", i);
        json_array_foreach(json_object_get(json_object_get(run, "metrics"), "evaluations"), k,
                           evaluation)
            cli_figure_line(&f, "%.6g %.6g", cli_json_number(evaluation, "epoch"),
                            100.0 * cli_json_number(evaluation, "accuracy"));
        cli_figure_line(&f, "EOD");
    }
    json_array_foreach(runs, i, run)
    {
        if (json_is_number(json_object_get(run, "accuracy")))
            cli_figure_plot(&f, cli_json_string(run, "name"), "$run%zu with linespoints lt %zu", i,
                            i + 1);
    }
    cli_page_figure(p, &f, "Accuracy at the evaluations during training.");
}

static bool any(const json_t *runs, const char *first, const char *second)
{
    size_t i;
    const json_t *run;
    json_array_foreach(runs, i, run)
    {
        const json_t *steps = json_object_get(json_object_get(run, "metrics"), "steps");
        if (first ? json_is_number(json_object_get(run, first)) &&
                        json_is_number(json_object_get(run, second))
                  : json_array_size(json_object_get(steps, "loss")) > 0)
            return true;
    }
    return false;
}

void cli_analyze_curves(cli_page *p, const json_t *runs)
{
    if (any(runs, NULL, NULL)) {
        steps_figure(p, runs, "loss",
                     "Training loss; each point is a mean over neighbouring steps.");
        steps_figure(p, runs, "lr", "Learning rate.");
    }
    if (any(runs, "accuracy", "accuracy"))
        accuracy_figure(p, runs);
}

void cli_analyze_tradeoff(cli_page *p, const json_t *runs)
{
    size_t i;
    const json_t *run;
    if (!any(runs, "accuracy", "trainable"))
        return;
    cli_figure f;
    cli_figure_begin(&f, 0, 0);
    cli_figure_line(&f, "set xlabel 'trainable parameters, head included'\nset ylabel 'accuracy, "
                        "%%'\nset logscale x\nset key outside right\nset offsets graph 0.1, graph "
                        "0.1, graph 0.1, graph 0.1");
    json_array_foreach(runs, i, run)
    {
        double x = cli_json_number(run, "trainable"), y = cli_json_number(run, "accuracy");
        if (x > 0.0 && y >= 0.0)
            cli_figure_line(&f, "$run%zu << EOD\n%.9g %.9g\nEOD", i, x, 100.0 * y);
    }
    json_array_foreach(runs, i, run)
    {
        if (cli_json_number(run, "trainable") > 0.0 && cli_json_number(run, "accuracy") >= 0.0)
            cli_figure_plot(&f, cli_json_string(run, "name"), "$run%zu with points lt %zu ps 1.2",
                            i, i + 1);
    }
    cli_page_figure(p, &f, "Accuracy after the last epoch against trainable parameters.");
}
