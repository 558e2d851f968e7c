#include "command/sweep/figures.h"

#include "command/sweep/folder.h"
#include "command/console/write.h"
#include "command/plot/gnuplot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A figure while it is written: the data blocks, and the plot command that comes after them. */
typedef struct figure {
    char *data_text, *plot_text;
    size_t data_size, plot_size;
    FILE *data, *plot;
    int series;
} figure;

static bool open_figure(figure *f, const char *axes)
{
    *f = (figure){0};
    f->data = open_memstream(&f->data_text, &f->data_size);
    f->plot = open_memstream(&f->plot_text, &f->plot_size);
    if (!f->data || !f->plot)
        return false;
    fprintf(f->plot, "set key outside right\nset grid\n%s\n", axes);
    return true;
}

static void begin_series(figure *f)
{
    fprintf(f->data, "$s%d << EOD\n", f->series);
}

/* A series without points would be an error of gnuplot. */
static void end_series(figure *f, int points, const char *title, const char *how)
{
    fprintf(f->data, "EOD\n");
    if (points == 0)
        return;
    fprintf(f->plot, "%s$s%d %s title ", f->series ? ", \\\n     " : "plot ", f->series, how);
    gr_gnuplot_quote(f->plot, title);
    f->series++;
}

static graft_status write_file(cli *c, const char *folder, const char *name, const char *ending,
                               const char *text)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s.%s", folder, name, ending);
    return cli_write_file(c, path, text);
}

/* Writes and draws it. *drawn becomes false when there is no gnuplot. */
static graft_status finish_script(cli *c, const char *folder, const char *name, const char *script,
                                  bool *drawn)
{
    char *svg = NULL, error[256];
    CLI_TRY(write_file(c, folder, name, "gp", script));
    const gr_figure picture = {.name = "sweep", .script = script};
    graft_status status = gr_gnuplot_svg(&picture, &svg, error);
    *drawn = status != GRAFT_ERR_NOT_FOUND;
    if (!*drawn)
        return GRAFT_OK;
    status = svg ? write_file(c, folder, name, "svg", svg) : cli_fail(c, status, "%s", error);
    free(svg);
    return status;
}

/* Takes the figure. One without series is left out. */
static graft_status close_figure(cli *c, figure *f, const char *folder, const char *name,
                                 bool *drawn)
{
    char *script = NULL;
    graft_status status = GRAFT_OK;
    fprintf(f->plot, "\n");
    bool failed = fclose(f->data) != 0;
    failed |= fclose(f->plot) != 0;
    if (failed || asprintf(&script, "%s%s", f->data_text, f->plot_text) < 0)
        status = cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    else if (f->series > 0)
        status = finish_script(c, folder, name, script, drawn);
    free(script);
    free(f->data_text);
    free(f->plot_text);
    return status;
}

static graft_status no_memory(cli *c, figure *f)
{
    if (f->data)
        fclose(f->data);
    if (f->plot)
        fclose(f->plot);
    free(f->data_text);
    free(f->plot_text);
    return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
}

static graft_status draw_parameters(cli *c, const sweep_summary *s, const char *folder, bool *drawn)
{
    figure f;
    if (!open_figure(&f, "set logscale x\nset xlabel 'trainable parameters, head left out'\n"
                         "set ylabel 'accuracy, mean of the data sets (%)'"))
        return no_memory(c, &f);
    for (int i = 0; i < s->average_count; i++) {
        const sweep_average *a = &s->averages[i];
        int64_t trainable = a->first->trainable;
        if (a->sets == 0)
            continue;
        begin_series(&f);
        fprintf(f.data, "%lld %.4f\n", (long long)(trainable > 0 ? trainable : 1), a->last);
        end_series(&f, 1, a->first->first->method->name, "with points pt 7");
    }
    return close_figure(c, &f, folder, "parameters", drawn);
}

/* The evaluations of one run as lines "epoch accuracy". */
static int write_curve(const sweep_run *run, FILE *data)
{
    char path[4096], line[1024];
    int count = 0;
    FILE *file = sweep_run_path(run, "metrics.jsonl", path, sizeof(path)) ? fopen(path, "r") : NULL;
    while (file && fgets(line, sizeof(line), file)) {
        json_t *m = strstr(line, "\"split\"") ? json_loads(line, 0, NULL) : NULL;
        if (m) {
            fprintf(data, "%g %.4f\n", json_number_value(json_object_get(m, "epoch")),
                    100.0 * json_number_value(json_object_get(m, "accuracy")));
            count++;
        }
        json_decref(m);
    }
    if (file)
        fclose(file);
    return count;
}

/* The first seed of each method on one data set. */
static graft_status draw_curves(cli *c, const sweep_summary *s, const sweep_item *set,
                                const char *folder, bool *drawn)
{
    figure f;
    char name[160], title[160];
    snprintf(name, sizeof(name), "curves-%.120s", set->name);
    if (!open_figure(&f, "set xlabel 'epoch'\nset ylabel 'accuracy (%)'"))
        return no_memory(c, &f);
    for (int i = 0; i < s->cell_count; i++) {
        const sweep_run *run = s->cells[i].first;
        if (run->data != set || run->state != SWEEP_DONE)
            continue;
        begin_series(&f);
        int points = write_curve(run, f.data);
        end_series(&f, points, sweep_run_title(run, title), "with linespoints pt 7 ps 0.4");
    }
    return close_figure(c, &f, folder, name, drawn);
}

static graft_status draw_shots(cli *c, const sweep_summary *s, const char *folder, bool *drawn)
{
    const sweep_spec *spec = s->plan->spec;
    figure f;
    if (!open_figure(&f, "set logscale x 2\nset xlabel 'training images of each class'\n"
                         "set ylabel 'accuracy, mean of the data sets (%)'"))
        return no_memory(c, &f);
    for (int m = 0; m < spec->method_count; m++) {
        int points = 0;
        begin_series(&f);
        for (int i = 0; i < s->average_count; i++) {
            const sweep_average *a = &s->averages[i];
            if (a->first->first->method != &spec->methods[m] || a->sets == 0)
                continue;
            fprintf(f.data, "%lld %.4f\n", (long long)json_integer_value(a->first->first->shots),
                    a->last);
            points++;
        }
        end_series(&f, points, spec->methods[m].name, "with linespoints pt 7");
    }
    return close_figure(c, &f, folder, "shots", drawn);
}

static graft_status draw_all(cli *c, const sweep_summary *s, const char *folder, bool *drawn)
{
    const sweep_spec *spec = s->plan->spec;
    CLI_TRY(draw_parameters(c, s, folder, drawn));
    if (json_array_size(spec->shots) > 1)
        CLI_TRY(draw_shots(c, s, folder, drawn));
    for (int i = 0; i < spec->data_count; i++)
        if (!spec->data[i].missing)
            CLI_TRY(draw_curves(c, s, &spec->data[i], folder, drawn));
    return GRAFT_OK;
}

graft_status sweep_figures_write(cli *c, const sweep_summary *s)
{
    char folder[4000], text[4200];
    bool drawn = true;
    snprintf(folder, sizeof(folder), "%s/figures", s->plan->spec->out);
    CLI_TRY(sweep_make_folder(c, folder));
    CLI_TRY(draw_all(c, s, folder, &drawn));
    if (!drawn && c->console->level >= GRAFT_LOG_INFO) {
        snprintf(text, sizeof(text), "gnuplot is not installed: %s holds scripts, but no pictures",
                 folder);
        cli_console_message(c->console, GRAFT_LOG_INFO, text);
    }
    return GRAFT_OK;
}
