#include "sweep/report.h"

#include "cli/output.h"
#include "sweep/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "91.25", with several runs "91.25 ± 0.31" */
static void mean_cell(cli_table *t, sweep_mean m, int decimals)
{
    if (m.count == 0)
        cli_table_cell(t, "-");
    else if (m.count == 1)
        cli_table_cell(t, "%.*f", decimals, m.mean);
    else
        cli_table_cell(t, "%.*f ± %.*f", decimals, m.mean, decimals, m.deviation);
}

static void shots_cell(cli_table *t, const sweep_run *run)
{
    long long shots = run->shots ? (long long)json_integer_value(run->shots) : 0;
    if (shots > 0)
        cli_table_cell(t, "%lld", shots);
    else
        cli_table_cell(t, "all");
}

static bool has_shots(const sweep_plan *p)
{
    return json_array_size(p->spec->shots) > 0;
}

/* The "evaluate" list of the first data set that has one: the columns of all. */
static const json_t *targets_of(const sweep_plan *p)
{
    for (int i = 0; i < p->spec->data_count; i++)
        if (p->spec->data[i].evaluate)
            return p->spec->data[i].evaluate;
    return NULL;
}

static void cell_headings(const sweep_plan *p, cli_table *t)
{
    static const char *const names[] = {"lr",         "seeds",     "last",    "best",
                                        "best epoch", "trainable", "seconds", "peak memory"};
    const json_t *target;
    size_t i;
    cli_table_cell(t, "data");
    cli_table_cell(t, "method");
    if (has_shots(p))
        cli_table_cell(t, "shots");
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        cli_table_cell(t, "%s", names[i]);
    json_array_foreach(targets_of(p), i, target)
        cli_table_cell(t, "%s", sweep_target_text(target, "name"));
    t->columns = (int)t->count;
}

static void cell_row(const sweep_plan *p, const sweep_cell *cell, cli_table *t)
{
    const sweep_run *run = cell->first;
    const json_t *target;
    double rate = sweep_run_rate(run);
    char text[32];
    size_t i;
    cli_table_cell(t, "%s", run->data->name);
    cli_table_cell(t, "%s", run->method->name);
    if (has_shots(p))
        shots_cell(t, run);
    if (rate > 0.0)
        cli_table_cell(t, "%g", rate);
    else
        cli_table_cell(t, "-");
    if (cell->done == cell->runs)
        cli_table_cell(t, "%d", cell->runs);
    else
        cli_table_cell(t, "%d of %d", cell->done, cell->runs);
    mean_cell(t, cell->last, 2);
    mean_cell(t, cell->best, 2);
    mean_cell(t, cell->best_epoch, 0);
    cli_table_cell(t, "%s", cell->trainable < 0 ? "-" : cli_grouped(cell->trainable, text));
    mean_cell(t, cell->seconds, 1);
    cli_table_cell(t, "%s",
                   cell->trainable < 0 ? "-" : cli_bytes((uint64_t)cell->peak_bytes, text));
    json_array_foreach(targets_of(p), i, target)
        mean_cell(t, sweep_cell_evaluation(p, cell, sweep_target_text(target, "name")), 2);
}

static void fill_cells(const sweep_summary *s, cli_table *t)
{
    cell_headings(s->plan, t);
    for (int i = 0; i < s->cell_count; i++)
        cell_row(s->plan, &s->cells[i], t);
}

/* Over the sets that have results; where they are not all, the cell says so. */
static void average_cell(cli_table *t, const sweep_average *a, bool known, double value)
{
    if (!known)
        cli_table_cell(t, "-");
    else if (a->sets == a->of)
        cli_table_cell(t, "%.2f", value);
    else
        cli_table_cell(t, "%.2f (%d of %d)", value, a->sets, a->of);
}

static void fill_averages(const sweep_summary *s, bool best, cli_table *t)
{
    const sweep_spec *spec = s->plan->spec;
    cli_table_cell(t, "%s", best ? "best epoch" : "last epoch");
    if (has_shots(s->plan))
        cli_table_cell(t, "shots");
    for (int i = 0; i < spec->data_count; i++)
        if (sweep_begins_group(spec, i))
            cli_table_cell(t, "%s", spec->data[i].group);
    cli_table_cell(t, "mean of %d sets", spec->data_count);
    cli_table_cell(t, "mean of groups");
    t->columns = (int)t->count;
    for (int k = 0; k < s->average_count; k++) {
        const sweep_average *a = &s->averages[k];
        cli_table_cell(t, "%s", a->first->first->method->name);
        if (has_shots(s->plan))
            shots_cell(t, a->first->first);
        for (int i = 0; i < spec->data_count; i++)
            if (sweep_begins_group(spec, i)) {
                sweep_mean m = sweep_group_mean(s, a, spec->data[i].group, best);
                m.count = m.count ? 1 : 0;
                mean_cell(t, m, 2);
            }
        average_cell(t, a, a->sets > 0, best ? a->best : a->last);
        average_cell(t, a, a->groups > 0, best ? a->group_best : a->group_last);
    }
}

/* ---- Text and Markdown ------------------------------------------------------------------- */

static void print_missing_targets(const sweep_item *data, FILE *file)
{
    const json_t *target;
    size_t i;
    json_array_foreach(data->evaluate, i, target)
    {
        if (sweep_target_missing(target))
            fprintf(file, "Missing: %s (%s), a test for %s.\n", sweep_target_text(target, "name"),
                    sweep_target_text(target, "data"), data->name);
    }
}

static void print_missing(const sweep_summary *s, FILE *file)
{
    const sweep_spec *spec = s->plan->spec;
    for (int i = 0; i < spec->data_count; i++)
        if (spec->data[i].missing)
            fprintf(file, "Missing: %s (%s).\n", spec->data[i].name,
                    json_string_value(json_object_get(spec->data[i].options, "data")));
    for (int i = 0; i < spec->data_count; i++)
        print_missing_targets(&spec->data[i], file);
    for (int i = 0; i < s->plan->count; i++) {
        const sweep_run *run = &s->plan->runs[i];
        char title[160];
        if (run->state == SWEEP_FAILED)
            fprintf(file, "Failed: %s: %s.\n", sweep_run_title(run, title), run->error);
    }
}

static void write_markdown(FILE *file, const cli_table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        bool ends = (int)(i % (size_t)t->columns) == t->columns - 1;
        fprintf(file, "| %s %s", t->cells[i] ? t->cells[i] : "", ends ? "|\n" : "");
        for (int k = 0; ends && i + 1 == (size_t)t->columns && k < t->columns; k++)
            fprintf(file, "|%s%s", k < 2 ? "---" : "---:", k == t->columns - 1 ? "|\n" : "");
    }
    fprintf(file, "\n");
}

static graft_status print_text(cli *c, const sweep_summary *s)
{
    cli_table cells = {0};
    fill_cells(s, &cells);
    CLI_TRY(cli_table_print(c, &cells));
    for (int best = 0; best < 2 && sweep_has_averages(s); best++) {
        cli_table averages = {0};
        printf("\n");
        fill_averages(s, best, &averages);
        CLI_TRY(cli_table_print(c, &averages));
    }
    print_missing(s, stdout);
    return GRAFT_OK;
}

static void write_page(FILE *file, const sweep_summary *s)
{
    cli_table cells = {0};
    fprintf(file, "# Results of a sweep\n\nAccuracy in percent, mean ± deviation over seeds; "
                  "trainable parameters without the head.\n\n");
    fill_cells(s, &cells);
    write_markdown(file, &cells);
    cli_table_release(&cells);
    for (int best = 0; best < 2 && sweep_has_averages(s); best++) {
        cli_table averages = {0};
        fill_averages(s, best, &averages);
        write_markdown(file, &averages);
        cli_table_release(&averages);
    }
    print_missing(s, file);
}

graft_status sweep_report_print(cli *c, const sweep_summary *s, bool json)
{
    return json ? cli_print_json(c, sweep_report_json(s)) : print_text(c, s);
}

graft_status sweep_report_write(cli *c, const sweep_summary *s)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/results.md", s->plan->spec->out);
    FILE *file = fopen(path, "w");
    if (!file)
        return cli_fail(c, GRAFT_ERR_IO, "%s: cannot be written", path);
    write_page(file, s);
    bool failed = ferror(file) != 0;
    failed |= fclose(file) != 0;
    if (failed)
        return cli_fail(c, GRAFT_ERR_IO, "%s: cannot be written", path);
    snprintf(path, sizeof(path), "%s/results.json", s->plan->spec->out);
    json_t *all = sweep_report_json(s);
    failed = !all || json_dump_file(all, path, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) != 0;
    json_decref(all);
    return failed ? cli_fail(c, GRAFT_ERR_IO, "%s: cannot be written", path) : GRAFT_OK;
}
